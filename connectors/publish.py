"""Definitions onto the log and back: publish what changed, roll back, delete, and read what stands.

The first write of a version wins (rule 4), so two editors cannot both publish version 4: whoever came second is told.

A segment or journey that asks about a past that its leaves do not know warms up first: what stood goes on until
`infra.hydrator` has brought the past and switches. So does one that asks about a segment that warms up.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Literal, NamedTuple

import msgspec

from connectors.consistency import check_together, check_unused, must_warm_up, unknown_names
from connectors.log import Log
from connectors.migrating import KIND as MIGRATION
from connectors.migrating import migration_faults
from flows.definitions.catalogue import Catalogue, Draft, Published, Snapshot
from flows.segments.footprint import LIMIT, too_large
from schemas.definitions import parse
from schemas.definitions.conditions import parse_condition
from schemas.definitions.ranking import RESULT
from schemas.errors import InvalidInput, VersionTaken, Violation
from schemas.records import Definition, Entry, encode
from schemas.topics import DEFINITIONS, EVENTS

Key = tuple[str, str]  # kind, id
_END_OF_TIME = 1 << 62


class Publication(NamedTuple):
    """A definition's version; `is_new` where it was published just now, else its body stood already."""

    kind: str
    id: str
    version: int
    is_new: bool


class CatalogueReader:
    """The catalogue, read on to the end of the log each time that it is asked for. For several threads.

    `leaf_bytes`: what a leaf of a segment that is published may keep of a contact.
    """

    def __init__(self, log: Log, leaf_bytes: int = LIMIT):
        self.log, self.leaf_bytes = log, leaf_bytes
        self._catalogue = Catalogue()
        self._lock = threading.Lock()

    @contextmanager
    def open(self) -> Iterator[Catalogue]:
        """The catalogue as of now; nobody else changes it meanwhile."""
        with self._lock:
            self.taken_until(self.log.end(DEFINITIONS, 0))
            yield self._catalogue

    def taken_until(self, end: int) -> set[int]:
        """Read on to `end`; the offsets of the records that took effect."""
        taken: set[int] = set()
        while self._catalogue.next_offset < end:
            records = self.log.read(DEFINITIONS, 0, self._catalogue.next_offset)
            taken.update(r.offset for r in records if self._catalogue.apply(r))
        return taken


def newest(catalogue: Catalogue) -> Snapshot:
    """What is current once everything that was published is active."""
    return catalogue.active(_END_OF_TIME)


def validate(
    bodies: Sequence[Mapping[str, Any]],
    places: Sequence[str] = (),
    leaf_bytes: int = LIMIT,
    of_system: bool = False,
) -> list[Violation]:
    """Every fault of every body; a path begins with the body's place where it has one. A fault is also a leaf that
    would keep more than so many bytes of a contact, and what Waxwing alone computes (a ranking's result)."""
    faults: list[Violation] = []
    seen: dict[Key, int] = {}
    for number, body in enumerate(bodies):
        place = places[number] if places else ""
        try:
            parsed = parse(body)
        except InvalidInput as invalid:
            faults += [Violation(_join(place, v.path), v.message) for v in invalid.violations]
            continue
        if parsed.kind == "segment" and body.get("where") is not None:
            large = too_large(parse_condition(body["where"]), limit=leaf_bytes)
            faults += [Violation(_join(place, v.path), v.message) for v in large]
        if parsed.kind == RESULT and not of_system:
            faults.append(Violation(_join(place, "kind"), f"{RESULT} is computed, not published: publish the ranking"))
        first = seen.setdefault((parsed.kind, parsed.id), number)
        if first != number:
            where = f" ({places[first]})" if places else ""
            faults.append(Violation(_join(place, "id"), f"{parsed.kind} {parsed.id} is given twice{where}"))
    return faults


def unknown(
    reader: CatalogueReader, bodies: Sequence[Mapping[str, Any]], places: Sequence[str] = ()
) -> list[Violation]:
    """What journeys, campaigns and migrations among the bodies name that neither stands nor is given with them."""
    with reader.open() as catalogue:
        faults = unknown_names(_standing(catalogue), bodies, places)
        for number, body in enumerate(bodies):
            if body.get("kind") == MIGRATION:
                place = places[number] if places else ""
                faults += [Violation(_join(place, v.path), v.message) for v in migration_faults(catalogue, body)]
    return faults


def _standing(catalogue: Catalogue) -> dict[Key, Published]:
    snapshot = newest(catalogue)
    return {**snapshot.current, **snapshot.warming}


