"""Chaos over a whole installation: events and the CRM's records in real time, and everything that can go wrong.

Each disturbance is one of: kill -9 of a role; a role frozen and woken; ClickHouse killed; on SQLite the log's clock set
forward or back, and its disk full for a moment, where one can be mounted; with a broker it restarts, it is away for
seconds or a minute, and a role is frozen past its session, so that another gets its partitions. Producers repeat
themselves and come in disorder all the time. What is chosen depends on the seed alone.

python -m tests.recovery.whole KILLS [SEED] [sqlite|kafka]      prints the verdict of a run
"""

from __future__ import annotations

import json
import logging
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
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
from tests.recovery.installation import CLICKHOUSE, ROLES, SHARED, Installation
from tests.recovery.small_disk import fill, small_disk
from tests.recovery.whole_judge import WholeVerdict, judge_whole

PARTITIONS: Final = 4
SETTLED_S: Final = 180.0
SESSION_S: Final = 4.0  # a slow machine's heartbeats come late
DISK_MB: Final = 200  # of an installation that is to find its disk full
FULL_S: Final = 1.5
BEGUN_S: Final = 120.0
QUIET_S: Final = 4.5  # longer than the longest wait and window
_GROUPS: Final = ((INGEST, CRM), (CONTACTS, EVENTS), (DELIVERY, SENDS))
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
        self.folder, self.kills, self.broker, self.rate = folder, kills, broker, rate
        self.rng, self.fate = random.Random(seed), random.Random(f"fate of {seed}")
        self.skew = 0
        self._stack = ExitStack()
        self._has_small_disk = broker is None and not self._stack.enter_context(small_disk(folder / "data", DISK_MB))
        (folder / "data").mkdir(parents=True, exist_ok=True)
        environment = {"WAXWING_FILES": (folder / "files").as_uri()}
        if broker is not None:
            config = KafkaConfig(broker.bootstrap, prefix=f"chaos{seed}-")
            create(config, PARTITIONS)
            self.log: Log = KafkaLog(config, PARTITIONS)
            environment |= {"WAXWING_LOG": f"kafka://{broker.bootstrap}", "WAXWING_KAFKA_PREFIX": config.prefix}
            environment |= {"WAXWING_KAFKA_SESSION_S": str(SESSION_S)}
        else:
            clock = Clock(wall=lambda: wall_ms() + self.skew)
            self.log = SqliteLog(folder / "data" / "log.db", PARTITIONS, clock=clock)
        self.roles = ROLES if broker is None else SHARED
        self.installation = Installation(folder, environment)
        self.definitions = history.Definitions(self.rng)
        self.acknowledged: set[str] = set()
        self.crm: set[tuple[int, int]] = set()  # places of the CRM's records that are acknowledged
        self.done: Counter[str] = Counter()
        self.published = self.sent = 0
        self._old: list[Entry] = []

    def go(self, *script: tuple[str, str]) -> WholeVerdict:
        """Disturb as the script says (what, and whom), then by chance; let it come to rest, judge."""
        try:
            self.publish(self.definitions.first(), self.definitions.entry(MODEL))
            for name in (CLICKHOUSE, *self.roles):
                self.installation.start(name)
            self._until("everything has begun", self._has_begun, BEGUN_S)
            for disturbance in script:
                self.live(0.5)
                self.disturb(*disturbance)
            while self.installation.kills < self.kills:
                self.live(self.fate.uniform(0.3, 1.5))
                self.disturb(*self._chosen())
            self.settle()
            return self.judged()
        finally:
            self.installation.clear()
            self.log.close()
            self._stack.close()

    def _has_begun(self) -> bool:
        """Whether the fold and ingest have moved on: before, there is nothing to disturb."""
        self.produce()
        return all(sum(self.log.committed(g, t, n) for n in range(PARTITIONS)) for g, t in _GROUPS[:2])

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
        self.done["repeated events"] += len(again)
        self._old = [*self._old, *entries][-200:]
        mixed = [*entries, *again]
        rng.shuffle(mixed)
        changes = [self._change(n, now) for n in range(rng.randrange(3))]
        try:
            self.log.append(mixed)
            self.acknowledged.update(decode_event(entry.value).id for entry in mixed)
            self.crm.update((landed.partition, landed.offset) for landed in self.log.append(changes))
        except LogUnavailable:  # the broker is away, the disk full: nothing of it is acknowledged
            if not self.installation.may_end:
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

    def _chosen(self) -> tuple[str, str]:
        kinds = {"kill": 10, "freeze": 2, "clickhouse": 2, "publish": 2}
        if self.broker is not None:
            kinds |= {"restart": 2, "away": 2, "away for a minute": 1, "expel": 2}
        else:
            kinds |= {"clock": 3} | ({"full": 2} if self._has_small_disk else {})
        [kind] = self.fate.choices(list(kinds), list(kinds.values()))
        return kind, self.fate.choice(self.roles)

    def disturb(self, kind: str, role: str) -> None:
        """One thing goes wrong."""
        fate = self.fate
        self.done[kind] += 1
        match kind:
            case "kill":
                self.installation.kill(role)
            case "freeze":
                self._freeze(role, fate.uniform(0.5, 3))
            case "expel":
                self._freeze(role, SESSION_S + fate.uniform(1, 3))
            case "clickhouse":
                self.installation.kill(CLICKHOUSE)
            case "publish":
                self.publish(self.definitions.another(self.published))
            case "clock":
                self.skew += fate.choice([-60_000, -3_000, 400, 2_500])
            case "full":
                self._fill_disk()
            case _:
                away_s = {"restart": fate.uniform(0, 0.5), "away": fate.uniform(2, 6), "away for a minute": 60.0}
                self._broker_goes(away_s[kind])
        self.installation.watch()

    def _freeze(self, role: str, seconds: float) -> None:
        self.installation.freeze(role)
        self.installation.may_end = self.broker is not None  # its session may be over when it wakes up
        self.live(seconds)
        self.installation.wake(role)

    def _fill_disk(self) -> None:
        self.installation.may_end = True
        filler = fill(self.folder / "data")
        self.live(FULL_S)
        filler.unlink()

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
        self.installation.end(*(role for role in self.roles if role != "delivery"))

    def _until(self, what: str, is_so: Callable[[], bool], within_s: float = SETTLED_S) -> None:
        deadline = time.monotonic() + within_s
        while True:
            try:
                if is_so():
                    return
                last = f"not yet; lags: {self._lags()}"
            except Exception as fault:  # the broker's clients are finding it again; ClickHouse starts
                last = repr(fault)
            if time.monotonic() > deadline:
                raise AssertionError(f"not within {within_s:g} s: {what}: {last}\n{self.installation.stacks()}")
            self.installation.watch()
            pause(0.1)

    def _lags(self) -> dict[tuple[str, int], int]:
        """Which groups are behind, by how many records of which partition."""
        places = [(group, topic, n) for group, topic in _GROUPS for n in range(PARTITIONS)]
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


@contextmanager
def brokers(kind: str, folder: Path) -> Iterator[Broker | None]:
    """A broker to be ended and started again, where the log is to be on one."""
    if kind != "kafka":
        yield None
        return
    broker = Broker(folder)
    broker.start()
    try:
        yield broker
    finally:
        broker.stop()


def main(kills: str, seed: str = "1", kind: str = "sqlite") -> int:
    logging.getLogger("waxwing.kafka").addHandler(logging.NullHandler())
    with tempfile.TemporaryDirectory() as folder, brokers(kind, Path(folder) / "broker") as broker:
        chaos = Chaos(Path(folder) / "installation", int(kills), int(seed), broker)
        verdict = chaos.go()
    print(dict(chaos.done), dict(chaos.installation.deaths), chaos.sent, "events", file=sys.stderr)
    print(json.dumps(verdict.report()))
    return 0 if verdict.is_right else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
