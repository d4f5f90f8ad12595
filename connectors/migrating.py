"""Migrations of a journey's runs: what a map may name, and the definition that takes a migration back. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import count
from typing import Any, Final

from flows.definitions.catalogue import Catalogue
from schemas.errors import InvalidInput, Violation

KIND: Final = "journey_migration"
_END_OF_TIME: Final = 1 << 62


def migration_faults(catalogue: Catalogue, body: Mapping[str, Any]) -> Iterator[Violation]:
    """What a migration names and is not there: the versions, their nodes, the migration that it reverses."""
    journey, snapshot = body.get("journey"), catalogue.active(_END_OF_TIME)
    if snapshot.get("journey", str(journey)) is None:
        yield Violation("journey", f"there is no journey {journey!r} with a current version")
        return
    versions = catalogue.versions["journey", str(journey)]
    warming = snapshot.warming.get(("journey", str(journey)))
    nodes: dict[str, set[str]] = {}
    for end in ("from", "to"):
        version = versions.get(body.get(end, 0))
        if version is None:
            known = ", ".join(map(str, sorted(versions)))
            yield Violation(end, f"journey {journey!r} has no version {body.get(end)!r}; there are {known}")
        elif warming is not None and warming.version == version.version:
            yield Violation(end, f"version {version.version} is not current yet: it waits for its past")
        else:
            nodes[end] = {node["id"] for node in version.body["nodes"] if node["type"] != "trigger" or end == "from"}
    for old, new in body.get("nodes", {}).items():
        if old not in nodes.get("from", {old}):
            yield Violation(f"nodes.{old}", f"version {body['from']} has no such node")
        if new not in nodes.get("to", {new}):
            yield Violation(f"nodes.{old}", f"version {body['to']} has no node {new!r} that a run could come to")
    reverses = body.get("reverses")
    if reverses and snapshot.get(KIND, reverses) is None:
        yield Violation("reverses", f"there is no migration {reverses!r}")


def migration(
    catalogue: Catalogue, journey: str, source: int, target: int, nodes: Mapping[str, str], unmapped: str
) -> dict[str, Any]:
    """The definition, under an id of its own."""
    body = {"journey": journey, "from": source, "to": target, "nodes": dict(nodes), "unmapped": unmapped}
    return {"kind": KIND, "id": _free_id(catalogue, f"{journey[:80]}.{source}-{target}"), **body}


def reversal(catalogue: Catalogue, journey: str, id: str) -> dict[str, Any]:
    """The definition that takes a migration back. InvalidInput where the journey has none of this id.

    Who has gone on to a node that the map named goes back to the first node that it was named for.
    """
    known = catalogue.active(_END_OF_TIME).get(KIND, id)
    if known is None or known.body["journey"] != journey:
        raise InvalidInput(f"journey {journey}", [Violation("reverse", f"there is no migration {id!r} of it")])
    nodes: dict[str, str] = {}
    for old, new in known.body.get("nodes", {}).items():
        nodes.setdefault(new, old)
    back = migration(catalogue, journey, known.body["to"], known.body["from"], nodes, "stay")
    return {**back, "reverses": id}


def _free_id(catalogue: Catalogue, id: str) -> str:
    if (KIND, id) not in catalogue.versions:
        return id
    return next(name for n in count(2) if (KIND, name := f"{id}.{n}") not in catalogue.versions)