def publish(
    reader: CatalogueReader,
    bodies: Sequence[Mapping[str, Any]],
    by: str = "",
    expected: Mapping[Key, int] | None = None,
    places: Sequence[str] = (),
    of_system: bool = False,
) -> list[Publication]:
    """Publish those bodies that differ from what stands, in one append; one Publication a body, in their order.

    `expected` names the version that its editor has seen (0: none); `places` say in faults where a body stands. Raises
    InvalidInput with every fault, also where they do not fit together with what stands; VersionTaken where somebody
    else was first.
    """
    names = [f"{body.get('kind')} {body.get('id')}" for body in bodies]
    places = places or (names if len(bodies) > 1 else ())
    if faults := validate(bodies, places, reader.leaf_bytes, of_system) + unknown(reader, bodies, places):
        raise InvalidInput("definitions" if len(bodies) > 1 else names[0], faults)
    with reader.open() as catalogue:
        _check_expected(catalogue, expected or {})
        planned = [_planned(catalogue, body) for body in bodies]
        acts = [
            Definition(p.kind, p.id, "publish", p.version, dict(body), by)
            for p, body in zip(planned, bodies, strict=True)
            if p.is_new
        ]
        _append(reader, catalogue, acts)
    return planned


def rollback(
    reader: CatalogueReader, kind: str, id: str, version: int, by: str = "", expected: int | None = None
) -> None:
    """Make an earlier version the current one, and what warms up void. InvalidInput where there is no such version."""
    with reader.open() as catalogue:
        _check_expected(catalogue, {} if expected is None else {(kind, id): expected})
        known = sorted(catalogue.versions.get((kind, id), {}))
        if version not in known:
            there = f"there are {', '.join(map(str, known))}" if known else "nothing was ever published under this id"
            raise InvalidInput(f"{kind} {id}", [Violation("version", f"{version} does not exist; {there}")])
        if faults := unknown_names(_standing(catalogue), [catalogue.versions[kind, id][version].body]):
            raise InvalidInput(f"{kind} {id} version {version}", faults)
        _append(reader, catalogue, [_act(kind, id, "rollback", version, by)])


def delete(reader: CatalogueReader, kind: str, id: str, by: str = "", expected: int | None = None) -> None:
    """End a definition; its versions stay readable. InvalidInput where it does not stand, or others name it."""
    with reader.open() as catalogue:
        _check_expected(catalogue, {} if expected is None else {(kind, id): expected})
        if newest(catalogue).newest(kind, id) is None:
            raise InvalidInput(f"{kind} {id}", [Violation("id", "there is no such definition")])
        _append(reader, catalogue, [_act(kind, id, "delete", catalogue.latest_version(kind, id), by)])


def archive(reader: CatalogueReader, kind: str, id: str, by: str = "", expected: int | None = None) -> None:
    """End a definition as `delete` does, and keep it in the list of what is archived: a rollback brings it back."""
    with reader.open() as catalogue:
        _check_expected(catalogue, {} if expected is None else {(kind, id): expected})
        if newest(catalogue).newest(kind, id) is None:
            raise InvalidInput(f"{kind} {id}", [Violation("id", "there is no such definition")])
        version = catalogue.latest_version(kind, id)
        _append(reader, catalogue, [Definition(kind, id, "delete", version, by=by, archive=True)])


def save_drafts(
    reader: CatalogueReader, bodies: Sequence[Mapping[str, Any]], by: str = "", places: Sequence[str] = ()
) -> None:
    """Keep the bodies aside as drafts, in place of earlier ones: nothing acts on them before they are published.

    Raises InvalidInput with every fault that a body has by itself; what it names need not be there yet.
    """
    names = [f"{body.get('kind')} {body.get('id')}" for body in bodies]
    if faults := validate(bodies, places or (names if len(bodies) > 1 else ()), reader.leaf_bytes):
        raise InvalidInput("definitions" if len(bodies) > 1 else names[0], faults)
    with reader.open() as catalogue:
        acts = [_drafted(catalogue, body["kind"], body["id"], body, by) for body in bodies]
        reader.log.append([Entry(DEFINITIONS, f"{a.kind}/{a.id}", encode(a)) for a in acts])


def publish_draft(
    reader: CatalogueReader, kind: str, id: str, by: str = "", expected: int | None = None
) -> Publication:
    """Publish the draft as `publish` does. Unless `expected` says otherwise, VersionTaken where another version stands
    than when it was written. InvalidInput where there is no draft."""
    draft = _draft(reader, kind, id)
    seen = draft.upon if expected is None else expected
    (made,) = publish(reader, [draft.body], by, {(kind, id): seen})
    if not made.is_new:
        discard_draft(reader, kind, id, by)
    return made


