"""The JSON Schema of definitions, by an independent validator: what is published passes, what is wrong fails."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from connectors.documents import files_of, read_documents
from schemas.definitions import KINDS
from schemas.definitions.json_schema import schema_of
from tests.flows.segments.generate import Generator

SAMPLES = Path(__file__).resolve().parents[2] / "infra" / "samples"
VALIDATORS = {kind: Draft202012Validator(schema_of(kind)) for kind in KINDS}


def faults(body: dict[str, Any]) -> list[str]:
    return [error.message for error in VALIDATORS[body["kind"]].iter_errors(json.loads(json.dumps(body)))]


def segment(where: Any) -> dict[str, Any]:
    return {"kind": "segment", "id": "s", "where": where}


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_schema_is_one_and_refers_to_nothing_outside(kind: str) -> None:
    schema = schema_of(kind)
    Draft202012Validator.check_schema(schema)
    names = {part.split('"')[0] for part in json.dumps(schema).split('"$ref": "#/$defs/')[1:]}
    assert names <= schema.get("$defs", {}).keys()
    assert '"$comment"' not in json.dumps(schema)


def test_random_trees_of_every_leaf_pass() -> None:
    generator = Generator(11)
    for _ in range(200):
        assert faults(segment(generator.tree(6))) == []


def test_the_conformance_cases_pass(shared: Path) -> None:
    checked = 0
    for path in sorted((shared / "conformance").rglob("*.json")):
        if path.name in ("segment.json", "segments.json", "journey.json"):
            found = json.loads(path.read_text())
            for body in found if isinstance(found, list) else [found]:
                assert faults(body) == [], path
                checked += 1
    assert checked > 50


def test_the_samples_pass() -> None:
    bodies = [d.body for file in files_of(SAMPLES) for d in read_documents(file)[0] if "kind" in d.body]
    assert len(bodies) > 30
    assert [(b["id"], faults(b)) for b in bodies if faults(b)] == []


@pytest.mark.parametrize(
    "where",
    [
        "gold",
        {},
        {"and": []},
        {"and": [{"everyone": True}], "or": [{"everyone": True}]},
        {"plan": "gold"},
        {"trait": "plan"},
        {"trait": "plan", "op": "equals", "value": 1},
        {"trait": "plan", "op": "eq", "value": 1, "vlaue": 2},
        {"not": [{"everyone": True}]},
        {"or": [{"not": {"and": [{"performed": "a", "within": 30}]}}]},
        {"entry": "properties.total", "op": "gt", "value": 1},  # only in journeys
        {"reachable": "pigeon"},
    ],
    ids=str,
)
def test_what_is_no_condition_fails(where: Any) -> None:
    assert faults(segment(where))


def test_journeys_may_ask_what_the_entry_said() -> None:
    start = {"id": "in", "type": "trigger", "on": {"event": "a"}}
    ask = {"id": "if", "type": "condition", "if": {"not": {"entry": "properties.total", "op": "gt", "value": 1}}}
    journey = {"kind": "journey", "id": "j", "nodes": [start, ask], "edges": []}
    assert faults(journey) == []
    assert faults({**journey, "exit_when": {"entry": "x"}})
