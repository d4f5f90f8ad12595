"""The log in one SQLite file: a table a topic, shared by the threads and processes of one machine.

    topic tables   partition, offset -> logged_at, key, value, crc (`connectors.sqlite_records`)
    ends           the offset that each partition's next record gets; its rows also say how many partitions there are
    progress       the next offset of each consumer group
    claims         how often each role's partition was claimed: the last claim alone may append for it
    clock          one row: the last `logged_at` given, and the base of the log's time (`connectors.log_clock`)

One writer at a time gives offsets and times, so both count up in the order of the commits.

Appends that several threads ask for at once become one transaction, synced once (`connectors.grouped`).

What is read is compared with what was written: by each record's checksum, by offsets that are dense, and by the end.
Whoever finds damage raises LogDamaged, and nobody goes on beyond it; `waxwing topics --check` looks at everything, and
`waxwing restore COPY --mend` brings back from a copy what is damaged. A crash damages nothing: what it has torn lies in
the write-ahead log, was never acknowledged, and is left out by SQLite's own checksums there.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import chain, count, islice
from pathlib import Path
from typing import Final, NoReturn, TypeAlias
from zlib import crc32

from connectors.grouped import Grouped
from connectors.log import Appended, Progress
from connectors.log_clock import Clock
from connectors.sqlite_file import SqliteFile, is_damage
from connectors.sqlite_records import ADD_CHECKSUM, COLUMNS, insert, records_of, row_of, selection
from schemas.errors import Fenced, InvalidInput, LogDamaged, LogUnavailable, Violation
from schemas.records import SHORT_LEAD_MS, Entry, Record
from schemas.topics import NAMES, TOPICS

GROUP_ROWS: Final = 20_000  # a group takes no further ticket beyond so many entries: its first one waits for them all
END_LOOKED_AT_S: Final = 1.0  # how often whoever finds nothing new asks whether there should be something
ADVICE: Final = (
    "`waxwing topics --check` lists all that is damaged; `waxwing restore COPY --mend` brings it back from a copy that"
    " `waxwing backup` has made"
)
_TABLES: Final = {
    "ends": "topic TEXT, partition INTEGER, next INTEGER NOT NULL, PRIMARY KEY (topic, partition)",
    "progress": "name TEXT, topic TEXT, partition INTEGER, next INTEGER NOT NULL, PRIMARY KEY (name, topic, partition)",
    "claims": "name TEXT PRIMARY KEY, epoch INTEGER NOT NULL",
    **dict.fromkeys(NAMES, COLUMNS),
}
_TAKE: Final = "INSERT INTO claims VALUES (?, 1) ON CONFLICT (name) DO UPDATE SET epoch = epoch + 1"
_Append: TypeAlias = Callable[[Sequence[Entry], Progress | None, Mapping[str, int]], list[Appended]]
_Place: TypeAlias = tuple[str, int]  # topic and partition


@dataclass(slots=True)
class _Ticket:
    """One call of `append`: what it wants, in whose name, and from where on it has landed once it is written."""

    progress: Progress | None
    epochs: Mapping[str, int]
    places: list[_Place] = field(default_factory=list)  # of each entry
    parts: dict[_Place, list[tuple[str, bytes]]] = field(default_factory=dict)  # keys and values
    firsts: dict[_Place, int] = field(default_factory=dict)  # offsets
    logged_at: int = 0
    fenced: str = ""  # the name that somebody else has claimed since; then nothing was written

    @property
    def landed(self) -> list[Appended]:
        """Where each entry is, in order."""
        nexts = {place: count(first) for place, first in self.firsts.items()}
        return [Appended(place[1], next(nexts[place]), self.logged_at) for place in self.places]


class SqliteLog:
    """A `connectors.log.Log` in the file `path`; made there if it is not, with `partitions` for each keyed topic.

    Raises InvalidInput where the file holds another number of partitions or is no log, LogDamaged where it does not
    hold any more what was written, LogUnavailable where it cannot be reached, is locked by somebody for longer than
    `busy_s` seconds, or its disk is full.
    """

    def __init__(self, path: Path, partitions: int = 4, busy_s: float = 30.0, clock: Clock | None = None):
        self._partitions = {t.name: 1 if t.single else partitions for t in TOPICS}
        self._clock = clock or Clock()
        self._group = Grouped(self._write, lambda ticket: len(ticket.places), GROUP_ROWS)
        self._file = SqliteFile(Path(path), busy_s)
        self._looked: dict[tuple[str, int], float] = {}  # when a partition's end was last looked at
        try:
            with self._file.named_errors():
                self._create()
        except BaseException:
            self._file.close()
            raise

    def partitions(self, topic: str) -> int:
        return self._partitions[topic]

    def partition_of(self, topic: str, key: str) -> int:
        return crc32(key.encode()) % self._partitions[topic]

    def append(self, entries: Sequence[Entry], progress: Progress | None = None) -> list[Appended]:
        return self._append(entries, progress, {})

    def claim(self, role: str, partitions: Sequence[int]) -> SqliteClaim:
        names = {n: f"{role}-{n}" for n in partitions}
        with self._file.named_errors(), self._file.transaction() as db:
            db.executemany(_TAKE, [(name,) for name in names.values()])
            epochs = {name: _epoch(db, name) for name in names.values()}
        return SqliteClaim(self._append, names, epochs)

    def _append(self, entries: Sequence[Entry], progress: Progress | None, epochs: Mapping[str, int]) -> list[Appended]:
        ticket = _Ticket(progress, epochs)
        self._locate(entries, ticket)
        if (cause := self._group.do(ticket)) is not None:
            if is_damage(cause):
                raise LogDamaged(f"{self._file.path}: nothing was appended: {cause}; {ADVICE}") from cause
            raise LogUnavailable(f"{self._file.path}: nothing was appended: {cause}") from cause
        if ticket.fenced:
            raise Fenced(f"{self._file.path}: another process has claimed {ticket.fenced}")
        return ticket.landed

    def read(self, topic: str, partition: int, offset: int, limit: int = 2_000) -> list[Record]:
        self._check(topic, partition)
        try:
            rows = self._file.select(selection(topic), (partition, offset, limit))
        except LogDamaged as fault:
            raise LogDamaged(f"{fault}: {topic} partition {partition} from offset {offset} on; {ADVICE}") from fault
        damaged = partial(self._damaged, topic, partition)
        if rows and rows[0][0] > offset and rows[0][0] > self.begin(topic, partition):
            damaged(offset, "the record is gone")
        if not rows:
            self._look_at_end(topic, partition, offset)
        return records_of(rows, damaged)

    def _look_at_end(self, topic: str, partition: int, offset: int) -> None:
        """Where there is nothing to read, whether that is right. Asked now and then: readers come by all the time."""
        now = time.monotonic()
        if now - self._looked.get((topic, partition), -END_LOOKED_AT_S) < END_LOOKED_AT_S:
            return
        self._looked[topic, partition] = now
        end = self.end(topic, partition)
        if end > offset and not self._file.select(selection(topic), (partition, offset, 1)):  # none came meanwhile
            self._damaged(topic, partition, offset, f"the record is gone, and all up to offset {end}")

    def _damaged(self, topic: str, partition: int, offset: int, why: str) -> NoReturn:
        raise LogDamaged(f"{self._file.path}: {topic} partition {partition} offset {offset}: {why}; {ADVICE}")

    def begin(self, topic: str, partition: int) -> int:
        self._check(topic, partition)
        query = f"SELECT min(offset) FROM {topic} WHERE partition = ?"  # noqa: S608 - a name from TOPICS
        first = self._file.select(query, (partition,))[0][0]
        return self.end(topic, partition) if first is None else int(first)

    def end(self, topic: str, partition: int) -> int:
        self._check(topic, partition)
        query = "SELECT next FROM ends WHERE topic = ? AND partition = ?"
        return int(self._file.select(query, (topic, partition))[0][0])

    def committed(self, group: str, topic: str, partition: int) -> int:
        self._check(topic, partition)
        query = "SELECT next FROM progress WHERE name = ? AND topic = ? AND partition = ?"
        rows = self._file.select(query, (group, topic, partition))
        return int(rows[0][0]) if rows else 0

    def groups(self) -> list[tuple[str, str, int, int]]:
        """Every consumer group's progress: (group, topic, partition, next offset), in this order."""
        return self._file.select("SELECT name, topic, partition, next FROM progress ORDER BY name, topic, partition")

    def commit(self, progress: Progress) -> None:
        self.append([], progress)

    def now(self) -> int:
        last, base = self._file.select("SELECT last, base FROM clock")[0]
        if self._clock.rebase(base) != base:
            self.append([])  # the wall clock is ahead: let the log follow
            last, base = self._file.select("SELECT last, base FROM clock")[0]
        return int(max(last, self._clock.read(base)))

    def settled(self, instant: int) -> bool:
        """One writer at a time gives times: after a write of our own none is on its way that carries an earlier one."""
        if self.now() < instant:
            return False
        self.append([])
        return True

    @property
    def lead_ms(self) -> int:
        """Who has read a record can read all that was logged before it, of every topic: so the least will do."""
        return SHORT_LEAD_MS

    def close(self) -> None:
        self._file.close()

    def _create(self) -> None:
        with self._file.transaction() as db:
            for table, columns in _TABLES.items():
                db.execute(f"CREATE TABLE IF NOT EXISTS {table} ({columns}) WITHOUT ROWID")
            for topic in NAMES:
                if "crc" not in [name for _, name, *_ in db.execute(f"PRAGMA table_info({topic})")]:
                    db.execute(ADD_CHECKSUM.format(topic=topic))
            db.execute("CREATE TABLE IF NOT EXISTS clock (last INTEGER NOT NULL, base INTEGER NOT NULL)")
            db.execute("INSERT INTO clock SELECT 0, 0 WHERE NOT EXISTS (SELECT 1 FROM clock)")
            there = dict(db.execute("SELECT topic, count(*) FROM ends GROUP BY topic"))
            for topic, count in self._partitions.items():
                if topic not in there:
                    db.executemany("INSERT INTO ends VALUES (?, ?, 0)", [(topic, n) for n in range(count)])
                elif there[topic] != count:
                    raise InvalidInput(f"log {self._file.path}", [_other_partitions(topic, there[topic], count)])

    def _locate(self, entries: Sequence[Entry], ticket: _Ticket) -> None:
        for topic, key, value, partition in entries:
            own = self.partition_of(topic, key)  # of every key: one that cannot be encoded must not spoil a group
            if partition is not None:
                self._check(topic, partition)
                own = partition
            place = (topic, own)
            ticket.places.append(place)
            if place not in ticket.parts:
                ticket.parts[place] = []
            ticket.parts[place].append((key, value))

    def _check(self, topic: str, partition: int) -> None:
        if not 0 <= partition < self._partitions[topic]:
            raise KeyError(f"{topic} has partitions 0 to {self._partitions[topic] - 1}, not {partition}")

    def _write(self, tickets: Sequence[_Ticket]) -> None:
        with self._file.transaction() as db:
            now = self._advance_clock(db)
            ends: dict[_Place, int] = {}
            written: dict[_Place, list[object]] = {}
            for ticket in tickets:
                ticket.fenced = next((n for n, epoch in ticket.epochs.items() if _epoch(db, n) != epoch), "")
                if ticket.fenced:
                    continue
                ticket.logged_at = now
                for place, part in ticket.parts.items():
                    if place not in ends:
                        ends |= _ends(db, place[0])
                    flat = written.setdefault(place, [])
                    first = ticket.firsts[place] = ends[place]
                    for offset, (key, value) in enumerate(part, first):
                        flat += row_of(place[1], offset, now, key, value)
                    ends[place] = first + len(part)
            for topic in {topic for topic, _ in written}:
                insert(db, topic, [v for place in sorted(written) if place[0] == topic for v in written[place]])
            if written:
                _set_ends(db, [(*place, ends[place]) for place in written])
            for ticket in tickets:
                if ticket.progress is not None and not ticket.fenced:
                    _move(db, ticket.progress)

    def _advance_clock(self, db: sqlite3.Connection) -> int:
        last, base = db.execute("SELECT last, base FROM clock").fetchone()
        base = self._clock.rebase(base)
        now = max(last, self._clock.read(base))
        db.execute("UPDATE clock SET last = ?, base = ?", (now, base))
        return int(now)