def discard_draft(reader: CatalogueReader, kind: str, id: str, by: str = "") -> None:
    """Forget the draft. InvalidInput where there is none."""
    _draft(reader, kind, id)
    with reader.open() as catalogue:
        act = _drafted(catalogue, kind, id, {}, by)
        reader.log.append([Entry(DEFINITIONS, f"{kind}/{id}", encode(act))])


def _draft(reader: CatalogueReader, kind: str, id: str) -> Draft:
    with reader.open() as catalogue:
        draft = catalogue.drafts.get((kind, id))
    if draft is None:
        raise InvalidInput(f"{kind} {id}", [Violation("id", "has no draft")])
    return draft


def _drafted(catalogue: Catalogue, kind: str, id: str, body: Mapping[str, Any], by: str) -> Definition:
    stands = newest(catalogue).newest(kind, id)
    return Definition(kind, id, "draft", stands.version if stands else 0, dict(body), by)


def cancel(reader: CatalogueReader, kind: str, id: str, by: str = "", expected: int | None = None) -> None:
    """Stop what warms up: the version that is current goes on, where there is one. A rollback to the cancelled version
    lets it begin again. InvalidInput where nothing warms up."""
    with reader.open() as catalogue:
        _check_expected(catalogue, {} if expected is None else {(kind, id): expected})
        snapshot = newest(catalogue)
        if (warming := snapshot.warming.get((kind, id))) is None:
            raise InvalidInput(f"{kind} {id}", [Violation("id", "does not warm up")])
        if current := snapshot.get(kind, id):
            act = _act(kind, id, "rollback", current.version, by)
        else:
            act = _act(kind, id, "delete", warming.version, by)
        _append(reader, catalogue, [act])


def _act(kind: str, id: str, op: Literal["rollback", "delete"], version: int, by: str) -> Definition:
    return Definition(kind, id, op, version, by=by)


def _planned(catalogue: Catalogue, body: Mapping[str, Any]) -> Publication:
    kind, id = body["kind"], body["id"]
    stands = newest(catalogue).newest(kind, id)
    if stands is not None and _canonical(stands.body) == _canonical(body):
        return Publication(kind, id, stands.version, False)
    return Publication(kind, id, catalogue.latest_version(kind, id) + 1, True)


def _canonical(body: Mapping[str, Any]) -> bytes:
    return msgspec.json.encode(body, order="deterministic")


def _check_expected(catalogue: Catalogue, expected: Mapping[Key, int]) -> None:
    for (kind, id), seen in expected.items():
        stands = newest(catalogue).newest(kind, id)
        version = stands.version if stands else 0
        if version != seen:
            now = f"is at version {version}" if version else "does not exist"
            raise VersionTaken(f"{kind} {id} {now}, not at {seen}: read it again, and decide again")


def _append(reader: CatalogueReader, catalogue: Catalogue, acts: Sequence[Definition]) -> None:
    """Append the acts, read them back, and see whether they were first. The reader is open."""
    if not acts:
        return
    whole = [_with_body(catalogue, act) for act in acts]
    check_unused(newest(catalogue), whole)
    check_together(_standing(catalogue), whole)
    if any(reader.log.end(EVENTS, n) for n in range(reader.log.partitions(EVENTS))):
        warm = must_warm_up(catalogue, whole)
        lead = reader.log.lead_ms
        acts = [
            msgspec.structs.replace(act, warming=True, lead=lead) if (act.kind, act.id) in warm else act for act in acts
        ]
    _land(reader, acts)


def record(reader: CatalogueReader, acts: Sequence[Definition]) -> None:
    """Append acts of a kind that people do not write, in one append; VersionTaken where somebody else was first."""
    with reader.open():
        _land(reader, acts)


def _land(reader: CatalogueReader, acts: Sequence[Definition]) -> None:
    landed = reader.log.append([Entry(DEFINITIONS, f"{a.kind}/{a.id}", encode(a)) for a in acts])
    taken = reader.taken_until(landed[-1].offset + 1)
    void = [a for a, place in zip(acts, landed, strict=True) if place.offset not in taken]
    if void:
        names = ", ".join(f"{a.kind} {a.id} version {a.version}" for a in void)
        raise VersionTaken(f"somebody else published {names} at this moment: read it again, and decide again")


def _with_body(catalogue: Catalogue, act: Definition) -> Definition:
    """A rollback names a version; what becomes current is its body."""
    if act.op != "rollback":
        return act
    return msgspec.structs.replace(act, body=dict(catalogue.versions[act.kind, act.id][act.version].body))


def _join(place: str, path: str) -> str:
    return f"{place}: {path}" if place and path else place or path
