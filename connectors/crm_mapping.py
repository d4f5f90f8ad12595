"""The CRM's change records into events, by the rules of a `crm_mapping` definition. Pure.

A record becomes all its events or none: what cannot be read of it raises UnreadableRecord, and it is set aside whole.
An event's id comes from the record and its place among the record's events, so a record that is read again gives the
same events.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

import msgspec

from connectors.mapping import Call, compile_rule
from connectors.segment_spec import read_event, read_instant
from flows.definitions.catalogue import Catalogue
from schemas.definitions.crm_mapping import BUILT_IN, CrmMapping
from schemas.errors import UnreadableRecord
from schemas.facts import OWN_FACTS
from schemas.ids import content_hash, uuid5
from schemas.records import CrmRecord, Event, decode_crm

KIND: Final = "crm_mapping"
ID: Final = "default"


class _Rule(NamedTuple):
    apply: Callable[[Mapping[str, Any]], Call | None]
    is_trusted: bool  # the rule, not the record, says that it is a fact of Waxwing's own


class Mapper:
    """A mapping, ready to be applied."""

    def __init__(self, mapping: CrmMapping):
        self._rules: dict[tuple[str, str], list[_Rule]] = {}
        for rule in mapping.rules:
            made = _Rule(compile_rule(rule), rule.to.type in OWN_FACTS)
            for op in dict.fromkeys(rule.op):
                self._rules.setdefault((rule.entity, op), []).append(made)

    def map_record(self, record: CrmRecord, logged_at: int) -> list[Event]:
        """The record's events, none where no rule fits; received when the log took the record."""
        at = read_instant(record.at, "at")
        whole = msgspec.structs.asdict(record)
        cause = content_hash(msgspec.json.encode(whole, order="sorted"))
        events: list[Event] = []
        for rule in self._rules.get((record.entity, record.op), ()):
            call = rule.apply(whole)
            if call is None:
                continue
            call.setdefault("messageId", uuid5("crm", record.entity, record.id, record.op, cause, len(events)))
            call.setdefault("timestamp", at)
            events.append(read_event(call, logged_at, trusted=rule.is_trusted))
        return events


def read_record(value: bytes) -> CrmRecord:
    """The change record of these bytes; UnreadableRecord says which field is wrong."""
    try:
        record = decode_crm(value)
    except msgspec.ValidationError as fault:
        what, _, where = str(fault).partition(" - at `$.")
        raise UnreadableRecord(f"{where.rstrip('`') or 'record'}: {what[0].lower()}{what[1:]}") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as fault:
        raise UnreadableRecord(f"record: is no JSON: {fault}") from None
    if not record.id:
        raise UnreadableRecord("id: is empty")
    read_instant(record.at, "at")
    return record


def mapping_of(catalogue: Catalogue, at: int) -> CrmMapping:
    """The mapping active at the instant: the published one, else the built-in."""
    published = catalogue.active(at).get(KIND, ID)
    return CrmMapping.model_validate_json(msgspec.json.encode(BUILT_IN if published is None else published.body))