class SqliteClaim:
    """A `connectors.log.Claim` on a SqliteLog: one append for all of its partitions, in which each claim is checked."""

    def __init__(self, append: _Append, names: Mapping[int, str], epochs: Mapping[str, int]):
        self._append, self._names, self._epochs = append, names, epochs

    def append(
        self, parts: Mapping[int, Sequence[Entry]], progress: Progress | None = None
    ) -> dict[int, list[Appended]]:
        epochs = {name: self._epochs[name] for name in map(self._names.__getitem__, parts)}
        landed = iter(self._append([entry for part in parts.values() for entry in part], progress, epochs))
        return {number: list(islice(landed, len(part))) for number, part in parts.items()}

    def close(self) -> None:
        """Nothing is held."""


def _epoch(db: sqlite3.Connection, name: str) -> int:
    return int(db.execute("SELECT epoch FROM claims WHERE name = ?", (name,)).fetchone()[0])


def _ends(db: sqlite3.Connection, topic: str) -> dict[_Place, int]:
    """Of each of the topic's partitions, in one row."""
    found = db.execute("SELECT json_group_object(partition, next) FROM ends WHERE topic = ?", (topic,)).fetchone()[0]
    return {(topic, int(partition)): end for partition, end in json.loads(found).items()}


def _set_ends(db: sqlite3.Connection, ends: Sequence[tuple[str, int, int]]) -> None:
    rows = ", ".join(["(?, ?, ?)"] * len(ends))
    db.execute(f"INSERT OR REPLACE INTO ends VALUES {rows}", list(chain.from_iterable(ends)))  # noqa: S608


def _move(db: sqlite3.Connection, progress: Progress) -> None:
    moves = [(progress.group, topic, partition, end) for (topic, partition), end in progress.offsets.items()]
    db.executemany("INSERT OR REPLACE INTO progress VALUES (?, ?, ?, ?)", moves)


def _other_partitions(topic: str, there: int, asked: int) -> Violation:
    right = f"WAXWING_PARTITIONS={there} opens it; for {asked} make a new log"
    return Violation("partitions", f"{topic} was made with {there} partitions, not {asked}; {right}")
