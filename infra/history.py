"""Files for the commands (LANGUAGE, "Files for the commands"): definitions, and event lines as a history to replay."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from connectors.consistency import unknown_names
from connectors.documents import Document, read_documents
from connectors.files import ImportedFile, read_mapping
from connectors.segment_spec import contact_of, read_event, read_instant
from flows.contact.replay import Line
from flows.definitions.catalogue import Published
from flows.segments.order import refuse_cycles
from schemas.definitions import Body, parse
from schemas.definitions.conditions import parse_condition, references
from schemas.definitions.segment import Segment
from schemas.errors import InvalidInput, UnreadableRecord, Violation
from schemas.facts import ENTER
from schemas.ids import uuid5
from schemas.records import decode_event
from schemas.times import parse_instant


def read_definitions(path: Path) -> list[tuple[dict[str, Any], Body]]:
    """The definitions of a JSON or YAML file, one or a list, as written and as read; InvalidInput with every fault."""
    documents, faults = read_documents(path)
    return _parsed(documents, faults)


def read_whole(path: Path, snapshots: Iterable[str] = ()) -> list[tuple[dict[str, Any], Body]]:
    """The same of a file in which everything is looked up that is named, but for the snapshots given and for templates:
    one that is not there does not stop a simulation."""
    documents, faults = read_documents(path)
    given = {("snapshot", id): Published("snapshot", id, 1, {}, 0) for id in snapshots}
    places = [f"{d.place}: {d.body.get('kind')} {d.body.get('id')}" for d in documents]
    absent = unknown_names(given, [d.body for d in documents], places)
    found = _parsed(documents, faults, [fault for fault in absent if not fault.path.endswith(".template")])
    refuse_cycles({body.id: _asked(body) for _, body in found if isinstance(body, Segment)})
    return found


def _asked(segment: Segment) -> set[str]:
    return set() if segment.where is None else references(parse_condition(segment.where))


def _parsed(
    documents: Iterable[Document], faults: list[Violation], more: Sequence[Violation] = ()
) -> list[tuple[dict[str, Any], Body]]:
    found = []
    for document in documents:
        try:
            found.append((document.body, parse(document.body)))
        except InvalidInput as fault:
            faults += [
                Violation(f"{document.place}: {fault.what}: {v.path}".rstrip(": "), v.message) for v in fault.violations
            ]
    if faults or more:
        raise InvalidInput("definitions", [*faults, *more])
    return found


def read_lines(path: Path) -> list[Line]:
    """The file's events in the order of `logged_at`, stably; InvalidInput with every line that cannot be read."""
    found: list[Line] = []
    faults: list[Violation] = []
    for number, text in _lines(path):
        try:
            found.append(_read_line(msgspec.json.decode(text), uuid5("line", number)))
        except (UnreadableRecord, msgspec.DecodeError, UnicodeDecodeError, RecursionError) as fault:
            faults.append(Violation(f"line {number}", str(fault)))
    if faults:
        raise InvalidInput(str(path), faults)
    return sorted(found, key=lambda line: line.logged_at)


def read_snapshots(path: Path | None) -> dict[str, frozenset[str]]:
    """The members of snapshots as a file gives them; none without a file."""
    if path is None:
        return {}
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, frozenset[str]])
    except msgspec.DecodeError as fault:
        raise InvalidInput(str(path), [Violation("", f'{fault}; write {{"id": [contact, …]}}')]) from None


def read_option_instant(option: str, text: str) -> int | None:
    """The instant that an option names; None where it is not given."""
    if not text:
        return None
    try:
        return parse_instant(text)
    except ValueError as fault:
        raise InvalidInput(option, [Violation("", str(fault))]) from None


def read_files(paths: Sequence[Path], mapping: Path | None = None) -> list[Line]:
    """The events of files that `waxwing import` takes, by a mapping or as they are, as if they had come when they
    happened; InvalidInput with every row that cannot be read."""
    rules = None if mapping is None else read_mapping(mapping)
    found: list[Line] = []
    faults: list[Violation] = []
    for path in paths:
        for line in ImportedFile(path, rules, historical=False).lines(0):
            if line.letter is not None:
                faults.append(Violation(str(path), line.letter.reason))
            for entry in line.events:
                event = decode_event(entry.value)
                found.append(Line(event.received_at, entry.key, event))
    if faults:
        raise InvalidInput("events", faults)
    return sorted(found, key=lambda line: line.logged_at)


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    with path.open("rb") as file:
        for number, text in enumerate(file, 1):
            if text.strip():
                yield number, text


def _read_line(raw: Any, default_id: str) -> Line:
    """One line. `logged_at` is its own, else its `timestamp`, else `received_at`; an `enter` line names its journey.
    Lines without `messageId` are each an event of their own, as in an import, also where they say the same."""
    if not isinstance(raw, Mapping):
        raise UnreadableRecord("call: is no JSON object")
    is_entry = raw.get("type") == ENTER
    event = read_event({**raw, "type": "track"} if is_entry else raw, trusted=True, default_id=default_id)
    if is_entry:
        event.type = ENTER
    said = (raw.get(name) for name in ("logged_at", "loggedAt", "timestamp"))
    logged_at = next((read_instant(value, "logged_at") for value in said if value is not None), event.received_at)
    return Line(logged_at, contact_of(event), event)
