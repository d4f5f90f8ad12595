"""The queue on a real log: whose turn it is, who takes over, what a webhook settles."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from connectors.log import Log
from connectors.log_clock import wall_ms
from flows.delivery import desk, runner
from flows.delivery.book import Book
from flows.delivery.desk import Route
from flows.delivery.gate import Gate, Limits
from flows.delivery.office import Office
from flows.delivery.origin import origin_of
from flows.delivery.outcomes import ProviderEvent, settling_entries
from flows.delivery.pace import Plan
from flows.delivery.provider import Accepted, Found, Message, Refused, Result, Retry, Unknown
from flows.delivery.runner import GROUP, deliver
from schemas.records import Attempt, Entry, encode
from schemas.times import DAY
from sinks.ledger_store import LedgerStore
from sinks.providers.kept import KeptFile
from tests.flows.delivery.support import attempts_of, ends, new_log, plan, send

Answer = Callable[[Message], Awaitable[Result]]


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Log]:
    made = new_log(tmp_path / "log.db", 1)
    yield made
    made.close()


async def accept(_: Message) -> Result:
    return Accepted()


def answering(result: Result) -> Answer:
    async def answer(_: Message) -> Result:
        return result

    return answer


class Named:
    """A provider that answers as told, and keeps what it was given."""

    def __init__(self, name: str, answer: Answer = accept):
        self.name, self.answer, self.given = name, answer, list[Message]()

    async def send(self, message: Message) -> Result:
        self.given.append(message)
        return await self.answer(message)

    async def find(self, send_id: str) -> Found:
        return Unknown("no look-up")

    async def close(self) -> None:
        pass


class Table:
    """Routes by channel."""

    def __init__(self, table: Mapping[str, Sequence[Route]]):
        self._table = table

    def routes(self, channel: str) -> Sequence[Route]:
        return self._table.get(channel, ())

    def kept(self) -> None:
        pass


def by_email(*providers: Named, limits: Limits = Limits(concurrency=4)) -> Table:
    return Table({"email": [Route(p, Gate(limits)) for p in providers]})


def run(log: Log, tmp_path: Path, providers: Table, until: Callable[[], bool] | None = None) -> None:
    """Deliver until all is settled, or until it is so."""

    def settled() -> bool:
        return log.committed(GROUP, "sends", 0) == log.end("sends", 0)

    async def all_of() -> None:
        ledgers = {0: LedgerStore(tmp_path / "ledger")}
        book, stop = Book(log, ledgers, threading.Event()), asyncio.Event()
        book.catch_up()
        office = Office(log, book, providers, "https://m.example", b"k")
        try:
            async with asyncio.TaskGroup() as group, asyncio.timeout(90):
                group.create_task(deliver(office, [0], stop))
                while not (until or settled)():
                    await asyncio.sleep(0.01)
                stop.set()
        finally:
            book.close()
            ledgers[0].close()

    asyncio.run(all_of())


@pytest.mark.parametrize(
    "failing", [Retry("503"), Unknown("cut"), Refused("bad key", "account")], ids=["503", "cut", "account"]
)
def test_where_a_provider_fails_the_next_one_takes_over(log: Log, tmp_path: Path, failing: Result):
    first, second = Named("first", answering(failing)), Named("second")
    plan(log, *(send(n) for n in range(40)))
    run(log, tmp_path, by_email(first, second))
    stood = ends(log)
    assert stood["accepted"] + stood["unknown"] == 40
    assert stood["unknown"] == (len(first.given) if isinstance(failing, Unknown) else 0)
    assert len(first.given) <= 5 + 4  # to the breaker's limit, and what was under way then
    assert len(second.given) >= 31


def test_each_attempt_says_by_which_provider(log: Log, tmp_path: Path):
    plan(log, send(1))
    run(log, tmp_path, by_email(Named("first", answering(Refused("bad key", "account"))), Named("second")))
    assert [(a.status, a.provider) for a in attempts_of(log)] == [
        ("started", "first"),
        ("retry", "first"),
        ("started", "second"),
        ("accepted", "second"),
    ]


def test_no_more_are_under_way_than_a_provider_may_have(log: Log, tmp_path: Path):
    under_way, most = 0, 0

    async def slowly(_: Message) -> Result:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0)
        under_way -= 1
        return Accepted()

    plan(log, *(send(n) for n in range(30)))
    run(log, tmp_path, by_email(Named("p", slowly), limits=Limits(concurrency=3)))
    assert most == 3
    assert ends(log) == {"accepted": 30}


def test_transactional_goes_first_also_from_beyond_the_window(
    log: Log, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(runner, "WINDOW", 20)
    monkeypatch.setattr(runner, "_BATCH", 10)
    went: list[str] = []
    found = asyncio.Event()

    async def hold(message: Message) -> Result:
        went.append(message.origin.contact)
        if len(went) == 1:  # the first is held until the transactional one could have been found
            await asyncio.wait_for(found.wait(), 10)
        return Accepted()

    class Watched(Table):
        def routes(self, channel: str) -> Sequence[Route]:
            if channel == "webhook":
                found.set()
            return super().routes(channel)

    urgent = send(500, message_class="transactional", channel="webhook", contact="c-urgent")
    plan(log, *(send(n) for n in range(300)), urgent, *(send(n) for n in range(600, 620)))
    hook = Named("hook", hold)
    email = Named("mail", hold)
    one = Limits(concurrency=1)
    run(log, tmp_path, Watched({"email": [Route(email, Gate(one))], "webhook": [Route(hook, Gate(one))]}))
    assert went[1] == "c-urgent"
    assert ends(log) == {"accepted": 321}
    assert len(went) == 321


def test_an_unknown_send_is_settled_by_a_webhook_also_while_delivery_runs(log: Log, tmp_path: Path):
    told = send(1)
    provider = Named("p", answering(Unknown("cut")))
    plan(log, told, send(2))
    run(log, tmp_path, by_email(provider))
    assert ends(log) == {"unknown": 2}
    log.append(settling_entries(ProviderEvent("delivered", "e1", 5, origin_of(told, "p")), 9))
    assert ends(log) == {"unknown": 1, "accepted": 1}
    plan(log, send(3))
    run(log, tmp_path, by_email(Named("p")))
    ledger = LedgerStore(tmp_path / "ledger")
    assert [ledger.get(send(n).id).status for n in (1, 2, 3)] == ["accepted", "unknown", "accepted"]
    ledger.close()


def test_a_transactional_send_that_a_webhook_settles_is_not_sent_again(log: Log, tmp_path: Path):
    """Its end is unknown, so it waits to go again: then its webhook comes."""
    hooked = send(1, message_class="transactional", channel="webhook")

    async def cut(message: Message) -> Result:
        log.append(settling_entries(ProviderEvent("delivered", "e", 5, message.origin), 9))
        return Unknown("cut")

    provider = Named("p", cut)
    plan(log, hooked)
    run(log, tmp_path, Table({"webhook": [Route(provider, Gate())]}))
    assert len(provider.given) == 1
    assert ends(log) == {"accepted": 1}


def test_a_bounce_settles_as_well_and_an_open_adds_nothing():
    origin = origin_of(send(1), "p")
    assert len(settling_entries(ProviderEvent("bounced", "e", 5, origin), 9)) == 1
    assert settling_entries(ProviderEvent("opened", "e", 5, origin), 9) == []


def test_a_crashed_attempt_is_looked_up_at_the_provider_that_had_it(log: Log, tmp_path: Path):
    class Finds(Named):
        async def find(self, send_id: str) -> Found:
            return Accepted("found")

    cut = send(1)
    plan(log, cut)
    attempt = Attempt(cut.id, cut.contact, 1, "started", 5, "email", "second")
    log.append([Entry("attempts", cut.contact, encode(attempt))])
    first, second = Named("first"), Finds("second")
    run(log, tmp_path, by_email(first, second))
    assert ends(log) == {"accepted": 1}
    assert (first.given, second.given) == ([], [])


def test_a_provider_that_raises_ends_nothing_but_its_message(log: Log, tmp_path: Path):
    async def broken(message: Message) -> Result:
        if message.origin.contact == "c1":
            raise RuntimeError("a fault of ours")
        return Accepted()

    plan(log, send(1), send(2))
    run(log, tmp_path, by_email(Named("p", broken)))
    assert ends(log) == {"unknown": 1, "accepted": 1}


def test_what_a_gate_keeps_outlives_a_restart(tmp_path: Path):
    path = tmp_path / "providers.json"
    kept = KeptFile(path)
    kept.of("p").paused_until = 7
    kept.changed = True
    kept.save()
    assert KeptFile(path).of("p").paused_until == 7
    path.write_text("{nonsense")
    assert KeptFile(path).of("p").paused_until == 0


def test_a_domain_whose_allowance_is_used_up_waits_and_others_go_on(log: Log, tmp_path: Path):
    provider = Named("p")
    plan(log, *(send(n, to=f"c{n}@gmail.com") for n in range(3)), *(send(n) for n in range(3, 6)))
    limits = Limits(concurrency=1, plan=Plan(wall_ms() // DAY, 1, 1.0, 30, frozenset({"gmail.com"})))
    run(log, tmp_path, by_email(provider, limits=limits), until=lambda: ends(log)["accepted"] == 4)
    assert [m.to for m in provider.given] == ["c0@gmail.com", *(send(n).to for n in (3, 4, 5))]


@pytest.mark.parametrize("result", [Retry("429", after_s=3_600), Accepted()], ids=["asked to wait", "allowance"])
def test_what_has_to_outlive_a_restart_is_told_to_whoever_keeps_it(log: Log, tmp_path: Path, result: Result):
    told: list[str] = []

    class Keeping(Table):
        def kept(self) -> None:
            told.append("changed")

    gate = Gate(Limits(plan=Plan(wall_ms() // DAY, 100, 1.0, 30, frozenset())))
    plan(log, send(1))
    table = Keeping({"email": [Route(Named("p", answering(result)), gate)]})
    run(log, tmp_path, table, until=lambda: bool(told))
    assert told == ["changed"]
    assert (gate.kept.paused_until > 0) != (gate.kept.counts != {})


def test_a_provider_that_hangs_holds_up_none_that_another_may_take(log: Log, tmp_path: Path):
    release = asyncio.Event()

    async def hang(_: Message) -> Result:
        await asyncio.wait_for(release.wait(), 10)
        return Accepted()

    hanging, well = Named("hanging", hang), Named("well")

    def is_over() -> bool:
        if len(hanging.given) + len(well.given) == 200:
            release.set()
        return ends(log)["accepted"] == 200

    plan(log, *(send(n) for n in range(200)))
    run(log, tmp_path, by_email(hanging, well, limits=Limits()), until=is_over)
    assert (len(hanging.given), len(well.given)) == (64, 136)


def test_room_that_is_given_back_is_told_to_the_channel_that_waits_for_it(
    log: Log, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(desk, "_LOOK_MS", 3_600_000)  # by itself nobody looks again
    channels = ("email", "webhook")
    plan(log, *(send(n, channel=channels[n % 2]) for n in range(60)))
    run(log, tmp_path, Table({c: [Route(Named(c), Gate(Limits(concurrency=1)))] for c in channels}))
    assert ends(log) == {"accepted": 60}
