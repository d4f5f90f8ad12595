"""The sandbox: durable, and its contacts answer the same every time."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

from connectors.sqlite_log import SqliteLog
from flows.delivery.origin import Origin
from flows.delivery.provider import Absent, Accepted, Message, Refused
from schemas.records import decode_event
from sinks.providers.pump import tell
from sinks.providers.sandbox import Sandbox
from sinks.providers.sandbox_contacts import Rates, answers, engagement
from tests.flows.delivery.support import everything

FAR = 1 << 50


def message(n: int, contact: str = "", to: str = "") -> Message:
    origin = Origin(f"send-{n}", contact or f"c{n}", "email", "spring")
    return Message(origin, to or f"c{n}@example.com", "Hi", links=("https://a.example", "https://b.example"))


def hand_over(path: Path, *messages: Message, scale: float = 0.0) -> Sandbox:
    """The sandbox, reopened, after it was given the messages at once."""

    async def run() -> None:
        sandbox = Sandbox(path, scale=scale)
        await asyncio.gather(*(sandbox.send(m) for m in messages))
        await sandbox.close()

    asyncio.run(run())
    return Sandbox(path, scale=scale)


def test_what_is_late_is_not_accepted(tmp_path: Path):
    sandbox = hand_over(tmp_path / "s.db", message(1)._replace(not_after=1), message(2)._replace(not_after=1))
    assert asyncio.run(sandbox.find("send-1")) == Absent()


def test_it_knows_what_it_accepted_also_when_it_is_opened_anew(tmp_path: Path):
    sandbox = hand_over(tmp_path / "s.db", message(1), message(2))
    assert isinstance(asyncio.run(sandbox.find("send-2")), Accepted)
    assert asyncio.run(sandbox.find("send-3")) == Absent()
    asyncio.run(sandbox.close())


def test_closing_it_waits_for_a_thread_that_still_uses_it(tmp_path: Path):
    sandbox = hand_over(tmp_path / "s.db", message(1))
    due = sandbox.due(FAR)
    other = sqlite3.connect(tmp_path / "s.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")  # whoever tells has to wait inside SQLite
    with ThreadPoolExecutor(2) as pool:
        telling = pool.submit(sandbox.told, due)
        while not sandbox._lock.locked():
            os.sched_yield()
        closing = pool.submit(asyncio.run, sandbox.close())
        other.execute("COMMIT")
        telling.result()
        closing.result()
    assert other.execute("SELECT count(*) FROM pending").fetchone() == (0,)
    other.close()
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        sandbox.due(FAR)


def test_an_address_at_invalid_is_refused(tmp_path: Path):
    sandbox = Sandbox(tmp_path / "s.db")
    answer = asyncio.run(sandbox.send(message(1, to="ann@example.invalid")))
    assert isinstance(answer, Refused)
    assert answer.scope == "address"
    asyncio.run(sandbox.close())


def test_outcomes_become_events_once_also_when_the_pump_dies_before_it_says_so(tmp_path: Path):
    sandbox, log = hand_over(tmp_path / "s.db", *(message(n) for n in range(300))), SqliteLog(tmp_path / "log.db", 2)
    due = sandbox.due(FAR, 10_000)
    told = tell(log, sandbox, FAR)
    first = {decode_event(r.value).id: r.value for r in everything(log, "events")}
    asyncio.run(sandbox.close())
    reopened = hand_over(tmp_path / "s.db", *(message(n) for n in range(300)))  # all pending again, as if not told
    while tell(log, reopened, FAR):
        pass
    events = [decode_event(r.value) for r in everything(log, "events")]
    outcomes = {e.id: e for e in events if e.type.startswith("email_")}
    assert told > 0
    assert len(first) > 0
    assert Counter(e.type.removeprefix("email_") for e in outcomes.values()) == Counter(d.reported.outcome for d in due)
    asyncio.run(reopened.close())
    log.close()


def test_what_it_tells_counts_for_the_alerts_as_what_webhooks_tell(tmp_path: Path):
    def counted() -> Counter[str]:
        name, labels = "waxwing_hook_outcomes_total", {"provider": "sandbox", "channel": "email"}
        outcomes = ("delivered", "bounced", "complained", "opened")
        return Counter({o: REGISTRY.get_sample_value(name, labels | {"outcome": o}) or 0 for o in outcomes})

    log, before = SqliteLog(tmp_path / "log.db", 1), counted()
    sandbox = hand_over(tmp_path / "s.db", *(message(n) for n in range(300)))
    due = sandbox.due(FAR, 10_000)
    while tell(log, sandbox, FAR):
        pass
    told = Counter(d.reported.outcome for d in due)
    assert told["bounced"] > 0
    assert {o: n - before[o] for o, n in counted().items()} == {o: told[o] for o in before}
    asyncio.run(sandbox.close())
    log.close()


def test_what_is_due_is_due_in_order_and_not_before(tmp_path: Path):
    sandbox = hand_over(tmp_path / "s.db", *(message(n) for n in range(50)), scale=1000.0)
    due = sandbox.due(FAR)
    assert [d.reported.at for d in due] == sorted(d.reported.at for d in due)
    assert sandbox.due(due[0].reported.at - 1) == []
    assert sandbox.due(due[0].reported.at) != []
    asyncio.run(sandbox.close())


def test_a_contact_answers_a_message_the_same_every_time():
    assert answers(message(7), Rates()) == answers(message(7), Rates())


def test_answers_come_in_an_order_that_makes_sense():
    for n in range(2_000):
        found = answers(message(n), Rates())
        assert [a.after_ms for a in found][:2] == sorted(a.after_ms for a in found)[:2]
        names = [a.outcome for a in found]
        assert names[0] in ("delivered", "bounced")
        assert ("opened" in names) or not set(names) & {"clicked", "replied", "complained", "unsubscribed"}
        assert len(set(names)) == len(names)


def test_the_rates_are_kept():
    rates = Rates(bounced=0.1, opened=0.5, clicked=0.4)
    of = Counter(a.outcome for n in range(20_000) for a in answers(message(n), rates, keen=lambda _: 1.0))
    assert of["bounced"] / 20_000 == pytest.approx(0.1, abs=0.01)
    assert of["opened"] / of["delivered"] == pytest.approx(0.5, abs=0.02)
    assert of["clicked"] / of["opened"] == pytest.approx(0.4, abs=0.02)


def test_some_contacts_are_keen_and_it_shows_again_and_again():
    keen = [f"c{n}" for n in range(3_000) if engagement(f"c{n}") > 1.2]
    dull = [f"c{n}" for n in range(3_000) if engagement(f"c{n}") < 0.3]

    def share(contacts: list[str]) -> float:
        sends = [answers(message(n, contact), Rates()) for n, contact in enumerate(contacts)]
        return sum(any(a.outcome == "opened" for a in s) for s in sends) / len(sends)

    assert share(keen) > 3 * share(dull)


def test_a_demonstrations_minute_shows_opens():
    times = [a.after_ms for n in range(5_000) for a in answers(message(n), Rates()) if a.outcome == "opened"]
    assert min(times) >= 1_500
    assert sorted(times)[len(times) * 9 // 10] < 20_000
