"""Files into events: Segment-spec lines as they are, anything else by a mapping file. Pure but for reading the file.

An event's id is its `messageId`, else it comes from the row's content and its position in the file (with
`duplicates: drop` from the content alone, so that an exact repetition is one event). A file that is imported again
therefore gives the same ids: the fold drops those that it saw within a day, reads of ClickHouse all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import Annotated, Any, Final, Literal, NamedTuple

import msgspec
from pydantic import Field, ValidationError

from connectors import dead_letters
from connectors.documents import read_documents
from connectors.mapping import compile_path, compile_rule, compile_value
from connectors.rows import Format, Row, Rows
from connectors.segment_spec import entry_of, read_call, read_event
from schemas.definitions.base import Strict
from schemas.definitions.mapping import Path as Path_
from schemas.definitions.mapping import Paths, Rule, Value
from schemas.errors import InvalidInput, UnreadableRecord, Violation
from schemas.facts import OWN_FACTS
from schemas.faults import violations_of
from schemas.ids import uuid5
from schemas.records import DeadLetter, Entry, Event

_JOIN_LIMIT: Final = 1_000_000  # rows of a joined file: it is held in memory


class Join(Strict):
    """A smaller file beside the imported one: its row whose `key` equals the value `on` appears in the record `as`."""

    name: Path_ = Field(alias="as")
    file: str
    key: Path_
    on: Paths


class FileRules(Strict):
    """How the files whose name fits `match` (as `profile*`) become events."""

    match: str
    format: Format | None = None
    delimiter: Annotated[str, Field(max_length=4)] = ""
    encoding: Literal["utf-8", "utf-16", "latin-1"] = "utf-8"
    duplicates: Literal["keep", "drop"] = "keep"
    join: tuple[Join, ...] = ()
    rules: Annotated[tuple[Rule, ...], Field(min_length=1)]


class FileMapping(Strict):
    """A mapping file of `waxwing import`: of the rules whose `match` fits a file's name, the first."""

    files: Annotated[tuple[FileRules, ...], Field(min_length=1)]


class Line(NamedTuple):
    """What one row of a file became: its events, or a dead letter."""

    events: list[Entry]
    letter: DeadLetter | None = None


def read_mapping(path: Path) -> FileMapping:
    """The mapping of a YAML or JSON file; InvalidInput with every fault."""
    documents, faults = read_documents(path)
    if not faults and len(documents) != 1:
        faults = [Violation("", f"holds {len(documents)} objects; a mapping is one")]
    if faults:
        raise InvalidInput(str(path), faults)
    try:
        return FileMapping.model_validate_json(msgspec.json.encode(documents[0].body))
    except ValidationError as fault:
        raise InvalidInput(str(path), violations_of(fault)) from None


class ImportedFile:
    """A file and the way it is read. InvalidInput where the mapping has no rules for it."""

    def __init__(self, path: Path, mapping: FileMapping | None = None, historical: bool = True):
        self.path, self._historical = path, historical
        rules = None if mapping is None else _rules_for(path, mapping)
        self.rows = Rows(path) if rules is None else Rows(path, rules.format, rules.delimiter, rules.encoding)
        if rules is None and self.rows.format != "jsonl":
            raise InvalidInput(str(path), [Violation("", "a table needs a mapping: which column is what")])
        self._read = _as_they_are if rules is None else _by_rules(rules, path.parent)

    def lines(self, now: int) -> Iterator[Line]:
        """What each row becomes; `now` dates the dead letters."""
        source = f"import:{self.path.name}"
        for row in self.rows:
            try:
                if row.fault:
                    raise UnreadableRecord(row.fault)
                events = self._read(row)
            except UnreadableRecord as refused:
                reason = f"line {row.number}: {refused}"
                yield Line([], dead_letters.from_bytes(source, reason, row.data, now))
                continue
            for event in events:
                event.historical = self._historical
            yield Line([entry_of(event) for event in events])


def _rules_for(path: Path, mapping: FileMapping) -> FileRules:
    found = next((rules for rules in mapping.files if fnmatch(path.name, rules.match)), None)
    if found is None:
        patterns = ", ".join(rules.match for rules in mapping.files)
        raise InvalidInput(str(path), [Violation("", f"the mapping has no rules for it; it has some for {patterns}")])
    return found


def _as_they_are(row: Row) -> list[Event]:
    """Segment-spec lines."""
    return [read_call(row.data, trusted=True, default_id=_id(row, row.number, 0))]


def _by_rules(rules: FileRules, folder: Path) -> Callable[[Row], list[Event]]:
    """The events that the rules make of a row. Only a rule that names a fact of Waxwing's own may make one."""
    compiled = [(compile_rule(rule), rule.to.type in OWN_FACTS) for rule in rules.rules]
    joins = [_Joined(join, folder) for join in rules.join]
    is_kept = rules.duplicates == "keep"

    def read(row: Row) -> list[Event]:
        record = _decode(row.data)
        for joined in joins:
            joined.add(record)
        events: list[Event] = []
        for apply, trusted in compiled:
            call = apply(record)
            if call is not None:
                id = _id(row, row.number if is_kept else 0, len(events))
                events.append(read_event(call, trusted=trusted, default_id=id))
        return events

    return read


class _Joined:
    """The rows of a joined file, by their key."""

    def __init__(self, join: Join, folder: Path):
        self._name, self._on = join.name, compile_value(Value.model_validate({"from": join.on}))
        key, path = compile_path(join.key), folder / join.file
        self._rows: dict[Any, dict[str, Any]] = {}
        for row in Rows(path):
            record = _decode(row.data)
            if len(self._rows) >= _JOIN_LIMIT:
                raise InvalidInput(str(path), [Violation("", f"has more than {_JOIN_LIMIT} rows, too many to join")])
            self._rows[_key(key(record))] = record

    def add(self, record: dict[str, Any]) -> None:
        """Set the row that fits, where there is one."""
        found = self._rows.get(_key(self._on(record)))
        if found is not None:
            record[self._name] = found


def _key(value: Any) -> Any:
    return value if isinstance(value, str | int | float) else None


def _id(row: Row, position: int, place: int) -> str:
    return uuid5("import", position, place, row.data.decode(errors="backslashreplace"))


def _decode(data: bytes) -> dict[str, Any]:
    try:
        found: dict[str, Any] = _object(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as fault:
        raise UnreadableRecord(f"row: is no JSON object: {fault}") from None
    return found


_object = msgspec.json.Decoder(dict[str, Any]).decode
