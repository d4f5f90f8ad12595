"""The runner on a real log with real ledgers; providers that answer as told."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from connectors.log import Log
from connectors.log_clock import wall_ms
from flows.delivery.book import Book
from flows.delivery.desk import Fixed
from flows.delivery.office import Office
from flows.delivery.provider import Accepted, Found, Message, Refused, Result, Retry, Unknown
from flows.delivery.runner import GROUP
from flows.delivery.runner import deliver as all_of
from schemas.records import Attempt, Definition, Entry, Send, encode
from sinks.ledger_store import LedgerStore
from tests.flows.delivery.support import TEMPLATE, attempts_of, ends, events_of, new_log, plan, send


class Told:
    """Answers each message as told, by default with Accepted; keeps what it was given."""

    name = "told"

    def __init__(self, answer: Callable[[Message], Awaitable[Result]] | None = None, found: Found = Unknown("none")):
        self._answer, self._found = answer, found
        self.given: list[Message] = []

    async def send(self, message: Message) -> Result:
        self.given.append(message)
        return await self._answer(message) if self._answer else Accepted(f"p{len(self.given)}")

    async def find(self, send_id: str) -> Found:
        return self._found

    async def close(self) -> None:
        pass


@pytest.fixture
def log(tmp_path: Path):
    log = new_log(tmp_path / "log.db")
    yield log
    log.close()


def deliver(log: Log, tmp_path: Path, provider: Told, *, now: int | None = None) -> None:
    """Run both partitions until every send on the log is settled, then stop."""

    async def run() -> None:
        ledgers = {p: LedgerStore(tmp_path / "ledger" / str(p)) for p in range(2)}
        book, stop = Book(log, ledgers, threading.Event()), asyncio.Event()
        book.catch_up()
        providers, clock = Fixed({"email": provider}), wall_ms if now is None else lambda: now
        office = Office(log, book, providers, "https://m.example", b"k", clock)
        try:
            async with asyncio.TaskGroup() as group, asyncio.timeout(90):
                run = group.create_task(all_of(office, range(2), stop))
                while any(log.committed(GROUP, "sends", p) < log.end("sends", p) for p in range(2)):
                    await asyncio.sleep(0.01)
                    assert not run.done()
                stop.set()
        finally:
            book.close()
            for ledger in ledgers.values():
                ledger.close()

    asyncio.run(run())


def skip_reasons(log: Log) -> dict[str, str]:
    return {a.send: a.reason for a in attempts_of(log) if a.status == "skipped"}


def test_every_send_is_handed_over_once_with_its_words(log: Log, tmp_path: Path):
    provider = Told()
    plan(log, *(send(n) for n in range(20)))
    deliver(log, tmp_path, provider)
    assert sorted((m.origin.send, m.to, m.subject) for m in provider.given) == sorted(
        (send(n).id, f"c{n}@example.com", f"Hi c{n}") for n in range(20)
    )
    assert ends(log) == {"accepted": 20}
    assert {e.type for e in events_of(log)} == {"email_sent"}


def test_started_is_on_the_log_before_the_provider_is_called(log: Log, tmp_path: Path):
    async def look(message: Message) -> Result:
        standing = [a.status for a in attempts_of(log) if a.send == message.origin.send]
        return Accepted() if standing == ["started"] else Refused(f"the ledger says {standing}")

    plan(log, send(1), send(2))
    deliver(log, tmp_path, Told(look))
    assert ends(log) == {"accepted": 2}


def test_a_send_that_is_on_the_log_twice_goes_once(log: Log, tmp_path: Path):
    provider = Told()
    plan(log, send(1), send(1), send(2))
    deliver(log, tmp_path, provider)
    plan(log, send(1), send(2), send(3))
    deliver(log, tmp_path, provider)
    assert sorted(m.to for m in provider.given) == ["c1@example.com", "c2@example.com", "c3@example.com"]


def test_what_is_too_late_is_skipped(log: Log, tmp_path: Path):
    plan(log, send(1, expires=5_000), send(2, expires=5_001))
    deliver(log, tmp_path, Told(), now=5_000)
    assert skip_reasons(log) == {send(1).id: "expired"}
    assert {e.type for e in events_of(log)} == {"email_skipped", "email_sent"}


def test_of_two_sends_of_a_run_that_both_wait_the_later_goes(log: Log, tmp_path: Path):
    plan(log, send(1, contact="x", run="r", at=1), send(2, contact="x", run="r", at=2))
    deliver(log, tmp_path, Told())
    assert skip_reasons(log) == {send(1).id: "superseded"}


@pytest.mark.parametrize(
    ("planned", "reason"),
    [
        (send(1, data={}), "render: 'name' is missing"),
        (send(1, data={"name": "a\r\nBcc: b"}), "render: subject: holds a line break or a control character"),
        (send(1, template_version=9), "template: 't' has no version 9"),
        (send(1, channel="sms"), "no provider for sms"),
        (send(1, message_class="transactional"), "template: 't' is marketing, the message transactional"),
    ],
)
def test_what_cannot_go_is_skipped_with_its_reason(log: Log, tmp_path: Path, planned: Send, reason: str):
    provider = Told()
    plan(log, planned)
    deliver(log, tmp_path, provider)
    assert skip_reasons(log)[planned.id].startswith(reason)
    assert provider.given == []


def test_marketing_carries_an_unsubscribe_link(log: Log, tmp_path: Path):
    provider = Told()
    plan(log, send(1))
    deliver(log, tmp_path, provider)
    assert provider.given[0].unsubscribe_url.startswith("https://m.example/u/")


def test_a_refused_address_is_suppressed(log: Log, tmp_path: Path):
    async def refuse(_: Message) -> Result:
        return Refused("550 no such user", "address")

    plan(log, send(1))
    deliver(log, tmp_path, Told(refuse))
    assert ends(log) == {"refused": 1}
    assert {e.type for e in events_of(log)} == {"email_failed", "address_suppressed"}


def test_a_retry_is_written_down_and_tried_again_while_others_go_on(log: Log, tmp_path: Path):
    tries: list[str] = []

    async def busy_once(message: Message) -> Result:
        tries.append(message.to)
        return Retry("busy") if message.to == "c1@example.com" and tries.count(message.to) == 1 else Accepted()

    plan(log, *(send(n) for n in range(8)))
    deliver(log, tmp_path, Told(busy_once))
    assert [(a.number, a.status) for a in attempts_of(log) if a.send == send(1).id] == [
        (1, "started"),
        (1, "retry"),
        (2, "started"),
        (2, "accepted"),
    ]
    assert ends(log) == {"accepted": 8}
    assert tries[-1] == "c1@example.com"


@pytest.mark.parametrize(("kind", "given", "end"), [("marketing", 0, "unknown"), ("transactional", 1, "accepted")])
def test_an_attempt_cut_by_a_crash_goes_again_only_where_it_is_transactional(
    log: Log, tmp_path: Path, kind: str, given: int, end: str
):
    body = TEMPLATE | {"class": kind}
    log.append(
        [Entry("definitions", "email_template/t", encode(Definition("email_template", "t", "publish", 2, body)))]
    )
    cut = send(1, message_class=kind, template_version=2)
    plan(log, cut)
    log.append([Entry("attempts", cut.contact, encode(Attempt(cut.id, cut.contact, 1, "started", 5)))])
    provider = Told()
    deliver(log, tmp_path, provider)
    assert len(provider.given) == given
    assert ends(log) == {end: 1}


def test_what_the_provider_has_after_a_crash_counts_as_sent(log: Log, tmp_path: Path):
    plan(log, send(1))
    log.append([Entry("attempts", "c1", encode(Attempt(send(1).id, "c1", 1, "started", 5)))])
    provider = Told(found=Accepted("p9"))
    deliver(log, tmp_path, provider)
    assert provider.given == []
    assert ends(log) == {"accepted": 1}


def test_a_send_that_cannot_be_read_becomes_a_dead_letter_and_stops_nothing(log: Log, tmp_path: Path):
    log.append([Entry("sends", "c1", b"{nonsense")])
    plan(log, send(1))
    deliver(log, tmp_path, Told())
    assert ends(log) == {"accepted": 1}
    assert len(log.read("dead_letters", 0, 0)) == 1
