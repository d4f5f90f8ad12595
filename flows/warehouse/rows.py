"""Records as rows of ClickHouse's tables. Pure: the same record gives the same row, wherever and whenever it is read.

A row's identity (its table's ORDER BY) comes from the record, so a row that is written again stands once. Instants are
seconds with three decimals; JSON stays the text that it was. `infra/migrations` has the tables; what they derive from
one another (memberships, runs, the status of a message) ClickHouse derives as rows come in.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, TypeAlias

import msgspec

from schemas import topics
from schemas.ids import uuid5
from schemas.records import (
    DeadLetter,
    Record,
    decode_attempt,
    decode_change,
    decode_crm_command,
    decode_dead_letter,
    decode_definition,
    decode_example,
    decode_send,
    encode,
)

Row: TypeAlias = tuple[Any, ...]
Tables: TypeAlias = dict[str, list[Row]]  # table -> rows, their values in the order of COLUMNS[table]

# fmt: off
COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    "events": (
        "partition", "offset", "logged_at", "contact", "type", "name", "id", "at", "received_at", "user_id",
        "anonymous_id", "previous_id", "group_id", "properties", "traits", "context", "historical", "raw",
    ),
    "changes": (
        "contact", "id", "kind", "at", "logged_at", "partition", "offset", "segment", "journey", "version", "run",
        "entry", "node", "branch", "reason", "send", "campaign", "channel", "topic", "touch", "conversion", "event",
        "model", "amount_minor", "currency", "share", "value", "historical",
        "holdout",
    ),
    "sends": (
        "contact", "id", "at", "logged_at", "expires", "channel", "address", "template", "template_version", "locale",
        "topic", "message_class", "campaign", "journey", "version", "run", "entry", "node", "variant", "data",
    ),
    "delivery_logs": (
        "send", "id", "at", "logged_at", "contact", "source", "status", "number", "channel", "provider", "provider_id",
        "reason",
    ),
    "definitions": ("offset", "logged_at", "kind", "id", "op", "version", "by", "body"),
    "segment_leaves": ("offset", "segment", "version", "path", "leaf"),
    "examples": (
        "model", "at", "id", "contact", "features", "feature_set", "label", "labelled_at", "version",
    ),
    "crm_commands": ("contact", "at", "id", "command", "journey", "version", "node", "data"),
    "dead_letters": ("id", "source", "partition", "offset", "key", "at", "reason", "raw"),
}
# fmt: on

_EARLIEST: Final = -2_208_988_800_000  # 1900-01-01 and the end of 2299: what a DateTime64(3) holds
_LATEST: Final = 10_413_791_999_999


def moment(ms: int) -> float:
    """An instant as a DateTime64(3) takes it; the nearest that it can hold, where the instant lies outside."""
    return min(max(ms, _EARLIEST), _LATEST) / 1000


class _EventText(msgspec.Struct, gc=False):
    """An event (`schemas.records.Event`) whose objects stay the text that they are."""

    type: str
    id: str = ""
    at: int = 0
    event: str = ""
    properties: msgspec.Raw = msgspec.Raw(b"{}")
    traits: msgspec.Raw = msgspec.Raw(b"{}")
    user_id: str = ""
    anonymous_id: str = ""
    previous_id: str = ""
    group_id: str = ""
    received_at: int = 0
    context: msgspec.Raw = msgspec.Raw(b"{}")
    historical: bool = False


_decode_text = msgspec.json.Decoder(_EventText).decode


def _object(raw: msgspec.Raw) -> str:
    text = str(raw, "utf-8")
    if not text.startswith("{"):
        raise msgspec.ValidationError(f"Expected `object`, got {text[:40]!r}")
    return text


def event_row(partition: int, record: Record) -> Row:
    """The row of `events` of a readable record; msgspec.DecodeError or UnicodeDecodeError of another."""
    e = _decode_text(record.value)
    return (
        partition,
        record.offset,
        moment(record.logged_at),
        record.key,
        e.type,
        e.event if e.type == "track" else e.type,
        e.id,
        moment(min(e.at, record.logged_at)),
        moment(e.received_at),
        e.user_id,
        e.anonymous_id,
        e.previous_id,
        e.group_id,
        _object(e.properties),
        _object(e.traits),
        _object(e.context),
        e.historical,
        str(record.value, "utf-8"),
    )


def _unreadable_row(partition: int, record: Record) -> Row:
    """An event that no schema reads: its place, its key and its bytes."""
    logged_at, raw = moment(record.logged_at), record.value.decode("utf-8", "backslashreplace")
    return (partition, record.offset, logged_at, record.key, *[""] * 3, logged_at, logged_at, *[""] * 4,
            *["{}"] * 3, False, raw)  # fmt: skip


def _text(value: Any) -> str:
    return "" if value is None else encode(value).decode()


def _event(partition: int, record: Record, tables: Tables) -> None:
    try:
        row = event_row(partition, record)
    except (msgspec.DecodeError, UnicodeDecodeError):
        tables.setdefault("events", []).append(_unreadable_row(partition, record))
        raise
    tables.setdefault("events", []).append(row)


def _change(partition: int, record: Record, tables: Tables) -> None:
    c = decode_change(record.value)
    row = (
        *(c.contact, c.id, c.kind, moment(c.at), moment(record.logged_at), partition, record.offset),
        *(c.segment, c.journey, c.version, c.run, c.entry, c.node, c.branch, c.reason, c.send, c.campaign, c.channel),
        *(c.topic, c.touch, c.conversion, c.event, c.model, c.amount_minor, c.currency, c.share, _text(c.value)),
        *(c.historical, c.holdout),
    )
    tables.setdefault("changes", []).append(row)


def _send(partition: int, record: Record, tables: Tables) -> None:
    s = decode_send(record.value)
    if s.recall:
        return  # no message
    row = (
        *(s.contact, s.id, moment(s.at), moment(record.logged_at), moment(s.expires), s.channel, s.to, s.template),
        *(s.template_version, s.locale, s.topic, s.message_class, s.campaign, s.journey, s.version, s.run, s.entry),
        *(s.node, s.variant, _text(s.data)),
    )
    tables.setdefault("sends", []).append(row)


def _attempt(partition: int, record: Record, tables: Tables) -> None:
    a = decode_attempt(record.value)
    row = (
        *(a.send, f"{a.number}.{a.status}", moment(a.at), moment(record.logged_at), a.contact, "attempt", a.status),
        *(a.number, a.channel, a.provider, a.provider_id, a.reason),
    )
    tables.setdefault("delivery_logs", []).append(row)


def _definition(partition: int, record: Record, tables: Tables) -> None:
    d = decode_definition(record.value)
    op = "warm" if d.warming and d.op == "publish" else d.op  # not current before it is switched to
    row = (record.offset, moment(record.logged_at), d.kind, d.id, op, d.version, d.by, _text(d.body))
    tables.setdefault("definitions", []).append(row)
    if d.kind == "segment" and d.op == "publish":
        leaves = [(record.offset, d.id, d.version, path, _text(leaf)) for path, leaf in _leaves(d.body.get("where"))]
        tables.setdefault("segment_leaves", []).extend(leaves)


def _leaves(condition: Any) -> Iterator[tuple[str, Any]]:
    """Each leaf of a condition with its path, as in `where.and.0`."""
    stack = [("where", condition)]
    while stack:
        path, node = stack.pop()
        if not isinstance(node, dict):
            continue
        parts = [(group, node[group]) for group in ("and", "or", "not") if group in node]
        if not parts:
            yield path, node
        for group, part in parts:
            below = enumerate(part) if isinstance(part, list) else [("", part)]
            stack += [(f"{path}.{group}.{i}".rstrip("."), child) for i, child in below]


def _example(partition: int, record: Record, tables: Tables) -> None:
    e = decode_example(record.value)
    row = (
        *(e.model, moment(e.at), e.id, e.contact, e.features, e.feature_set, e.label, moment(e.labelled_at)),
        e.version,
    )
    tables.setdefault("examples", []).append(row)


def _crm_command(partition: int, record: Record, tables: Tables) -> None:
    c = decode_crm_command(record.value)
    row = (c.contact, moment(c.at), c.id, c.command, c.journey, c.version, c.node, _text(c.data))
    tables.setdefault("crm_commands", []).append(row)


def _dead_letter(partition: int, record: Record, tables: Tables) -> None:
    tables.setdefault("dead_letters", []).append(_letter_row(decode_dead_letter(record.value)))


def _letter_row(letter: DeadLetter) -> Row:
    raw = b64encode(letter.raw).decode()
    at = moment(letter.at)
    return (letter.id, letter.source, letter.partition, letter.offset, letter.key, at, letter.reason, raw)


def letter_of(topic: str, partition: int, record: Record, reason: str) -> Row:
    """The row of `dead_letters` of a record that could not be read; its id is that of the reader's own dead letter."""
    where = (topic, partition, record.offset)
    id = uuid5("dead", *where)
    return _letter_row(DeadLetter(id, topic, reason, record.value, record.logged_at, record.key, *where[1:]))


