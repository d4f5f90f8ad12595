"""Whether definitions fit together: what the fold could not compile, or could never decide, is not published. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from flows.contact.active import Definitions
from flows.definitions.catalogue import Published
from flows.segments.order import refuse_cycles
from schemas.definitions.condition_tree import references
from schemas.definitions.conditions import parse_condition
from schemas.records import LEAD_MS, Definition, Record, encode


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
    refuse_cycles({id: references(parse_condition(where)) if where else () for id, where in segments.items()})
    trial = Definitions()
    for offset, ((kind, id), body) in enumerate(after.items()):
        definition = Definition(kind, id, "publish", 1, dict(body))
        trial.apply(Record(offset, 0, f"{kind}/{id}", encode(definition)))
    trial.at(LEAD_MS)
