"""Files for the commands (LANGUAGE, "Files for the commands"): definitions, and event lines as a history to replay."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from connectors.documents import read_documents
from connectors.files import ImportedFile, read_mapping
from connectors.segment_spec import contact_of, read_event, read_instant
from flows.contact.replay import Line
from schemas.definitions import Body, parse
from schemas.errors import InvalidInput, UnreadableRecord, Violation
from schemas.facts import ENTER
from schemas.records import decode_event


def read_definitions(path: Path) -> list[tuple[dict[str, Any], Body]]:
    """The definitions of a JSON or YAML file, one or a list, as written and as read; InvalidInput with every fault."""
    documents, faults = read_documents(path)
    found = []
    for document in documents:
        try:
            found.append((document.body, parse(document.body)))
        except InvalidInput as fault:
            faults += [
                Violation(f"{document.place}: {fault.what}: {v.path}".rstrip(": "), v.message) for v in fault.violations
            ]
    if faults:
        raise InvalidInput("definitions", faults)
    return found


def read_lines(path: Path) -> list[Line]:
    """The file's events in the order of `logged_at`, stably; InvalidInput with every line that cannot be read."""
    found: list[Line] = []
    faults: list[Violation] = []
    for number, text in _lines(path):
        try:
            found.append(_read_line(msgspec.json.decode(text)))
        except (UnreadableRecord, msgspec.DecodeError, UnicodeDecodeError, RecursionError) as fault:
            faults.append(Violation(f"line {number}", str(fault)))
    if faults:
        raise InvalidInput(str(path), faults)
    return sorted(found, key=lambda line: line.logged_at)


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


def _read_line(raw: Any) -> Line:
    """One line. `logged_at` is its own, else `received_at`, else its `timestamp`; an `enter` line names its journey."""
    if not isinstance(raw, Mapping):
        raise UnreadableRecord("call: is no JSON object")
    is_entry = raw.get("type") == ENTER
    event = read_event({**raw, "type": "track"} if is_entry else raw, trusted=True)
    if is_entry:
        event.type = ENTER
    own = raw.get("logged_at", raw.get("loggedAt"))
    logged_at = event.received_at if own is None else read_instant(own, "logged_at")
    return Line(logged_at, contact_of(event), event)
