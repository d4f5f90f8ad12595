"""Whether definitions fit together: what the fold could not compile, or could never decide, is not published. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from flows.campaigns.journey import PREFIX
from flows.campaigns.launch import KIND as LAUNCH
from flows.campaigns.references import campaign_faults
from flows.contact.active import Definitions
from flows.contact.warming import segments_asked
from flows.definitions.catalogue import Catalogue, Published, Snapshot
from flows.experiments.references import experiment_faults
from flows.segments.hydration import lacks_past
from flows.segments.order import refuse_cycles
from schemas.definitions.condition_tree import references
from schemas.definitions.conditions import parse_condition
from schemas.definitions.mentions import NAMING, enters_by_api, mentions
from schemas.errors import InvalidInput, Violation
from schemas.records import LEAD_MS, Definition, Record, encode

_END_OF_TIME = 1 << 62


def check_together(stands: Mapping[tuple[str, str], Published], acts: Sequence[Definition]) -> None:
    """InvalidInput where, after the acts, segments ask about each other or the fold cannot compile what is current.

    `acts` carry the body that becomes current, also where they roll back; a delete carries none.
    """
    after = {key: p.body for key, p in stands.items()}
    for act in acts:
        if act.op == "delete":
            after.pop((act.kind, act.id), None)
        else:
            after[act.kind, act.id] = act.body
    segments = {id: body.get("where") for (kind, id), body in after.items() if kind == "segment"}
    conditions = {id: parse_condition(where) for id, where in segments.items() if where}
    refuse_cycles({id: references(conditions[id]) if id in conditions else () for id in segments})
    _check_snapshots(stands, after)
    _check_campaigns(stands, acts)
    trial = Definitions()
    for offset, ((kind, id), body) in enumerate(after.items()):
        if kind == LAUNCH:  # names a version that is not in the trial
            continue
        definition = Definition(kind, id, "publish", 1, dict(body))
        trial.apply(Record(offset, 0, f"{kind}/{id}", encode(definition)))
    trial.at(LEAD_MS)


def check_unused(stands: Snapshot, acts: Sequence[Definition]) -> None:
    """InvalidInput where one of the acts ends what a segment, journey or campaign names that stands, or warms up: each
    with every place where it does."""
    ended = {(act.kind, act.id) for act in acts if act.op == "delete"}
    if not ended:
        return
    users = {(p.kind, p.id, p.version): p for p in (*stands.current.values(), *stands.warming.values())}
    faults = [
        Violation(f"{p.kind} {p.id}: {mention.path}", f"names {mention.kind} {mention.id!r}: change or end it first")
        for _, p in sorted(users.items())
        if p.kind in NAMING and (p.kind, p.id) not in ended
        for mention in mentions(p.body)
        if (mention.kind, mention.id) in ended
    ]
    if faults:
        raise InvalidInput(" and ".join(f"{kind} {id}" for kind, id in sorted(ended)), faults)


def unknown_names(
    stands: Mapping[tuple[str, str], Published], bodies: Sequence[Mapping[str, Any]], places: Sequence[str] = ()
) -> list[Violation]:
    """What segments, journeys, campaigns and experiments name that neither stands nor is given with them, by its path.

    A journey that another starts must have an `api` trigger, a segment that one adds to must be static. A path begins
    with the body's place where it has one.
    """
    known: dict[tuple[Any, Any], Mapping[str, Any]] = {key: p.body for key, p in stands.items()}
    known |= {(body["kind"], body["id"]): body for body in bodies if _is_named(body)}
    faults = []
    for number, body in enumerate(bodies):
        for mention in mentions(body) if body.get("kind") in ("journey", "segment") else ():
            found = known.get((mention.kind, mention.id))
            place = f"{places[number]}: {mention.path}" if places else mention.path
            if found is None:
                faults.append(Violation(place, f"there is no {mention.kind} {mention.id!r}"))
            elif mention.must == "start by api" and not enters_by_api(found):
                faults.append(Violation(place, f"journey {mention.id!r} has no `api` trigger, so nothing starts it"))
            elif mention.must == "be static" and not found.get("static"):
                faults.append(Violation(place, f"segment {mention.id!r} is not static: nobody can be added to it"))
        if body.get("kind") == "campaign":
            faults += _placed(campaign_faults(body, known), places[number] if places else "")
        if body.get("kind") == "experiment":
            faults += _placed(experiment_faults(body, known), places[number] if places else "")
    return faults


def _is_named(body: Mapping[str, Any]) -> bool:
    return isinstance(body.get("kind"), str) and isinstance(body.get("id"), str)


def _placed(faults: Sequence[Violation], place: str) -> list[Violation]:
    return [Violation(f"{place}: {v.path}" if place else v.path, v.message) for v in faults]


def must_warm_up(catalogue: Catalogue, acts: Sequence[Definition]) -> set[tuple[str, str]]:
    """Which of the acts, whose bodies become current, must wait: they ask about a past that is not known yet, or about
    a segment that itself has to wait."""
    snapshot, definitions = catalogue.active(_END_OF_TIME), Definitions(catalogue=catalogue)
    made = [Published(a.kind, a.id, a.version, a.body, snapshot.since) for a in acts if a.op != "delete"]
    warm = {(p.kind, p.id) for p in made if lacks_past(definitions, p, snapshot)}
    absent = {id for kind, id in snapshot.warming if kind == "segment"} - {p.id for p in snapshot.of("segment")}
    while True:
        waiting = absent | {id for kind, id in warm if kind == "segment" and snapshot.get(kind, id) is None}
        more = {(p.kind, p.id) for p in made if segments_asked(p) & waiting} - warm
        if not more:
            return warm
        warm |= more


def _check_snapshots(
    stands: Mapping[tuple[str, str], Published], after: Mapping[tuple[str, str], Mapping[str, Any]]
) -> None:
    """A snapshot never changes."""
    for (kind, id), body in after.items():
        if kind == "snapshot" and (kind, id) in stands and stands[kind, id].body != body:
            raise InvalidInput(f"snapshot {id}", [Violation("id", "is taken; a snapshot never changes, name another")])


def _check_campaigns(stands: Mapping[tuple[str, str], Published], acts: Sequence[Definition]) -> None:
    """A campaign that was launched stays of its type, and no journey takes the id of a campaign's."""
    for act in acts:
        what, faults = f"{act.kind} {act.id}", list[Violation]()
        if act.kind == "journey" and act.id.startswith(PREFIX):
            faults.append(Violation("id", f"{PREFIX!r} begins the ids of campaigns' journeys"))
        if act.kind == "campaign" and act.op != "delete" and (LAUNCH, act.id) in stands:
            type_ = stands[LAUNCH, act.id].body["type"]
            if type_ != act.body["type"]:
                faults.append(Violation("type", f"it was launched as a {type_} campaign: make another"))
        if faults:
            raise InvalidInput(what, faults)
