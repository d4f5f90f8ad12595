"""A world whose contacts are folded: what is published and what happens at any time, up to ClickHouse."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from connectors.log_clock import Clock
from flows.contact.active import Definitions
from flows.contact.partition import PartitionFold
from schemas.records import LEAD_MS, TICK, Entry, Event, decode_definition, encode
from schemas.times import DAY
from schemas.topics import DEFINITIONS, EVENTS
from sinks.past_store import PastStore
from sinks.snapshot_store import SnapshotStore
from tests.api.reading import T, World, definition, world

SETTLED = 1_000  # ms after which the watermark is behind nothing


class Living:
    """The fold runs through the log each time that something was said; `now` is the log's time."""

    def __init__(self, made: World, now: list[int], store: SnapshotStore, past: PastStore):
        self.world, self.client, self.log, self._now = made, made.client, made.log, now
        self.store, self.past = store, past
        self._definitions = Definitions(states_in=lambda partition, path: past.get(path))
        self._folds = {n: PartitionFold(n, self._definitions, {}, 0) for n in range(made.log.partitions(EVENTS))}

    @property
    def now(self) -> int:
        """The log's time."""
        return self._now[0]

    def at(self, instant: int) -> Living:
        """Let time pass until then."""
        assert instant >= self.now
        self._now[0] = instant
        return self

    def publish(self, *bodies: dict[str, Any]) -> None:
        """The definitions; active when this returns."""
        self.log.append([definition(**{"version": 1, **body}) for body in bodies])
        self.settle(LEAD_MS)

    def say(self, contact: str, type: str, id: str, at: int | None = None, **fields: Any) -> None:
        """An event, now."""
        happened = self.now if at is None else at
        made = Event(type, id, happened, user_id=fields.pop("user_id", contact), received_at=self.now, **fields)
        self.log.append([Entry(EVENTS, contact, encode(made))])

    def settle(self, after: int = SETTLED) -> None:
        """Let time pass, fold all that was said and all that is due, and bring it to ClickHouse."""
        self.at(self.now + after)
        offset = self._definitions.catalogue.next_offset
        for record in self.log.read(DEFINITIONS, 0, offset):
            if record.key.startswith("snapshot/"):
                file = decode_definition(record.value).body["file"]
                self._definitions.keep(file, self.store.get(file))
            self._definitions.apply(record)
        while any(self._fold(fold) for fold in self._folds.values()):
            pass
        self.at(self.now + SETTLED)
        self.world.tell()

    def _fold(self, fold: PartitionFold) -> bool:
        """Whether there was anything to do."""
        records = self.log.read(EVENTS, fold.partition, fold.next_offset)
        due = fold.next_due()
        if not records and due is not None and due <= self.now:
            self.log.append([Entry(EVENTS, "", TICK, fold.partition)])
            return True
        fold.push(records)
        said = fold.work(1 << 60)
        while fold.busy:
            said += fold.work(1 << 60)
        self.log.append(said)
        return bool(records)

    def get(self, path: str, **parameters: Any) -> Any:
        """The answer's JSON; it must be a good one."""
        return self.world.get(path, **parameters)

    def post(self, path: str, body: Any, status: int = 200) -> Any:
        """The answer's JSON."""
        answer = self.client.post(path, json=body)
        assert answer.status_code == status, answer.text
        return answer.json()


@contextmanager
def living(folder: Path) -> Iterator[Living]:
    """An empty one that begins at T."""
    now = [T]
    url = (folder / "files").absolute().as_uri()
    past = PastStore(url)
    with world(folder, Clock(lambda: now[0], lambda: now[0])) as made:
        yield Living(made, now, SnapshotStore(url), past)
    past.close()


__all__ = ["DAY", "Living", "T", "living"]
