"""Right before a message is handed over, and when it cannot go by its channel or its provider."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from connectors.log import Log
from connectors.log_clock import wall_ms
from flows.delivery.breaker import FAILURES
from flows.delivery.desk import Route
from flows.delivery.gate import Gate, Limits
from flows.delivery.origin import origin_of
from flows.delivery.outcomes import ProviderEvent, ledger_entry, settling_entries
from flows.delivery.pace import Plan
from flows.delivery.provider import LATE, Accepted, Message, Refused, Result, Retry, Unknown
from schemas.records import Definition, Entry, Fallback, Quiet, Send, encode
from schemas.times import DAY
from sinks.ledger_store import LedgerStore
from tests.flows.delivery.support import HOUR, attempts_of, ends, events_of, new_log, plan, send
from tests.flows.delivery.test_queue import Named, Table, answering, by_email, run

SMS = {"kind": "sms_template", "id": "t", "body": "Hi {{ name }}"}
UNREGISTERED = Refused("unregistered", "address")


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Log]:
    made = new_log(tmp_path / "log.db", 1)
    made.append([Entry("definitions", "sms_template/t", encode(Definition("sms_template", "t", "publish", 1, SMS)))])
    yield made
    made.close()


def falling_back(n: int = 1, **said: Any) -> Send:
    other = Fallback("sms", "+41790000000", 1, {"name": "Ann"})
    return send(n, channels=["sms"], fallback=[other], **said)


def by_both(email: Named, sms: Named) -> Table:
    return Table({"email": [Route(email, Gate())], "sms": [Route(sms, Gate())]})


def recall(contact: str, channel: str = "email", **said: Any) -> Send:
    return Send("recall", contact, 5, 0, channel, recall="unsubscribed", **said)


def skips(log: Log) -> dict[str, str]:
    return {a.send: a.reason for a in attempts_of(log) if a.status == "skipped"}


def test_where_the_address_is_refused_the_next_channel_goes_at_once_with_its_own_words(log: Log, tmp_path: Path):
    email, sms = Named("mail", answering(UNREGISTERED)), Named("sms")
    plan(log, falling_back())
    run(log, tmp_path, by_both(email, sms))
    assert [(m.to, m.text) for m in sms.given] == [("+41790000000", "Hi Ann")]
    assert [(a.status, a.channel, a.provider) for a in attempts_of(log)] == [
        ("started", "email", "mail"),
        ("retry", "sms", ""),
        ("started", "sms", "sms"),
        ("accepted", "sms", "sms"),
    ]
    assert {e.type for e in events_of(log)} == {"address_suppressed", "sms_sent"}
    assert ends(log) == {"accepted": 1}


@pytest.mark.parametrize(
    "said", [{"to": "no address"}, {"channel": "push", "to": "token"}], ids=["address", "provider"]
)
def test_a_channel_that_cannot_be_used_at_all_is_fallen_back_from(log: Log, tmp_path: Path, said: dict[str, str]):
    sms = Named("sms")
    plan(log, falling_back(**said))
    run(log, tmp_path, by_both(Named("mail"), sms))
    assert len(sms.given) == 1
    assert ends(log) == {"accepted": 1}


def test_without_a_next_channel_the_refusal_is_the_end(log: Log, tmp_path: Path):
    refused = Named("mail", answering(UNREGISTERED))
    plan(log, falling_back())
    run(log, tmp_path, by_both(refused, Named("sms", answering(Refused("blocked", "address")))))
    assert ends(log) == {"refused": 1}
    facts = [(e.type, e.properties.get("channel")) for e in events_of(log)]
    assert sorted(facts) == [("address_suppressed", "email"), ("address_suppressed", "sms"), ("sms_failed", None)]


def test_a_send_that_is_given_up_goes_by_the_next_channel_and_its_address_stays_good(log: Log, tmp_path: Path):
    """It stands before its fifth attempt, whose time has come."""
    fell = falling_back()
    plan(log, fell, send(2))
    log.append([ledger_entry(s, 4, "retry", 5, 6, provider="mail", failures=4) for s in (fell, send(2))])
    email, sms = Named("mail", answering(Retry("503"))), Named("sms")
    run(log, tmp_path, by_both(email, sms))
    assert (len(email.given), [m.to for m in sms.given]) == (2, ["+41790000000"])
    told = [(a.number, a.status, a.channel) for a in attempts_of(log) if a.send == fell.id]
    assert told[1:] == [(5, "started", "email"), (5, "retry", "sms"), (6, "started", "sms"), (6, "accepted", "sms")]
    assert ends(log) == {"accepted": 1, "refused": 1}  # the other one asks for no other channel
    assert {e.type for e in events_of(log)} == {"sms_sent", "email_failed"}


def test_a_worker_that_is_held_up_tries_again_at_once_and_its_provider_is_not_stopped_for_it(log: Log, tmp_path: Path):
    calls = 0
    states: list[str] = []

    async def answer(_: Message) -> Result:
        nonlocal calls
        calls += 1
        states.append(gate.breaker.state)
        return LATE if calls <= 2 * FAILURES else Accepted()

    gate = Gate()
    plan(log, send(1))
    run(log, tmp_path, Table({"email": [Route(Named("p", answer), gate)]}))
    assert all(a.due <= a.at for a in attempts_of(log) if a.status == "retry")
    assert states == ["closed"] * (2 * FAILURES + 1)
    assert ends(log) == {"accepted": 1}


def test_a_restart_goes_on_by_the_channel_that_was_fallen_back_to(log: Log, tmp_path: Path):
    fell = falling_back()
    plan(log, fell)
    sms_send = send(1, channel="sms")
    log.append([ledger_entry(fell, 1, "started", 5, provider="mail"), ledger_entry(sms_send, 1, "retry", 6, 6)])
    email, sms = Named("mail"), Named("sms")
    run(log, tmp_path, by_both(email, sms))
    assert (len(email.given), len(sms.given)) == (0, 1)
    assert [(a.number, a.status) for a in attempts_of(log)][2:] == [(2, "started"), (2, "accepted")]


def test_a_provider_that_fails_is_passed_over_at_once(log: Log, tmp_path: Path):
    first, second = Named("first", answering(Retry("503"))), Named("second")
    plan(log, send(1))
    begun = wall_ms()
    run(log, tmp_path, by_email(first, second))
    told = attempts_of(log)
    assert [(a.status, a.provider) for a in told] == [
        ("started", "first"),
        ("retry", "first"),
        ("started", "second"),
        ("accepted", "second"),
    ]
    assert told[1].due <= told[1].at  # no wait was asked for
    assert begun <= told[1].at


def test_where_both_fail_the_usual_waits_begin(log: Log, tmp_path: Path):
    answers: list[Result] = [Retry("503"), Retry("503"), Accepted()]

    async def next_answer(_: Message) -> Result:
        return answers.pop(0)

    plan(log, send(1))
    run(log, tmp_path, by_email(Named("first", next_answer), Named("second", next_answer)))
    waits = [(a.due - a.at) // 100 for a in attempts_of(log) if a.status == "retry"]
    assert waits[0] == 0
    assert 8 <= waits[1] <= 12  # about a second


def test_what_failed_is_counted_through_a_restart_and_what_does_not_count_is_not(log: Log, tmp_path: Path):
    plan(log, send(1))
    answers: list[Result] = [LATE, LATE, Retry("503"), Retry("503")]

    async def next_answer(_: Message) -> Result:
        return answers.pop(0)

    run(log, tmp_path, by_email(Named("p", next_answer)), until=lambda: len(_retries(log)) == 3)
    again = Named("p", answering(Accepted()))
    ledger = LedgerStore(tmp_path / "ledger")
    standing = ledger.get(send(1).id)
    ledger.close()
    assert [a.failures for a in _retries(log)] == [0, 0, 1]
    assert (standing.number, standing.failures) == (3, 1)
    run(log, tmp_path, by_email(again))
    assert [a.number for a in attempts_of(log) if a.status == "accepted"] == [4]


def test_how_long_a_provider_asks_to_be_left_alone_outlives_a_restart(log: Log, tmp_path: Path):
    plan(log, send(1))
    run(log, tmp_path, by_email(Named("p", answering(Retry("429", 3600)))), until=lambda: bool(_retries(log)))
    (retry,) = _retries(log)
    assert 3_590_000 <= retry.due - wall_ms() <= 3_600_000
    again = Named("p")
    plan(log, send(2))
    run(log, tmp_path, by_email(again), until=lambda: ends(log)["accepted"] == 1)
    assert [m.origin.send for m in again.given] == [send(2).id]


def _retries(log: Log) -> list[Any]:
    return [a for a in attempts_of(log) if a.status == "retry"]


def test_what_was_taken_back_before_it_was_handed_over_does_not_go(log: Log, tmp_path: Path):
    plan(
        log,
        send(1, contact="ann"),
        send(2, contact="bob", topic="news"),
        send(3, contact="bob", topic="other"),
        send(4, contact="cem", channel="webhook"),
        recall("ann"),
        recall("bob", topic="news"),
        recall("cem"),
        send(5, contact="ann"),  # planned after it: the fold knew
    )
    provider = Named("p")
    run(log, tmp_path, Table({c: [Route(provider, Gate())] for c in ("email", "webhook")}))
    assert skips(log) == {send(1).id: "unsubscribed", send(2).id: "unsubscribed"}
    assert {m.origin.send for m in provider.given} == {send(n).id for n in (3, 4, 5)}


def test_withdrawn_consent_leaves_transactional_messages_alone_and_a_suppressed_address_takes_all(
    log: Log, tmp_path: Path
):
    urgent = {"channel": "webhook", "message_class": "transactional"}
    plan(log, send(1, contact="ann", **urgent), recall("ann", "webhook"))
    plan(log, send(2, contact="bob", **urgent), recall("bob", "webhook", message_class="transactional"))
    provider = Named("p")
    run(log, tmp_path, Table({"webhook": [Route(provider, Gate())]}))
    assert [m.origin.contact for m in provider.given] == ["ann"]


def test_what_was_taken_back_of_one_channel_goes_by_the_next_one_that_may_be_used_still(log: Log, tmp_path: Path):
    plan(log, falling_back(1, contact="ann"), falling_back(2, contact="bob"), falling_back(3, contact="cem"))
    plan(log, recall("ann"), recall("bob"), recall("bob", "sms"), recall("cem", ""))
    email, sms = Named("mail"), Named("sms")
    run(log, tmp_path, by_both(email, sms))
    assert (email.given, [m.origin.contact for m in sms.given]) == ([], ["ann"])
    assert skips(log) == {send(2).id: "unsubscribed", send(3).id: "unsubscribed"}


def test_what_may_have_gone_by_one_channel_goes_by_no_other_when_it_is_taken_back(log: Log, tmp_path: Path):
    plan(log, falling_back(), recall("c1"))
    log.append([ledger_entry(send(1), 1, "retry", 5, 6, provider="p", failures=1, in_the_dark=True)])
    email, sms = Named("mail"), Named("sms")
    run(log, tmp_path, by_both(email, sms))
    assert (email.given, sms.given, ends(log)) == ([], [], {"unknown": 1})


def in_the_dark(n: int, **said: Any) -> Entry:
    return ledger_entry(send(n, **said), 1, "retry", 5, 6, provider="p", failures=1, in_the_dark=True)


@pytest.mark.parametrize(("kind", "ended"), [("marketing", "unknown"), ("transactional", "accepted")])
def test_what_may_have_gone_is_unknown_where_its_provider_is_no_more_and_only_transactional_goes_by_another_channel(
    log: Log, tmp_path: Path, kind: Any, ended: str
):
    plan(log, send(1, message_class=kind, channels=["webhook"], fallback=[Fallback("webhook")]))
    log.append([in_the_dark(1)])
    hook = Named("hook")
    run(log, tmp_path, Table({"webhook": [Route(hook, Gate())]}))
    assert (ends(log), len(hook.given)) == ({ended: 1}, int(kind == "transactional"))


def test_what_may_have_gone_by_the_channel_before_is_unknown_also_where_the_next_one_cannot_take_it(
    log: Log, tmp_path: Path
):
    plan(log, falling_back(message_class="transactional"))  # its text message is marketing: it cannot go
    log.append([in_the_dark(1)])
    run(log, tmp_path, Table({"sms": [Route(Named("sms"), Gate())]}))
    assert ends(log) == {"unknown": 1}


def test_what_is_taken_back_from_who_is_held_out_goes_by_no_channel_but_a_webhook(log: Log, tmp_path: Path):
    plan(log, send(1, contact="ann"), send(2, contact="ann", channel="webhook"), recall("ann", ""))
    provider = Named("p")
    run(log, tmp_path, Table({c: [Route(provider, Gate())] for c in ("email", "webhook")}))
    assert [m.origin.send for m in provider.given] == [send(2).id]


def test_of_a_domain_with_an_allowance_no_more_go_at_once_than_it_has(log: Log, tmp_path: Path):
    async def slow(_: Message) -> Result:
        await asyncio.sleep(0.05)
        return Accepted()

    gate = Gate(Limits(plan=Plan(wall_ms() // DAY, 3, 1.0, 30, frozenset({"example.com"}))))
    plan(log, *(send(n) for n in range(12)), send(20, to="ann@a.example"))
    provider = Named("p", slow)
    run(log, tmp_path, Table({"email": [Route(provider, gate)]}), until=lambda: ends(log)["accepted"] == 4)
    assert len(provider.given) == 4
    assert ends(log) == {"accepted": 4}


def test_what_is_taken_back_while_a_send_waits_for_its_next_attempt_is_heard(log: Log, tmp_path: Path):
    async def busy(_: Message) -> Result:
        plan(log, recall("c1"))
        return Retry("busy")

    plan(log, send(1))
    run(log, tmp_path, by_email(Named("p", busy)))
    assert skips(log) == {send(1).id: "unsubscribed"}


def test_what_is_taken_back_when_it_may_have_gone_already_is_not_told_as_skipped(log: Log, tmp_path: Path):
    plan(log, send(1), recall("c1"))
    log.append([ledger_entry(send(1), 1, "retry", 5, 6, provider="p", failures=1, in_the_dark=True)])
    provider = Named("p")
    run(log, tmp_path, by_email(provider))
    assert provider.given == []
    assert [(a.status, a.reason) for a in attempts_of(log)][1:] == [("unknown", "unsubscribed")]


def test_quiet_hours_that_have_begun_are_waited_out_or_skip(log: Log, tmp_path: Path):
    now = wall_ms()
    soon, later = Quiet(now - HOUR, now + 400), Quiet(now - HOUR, now + HOUR, skips=True)
    plan(log, send(1, quiet=[soon]), send(2, quiet=[later]), send(3, quiet=[Quiet(now - HOUR, now)]))
    provider = Named("p")
    run(log, tmp_path, by_email(provider))
    assert skips(log) == {send(2).id: "quiet_hours"}
    assert [m.origin.send for m in provider.given] == [send(3).id, send(1).id]
    assert next(a.at for a in attempts_of(log) if a.send == send(1).id) >= now + 400


def test_quiet_hours_that_outlast_a_send_let_it_expire(log: Log, tmp_path: Path):
    now = wall_ms()
    plan(log, send(1, quiet=[Quiet(now - HOUR, now + HOUR)], expires=now + 300))
    run(log, tmp_path, by_email(Named("p")))
    assert skips(log) == {send(1).id: "expired"}


@pytest.mark.parametrize("first", ["unknown", "cut"])
def test_what_a_webhook_settles_is_sent_for_conditions_and_reports_too(log: Log, tmp_path: Path, first: str):
    told = send(1)
    plan(log, told)
    if first == "unknown":
        run(log, tmp_path, by_email(Named("p", answering(Unknown("cut")))))
    else:
        log.append([ledger_entry(told, 1, "started", 5, provider="p")])
    log.append(settling_entries(ProviderEvent("delivered", "e1", 7, origin_of(told, "p")), 9))
    run(log, tmp_path, by_email(Named("p")), until=lambda: any(e.type == "email_sent" for e in events_of(log)))
    (sent,) = [e for e in events_of(log) if e.type == "email_sent"]
    assert (sent.at, sent.properties) == (7, origin_of(told, "p").properties())
    assert ends(log) == {"accepted": 1}


def test_a_delivered_message_that_was_known_to_be_sent_says_nothing_more(log: Log, tmp_path: Path):
    plan(log, send(1))
    run(log, tmp_path, by_email(Named("p")))
    log.append(settling_entries(ProviderEvent("delivered", "e1", 7, origin_of(send(1), "p")), 9))
    plan(log, send(2))
    run(log, tmp_path, by_email(Named("p")))
    assert [e.type for e in events_of(log)] == ["email_sent", "email_sent"]


def test_nothing_loops_where_the_only_other_provider_has_no_room(log: Log, tmp_path: Path):
    """The other one is well but busy: the first is asked again after its wait, not in a circle."""
    first, second = Named("first", answering(Retry("503"))), Named("second")
    table = Table({"email": [Route(first, Gate()), Route(second, Gate(Limits(concurrency=1)))]})
    release = asyncio.Event()

    async def hold(_: Message) -> Result:
        if len(second.given) == 1:
            await asyncio.wait_for(release.wait(), 10)
        return Accepted()

    second.answer = hold

    def is_over() -> bool:
        if len(first.given) >= 4:
            release.set()
        return ends(log)["accepted"] == 6

    plan(log, *(send(n) for n in range(6)))
    run(log, tmp_path, table, until=is_over)
    assert ends(log) == {"accepted": 6}
    assert len(first.given) <= 12
