"""Delivery dies at each of its awaits once, by a vendor that fails in every way; its judge finds faults."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from connectors.log import Log
from flows.delivery.origin import origin_of
from flows.delivery.outcomes import end_entries, ledger_entry
from tests.flows.delivery.support import new_log, plan, send
from tests.recovery.delivery_chaos import EACH, POINTS, DeliveryChaos
from tests.recovery.delivery_judge import NO_LOOK_UP, DeliveryVerdict, judge_delivery

ONE = send(1)
URGENT = send(2, message_class="transactional")


@pytest.mark.slow
def test_wherever_it_dies_nothing_is_lost_and_nothing_goes_again_whose_end_was_known(tmp_path: Path) -> None:
    chaos = DeliveryChaos(tmp_path, seed=1)
    verdict = chaos.go(len(POINTS))
    assert chaos.deaths == dict.fromkeys(POINTS, 1)
    assert verdict.is_right, verdict
    assert verdict.standings.total() == len(chaos.sends) >= len(POINTS) * EACH
    assert verdict.standings["queued"] == 0
    assert verdict.standings["skipped"] == len(chaos.sends) // 10  # exactly those that cannot be rendered
    assert verdict.moments > 3 * len(chaos.sends)
    assert chaos.vendor.server.hooks


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Log]:
    made = new_log(tmp_path / "log.db", 1)
    yield made
    made.close()


def judged(log: Log, *mail: str) -> DeliveryVerdict:
    return judge_delivery(log, mail, [])


def test_what_is_accepted_once_is_right_at_every_moment(log: Log) -> None:
    plan(log, ONE)
    log.append([ledger_entry(ONE, 1, "started", 5), *end_entries(ONE, origin_of(ONE, "p"), 1, "accepted", 6)])
    verdict = judged(log, ONE.id)
    assert verdict.is_right
    assert (verdict.moments, verdict.standings) == (3, {"accepted": 1})


def test_the_judge_finds_what_was_lost_and_what_was_not_told(log: Log) -> None:
    plan(log, ONE, URGENT)
    for sent, end in ((ONE, "accepted"), (URGENT, "skipped")):
        log.append(end_entries(sent, origin_of(sent, "p"), 1, end, 6))  # type: ignore[arg-type]
    verdict = judged(log, URGENT.id)
    assert (verdict.lost, verdict.untold) == ([ONE.id], [URGENT.id])


def test_the_judge_tells_a_repetition_in_the_dark_from_one_that_was_not_called_for(log: Log) -> None:
    plan(log, ONE, URGENT)
    for sent in (ONE, URGENT):
        log.append([ledger_entry(sent, 1, "retry", 5, reason=f"sendgrid {NO_LOOK_UP} by send")])
        log.append(end_entries(sent, origin_of(sent, "p"), 2, "accepted", 6))
    assert judged(log, *[ONE.id, URGENT.id] * 2).twice == [ONE.id]  # marketing is not sent again
    assert judged(log, ONE.id, *[URGENT.id] * 3).twice == [URGENT.id]


def test_the_judge_finds_what_goes_on_after_its_end_and_what_the_facts_contradict(log: Log) -> None:
    plan(log, ONE)
    log.append(end_entries(ONE, origin_of(ONE, "p"), 1, "accepted", 6))
    log.append([ledger_entry(ONE, 2, "started", 7)])
    assert len(judged(log, ONE.id).moved) == 1
    log.append(end_entries(ONE, origin_of(ONE, "p"), 2, "refused", 8))
    assert len(judged(log, ONE.id).moved) == 2


def test_the_judge_finds_the_moment_at_which_something_stood_that_was_not_planned(log: Log) -> None:
    log.append([ledger_entry(ONE, 1, "started", 5)])
    breach, send_id = judged(log).identity
    assert "0 planned" in breach
    assert send_id == ONE.id
