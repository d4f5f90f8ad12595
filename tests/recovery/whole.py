"""Chaos over a whole installation: events and the CRM's records in real time, and everything that can go wrong.

Each disturbance is one of: kill -9 of a role, a role frozen and woken, ClickHouse away, the log's clock set forward or
back (SQLite); with a broker also: it restarts, it is away for a while. Producers repeat themselves and come in disorder
all the time.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from connectors.ingest_flow import GROUP as INGEST
from connectors.kafka_config import KafkaConfig
from connectors.kafka_log import KafkaLog
from connectors.kafka_topics import create
from connectors.log import Log
from connectors.log_clock import Clock, wall_ms
from connectors.sqlite_log import SqliteLog
from flows.contact.flow import GROUP as CONTACTS
from flows.delivery.runner import GROUP as DELIVERY
from infra.broker import Broker
from schemas.errors import LogUnavailable
from schemas.records import CrmRecord, Entry, decode_event, encode
from schemas.times import format_instant
from schemas.topics import CRM, EVENTS, SENDS
from sinks.clickhouse import ClickHouse
from sinks.state_copies import StateCopies
from tests.recovery import history
from tests.recovery.driver import all_ends, pause
from tests.recovery.installation import CLICKHOUSE, ROLES, Installation
from tests.recovery.whole_judge import WholeVerdict, judge_whole

PARTITIONS: Final = 4
SETTLED_S: Final = 90.0
QUIET_S: Final = 4.5  # longer than the longest wait and window
MODEL: Final[dict[str, Any]] = {
    "kind": "model",
    "id": "engagement",
    "mean": [0.0] * 13,
    "scale": [1.0] * 13,
    "weights": [0.1] * 13,
    "bias": -1.0,
    "label_window": "1s",
}


class Chaos:
    """One run of `kills` disturbances that end a process, with others between them."""

    def __init__(self, folder: Path, kills: int, seed: int = 1, broker: Broker | None = None, rate: int = 60):
        self.folder, self.kills, self.rng, self.broker, self.rate = folder, kills, random.Random(seed), broker, rate
        self.skew = 0
        (folder / "data").mkdir(parents=True)
        environment = {"WAXWING_FILES": (folder / "files").as_uri()}
        if broker is not None:
            config = KafkaConfig(broker.bootstrap, prefix=f"chaos{seed}-")
            create(config, PARTITIONS)
            self.log: Log = KafkaLog(config, PARTITIONS)
            environment |= {"WAXWING_LOG": f"kafka://{broker.bootstrap}", "WAXWING_KAFKA_PREFIX": config.prefix}
            environment |= {"WAXWING_KAFKA_SESSION_S": "2"}
        else:
            clock = Clock(wall=lambda: wall_ms() + self.skew)
            self.log = SqliteLog(folder / "data" / "log.db", PARTITIONS, clock=clock)
        self.installation = Installation(folder, environment)
        self.definitions = history.Definitions(self.rng)
        self.acknowledged: set[str] = set()
        self.crm: set[tuple[int, int]] = set()  # places of the CRM's records that are acknowledged
        self.done: Counter[str] = Counter()
        self.published = self.sent = 0
        self._old: list[Entry] = []

    def go(self) -> WholeVerdict:
        """Disturb, let it come to rest, judge."""
        try:
            self.publish(self.definitions.first(), self.definitions.entry(MODEL))
            for name in (CLICKHOUSE, *ROLES):
                self.installation.start(name)
            self.live(3)
            while self.installation.deaths.total() < self.kills:
                self.live(self.rng.uniform(0.3, 1.5))
                self.disturb()
                self.installation.watch()
            self.settle()
            return self.judged()
        finally:
            self.installation.clear()
            self.log.close()

    def live(self, seconds: float) -> None:
        """Time passes, with events."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self.produce()
            self.installation.watch()
            pause(0.05)

    def produce(self) -> None:
        """Some events and records of the CRM; some again, in another order. Acknowledged once `append` returns."""
        rng, now = self.rng, self.log.now()
        entries = []
        for _ in range(rng.randrange(self.rate // 10)):
            self.sent += 1
            entries.append(history.event(rng, f"c{rng.randrange(40)}", f"e{self.sent}", now))
        again = rng.sample(self._old, min(len(self._old), rng.randrange(3)))
        self._old = [*self._old, *entries][-200:]
        mixed = [*entries, *again]
        rng.shuffle(mixed)
        changes = [self._change(n, now) for n in range(rng.randrange(3))]
        try:
            self.log.append(mixed)
            self.acknowledged.update(decode_event(entry.value).id for entry in mixed)
            self.crm.update((landed.partition, landed.offset) for landed in self.log.append(changes))
        except LogUnavailable:  # the broker is away: nothing of it is acknowledged
            if self.broker is None:
                raise

    def _change(self, n: int, now: int) -> Entry:
        contact = f"c{self.rng.randrange(40)}"
        data = {"email": f"{contact}@example.com", "city": f"{self.sent}-{n}"}
        return Entry(CRM, contact, encode(CrmRecord("contact", "updated", contact, format_instant(now), data)))

    def publish(self, *entries: list[Entry] | Entry) -> None:
        """Definitions, and the templates that they send."""
        self.published += 1
        classes = {"reminder": "transactional", "last": "transactional", "thanks": "marketing", "offer": "marketing"}
        template = {"kind": "email_template", "subject": "Hi", "html": "<p>Hi</p>"}
        bodies = [template | {"id": f"{id}-{self.published - 1}", "class": of} for id, of in classes.items()]
        found = [entry for one in entries for entry in (one if isinstance(one, list) else [one])]
        self.log.append([*(self.definitions.entry(body) for body in bodies), *found])

    def disturb(self) -> None:
        """One thing goes wrong."""
        rng = self.rng
        kinds = {"kill": 10, "freeze": 2, "clickhouse": 2, "publish": 2}
        kinds |= {"restart": 2, "away": 2} if self.broker is not None else {"clock": 3}
        [kind] = rng.choices(list(kinds), list(kinds.values()))
        self.done[kind] += 1
        role = rng.choice(ROLES)
        match kind:
            case "kill":
                self.installation.kill(role)
            case "freeze":
                self.installation.freeze(role)
                self.installation.may_end = self.broker is not None  # its session may be over when it wakes up
                self.live(rng.uniform(0.5, 3))
                self.installation.wake(role)
            case "clickhouse":
                self.installation.kill(CLICKHOUSE)
            case "publish":
                self.publish(self.definitions.another(self.published))
            case "clock":
                self.skew += rng.choice([-60_000, -3_000, 400, 2_500])
            case _:
                self._broker_goes(rng.uniform(0, 0.5) if kind == "restart" else rng.uniform(2, 6))

    def _broker_goes(self, seconds: float) -> None:
        assert self.broker is not None
        self.installation.may_end = True
        self.broker.kill()
        pause(seconds)
        self.broker.start()

    def settle(self) -> None:
        """Nobody disturbs any more; until all is read, mapped, folded, delivered and archived."""
        pause(QUIET_S)  # journeys go on meanwhile
        self._until("ingest, fold and delivery are through", lambda: not self._lags())
        self.installation.end("delivery")  # contacts would answer to messages for days
        quiet, ends = time.monotonic(), ()
        deadline = time.monotonic() + SETTLED_S
        while time.monotonic() - quiet < QUIET_S:
            assert time.monotonic() < deadline, "it does not come to rest"
            self.installation.watch()
            if (now := all_ends(self.log)) != ends:
                ends, quiet = now, time.monotonic()
            pause(0.1)
        with closing(ClickHouse(url=self.installation.clickhouse)) as clickhouse:
            self._until("the archive is up with the log", lambda: self._is_archived(clickhouse))
        self.installation.end("contacts", "ingest", "learning", "warehouse")

    def _until(self, what: str, is_so: Callable[[], bool]) -> None:
        deadline = time.monotonic() + SETTLED_S
        while True:
            try:
                if is_so():
                    return
            except Exception as fault:  # the broker's clients are finding it again; ClickHouse starts
                last = repr(fault)
            else:
                last = f"not yet; lags: {self._lags()}"
            assert time.monotonic() < deadline, f"not within {SETTLED_S:g} s: {what}: {last}"
            self.installation.watch()
            pause(0.1)

    def _lags(self) -> dict[tuple[str, int], int]:
        """Which groups are behind, by how many records of which partition."""
        groups = ((INGEST, CRM), (CONTACTS, EVENTS), (DELIVERY, SENDS))
        places = [(group, topic, n) for group, topic in groups for n in range(PARTITIONS)]
        lags = {(g, n): self.log.end(t, n) - self.log.committed(g, t, n) for g, t, n in places}
        return {place: lag for place, lag in lags.items() if lag > 0}

    def _is_archived(self, clickhouse: ClickHouse) -> bool:
        sql = "SELECT partition, max(next_offset) AS next FROM warehouse_progress WHERE topic = 'events' GROUP BY 1"
        held = {row["partition"]: row["next"] for row in clickhouse.query(sql)}
        return all(held.get(n, 0) >= self.log.end(EVENTS, n) for n in range(PARTITIONS))

    def judged(self) -> WholeVerdict:
        """What everything says now, held against the log."""
        state = self.folder / "data" / "state"
        if self.broker is not None:
            state = self.folder / "judged"
            copies = StateCopies((self.folder / "files").as_uri())
            for n in range(PARTITIONS):
                copies.bring(n, state / str(n))
        with closing(ClickHouse(url=self.installation.clickhouse)) as clickhouse:
            return judge_whole(
                self.log, state, self.acknowledged, self.crm, self.folder / "data" / "sandbox.db", clickhouse
            )