def refused_row(table: str, row: Row, reason: str) -> Row:
    """The row of `dead_letters` of a row that ClickHouse could not read."""
    raw = encode(dict(zip(COLUMNS[table], row, strict=True)))
    return _letter_row(DeadLetter(uuid5("refused", table, raw.decode()), f"clickhouse.{table}", reason, raw, 0))


_READERS: Final[Mapping[str, Callable[[int, Record, Tables], None]]] = {
    topics.EVENTS: _event,
    topics.CHANGES: _change,
    topics.SENDS: _send,
    topics.ATTEMPTS: _attempt,
    topics.DEFINITIONS: _definition,
    topics.EXAMPLES: _example,
    topics.CRM_COMMANDS: _crm_command,
    topics.DEAD_LETTERS: _dead_letter,
}
TOPICS: Final = tuple(_READERS)  # what the warehouse keeps


def add_rows(topic: str, partition: int, records: Sequence[Record], tables: Tables) -> None:
    """Add the records' rows to the tables. What cannot be read becomes a dead letter, never an error."""
    read = _READERS[topic]
    for record in records:
        try:
            read(partition, record, tables)
        except (msgspec.DecodeError, UnicodeDecodeError) as e:
            tables.setdefault("dead_letters", []).append(letter_of(topic, partition, record, str(e)))
