"""A history in which definitions change on the way, and the hydrator's work at an instant of its own."""

from __future__ import annotations

from collections.abc import Mapping

from flows.contact.active import Definitions
from flows.contact.replay import Line, Replay
from flows.contact.warming import leaves_with_past
from flows.segments.hydration import History, pack, unfinished, unpack
from flows.warehouse.rows import COLUMNS, event_row
from infra.past import fold_past
from schemas.records import Definition, Entry, Record, encode
from sinks.past_query import PastQuery
from tests.clickhouse import engine

FILE = "file"


class Logging(Replay):
    """A replay that keeps its records, as the log would, and takes definitions on the way."""

    def __init__(self, definitions: Definitions):
        super().__init__(definitions)
        self.records: list[Record] = []
        self.acts = 0

    def _fold(self, at: int, contact: str, value: bytes) -> list[Entry]:
        self.records.append(Record(self.fold.next_offset, at, contact, value))
        return super()._fold(at, contact, value)

    def act(self, at: int, definition: Definition) -> bool:
        """Log an act on a definition, at an instant not before the last record's."""
        self.acts += 1
        return self.fold.definitions.apply(Record(100_000 + self.acts, at, "", encode(definition)))

    def read_until(self, at: int, lines: list[Line]) -> list[Line]:
        """Apply the lines up to the instant and let time pass until then; those that are left."""
        count = sum(line.logged_at <= at for line in lines)
        self.run(lines[:count], at)
        return lines[count:]

    def archive(self) -> PastQuery:
        """ClickHouse with what was logged until now."""
        clickhouse = engine()
        clickhouse.command("TRUNCATE TABLE events")
        clickhouse.insert("events", COLUMNS["events"], [event_row(0, record) for record in self.records])
        return PastQuery(clickhouse, page=40)


def switch(run: Logging, at: int, files: dict[str, Mapping[str, bytes]]) -> None:
    """What the hydrator does, at an instant of the replay's own."""
    definitions = run.fold.definitions
    snapshot = definitions.catalogue.active(1 << 62)
    leaves = {id: leaf for p in snapshot.warming.values() for id, leaf in leaves_with_past(p).items()}
    begun = unfinished(definitions, leaves.keys(), snapshot)
    files[FILE] = unpack(pack(fold_past(run.archive(), History(leaves, begun))))
    for published in sorted(snapshot.warming.values(), key=lambda p: p.id):
        own = sorted(leaves_with_past(published).keys() & begun.keys())
        body = {"since": published.since, "leaves": own, "past": {"0": FILE} if own else {}}
        assert run.act(at, Definition("segment", published.id, "switch", published.version, body))
