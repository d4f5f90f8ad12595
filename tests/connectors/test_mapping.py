"""Paths, tests, values and instants of mappings, against values worked out by hand."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from connectors.mapping import compile_path, compile_rule, compile_test, compile_value
from flows.contact.view import MISSING
from schemas.definitions.mapping import Rule, Source, Test, Value
from schemas.errors import UnreadableRecord

RECORD = {
    "op": "updated",
    "id": "d1",
    "data": {"stage": "won", "amount": "19.99", "n": 3, "flag": True, "none": None, "yen": 1500, "big": 1e30},
    "previous": {"stage": "open", "n": 3},
    "a.b": "literal",
    "with space": 1,
}


def value(source: Any, record: Any = RECORD) -> Any:
    parsed = TypeAdapter(Source).validate_json(json.dumps(source))
    return compile_value(parsed)(record)


def passes(field: str, op: str, *given: Any, record: Any = RECORD) -> bool:
    fields = {"field": field, "op": op} | ({"value": given[0]} if given else {})
    return compile_test(Test.model_validate(fields))(record)


def test_paths_are_dotted_and_a_key_with_the_dots_itself_is_found():
    assert compile_path("data.stage")(RECORD) == "won"
    assert compile_path("a.b")(RECORD) == "literal"
    assert compile_path("with space")(RECORD) == 1
    assert compile_path("data.none")(RECORD) is None
    for absent in ("data.x", "data.stage.x", "x", "x.y"):
        assert compile_path(absent)(RECORD) is MISSING


@pytest.mark.parametrize(
    ("field", "op", "given", "expected"),
    [
        ("data.stage", "eq", ["won"], True),
        ("data.n", "eq", [3.0], True),
        ("data.n", "eq", ["3"], False),
        ("data.flag", "eq", [1], False),
        ("data.x", "ne", [1], True),
        ("data.stage", "in", [["lost", "won"]], True),
        ("data.flag", "in", [[1]], False),
        ("data.x", "not_in", [["won"]], True),
        ("data.n", "gt", [2], True),
        ("data.n", "gte", [3], True),
        ("data.n", "lt", [3], False),
        ("data.n", "lte", [3], True),
        ("data.amount", "gt", [1], False),
        ("data.flag", "gt", [0], False),
        ("data.stage", "starts_with", ["wo"], True),
        ("data.n", "starts_with", ["3"], False),
        ("data.none", "exists", [], False),
        ("data.flag", "exists", [], True),
        ("data.x", "missing", [], True),
        ("data.stage", "changed", [], True),
        ("data.n", "changed", [], False),
        ("data.amount", "changed", [], False),  # what it was before is not known
    ],
)
def test_comparisons(field: str, op: str, given: list[Any], expected: bool):
    assert passes(field, op, *given) is expected


def test_everything_is_changed_in_a_record_that_was_made():
    made = {"op": "created", "data": {"stage": "won"}}
    assert passes("data.stage", "changed", record=made)
    assert not passes("data.amount", "changed", record=made)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("data.stage", "won"),
        ({"const": "x"}, "x"),
        ({"const": None}, None),
        ({"from": ["data.x", "data.n"]}, 3),
        ({"from": "data.n", "missing": [3]}, MISSING),
        ({"from": ["data.n", "data.flag"], "missing": [3]}, True),
        ({"from": "data.stage", "names": {"won": "deal_won"}}, "deal_won"),
        ({"from": "data.flag", "names": {"true": "yes"}}, "yes"),
        ({"from": "data.n", "names": {"4": "four"}}, 3),
        ({"from": "data.amount", "as": "number"}, 19.99),
        ({"from": "data.n", "as": "text"}, "3"),
        ({"from": "data.flag", "as": "boolean"}, True),
        ({"from": "data.none", "as": "integer"}, None),
        ({"from": "data.x", "as": "integer"}, MISSING),
        ({"from": "data.amount", "money": "CHF"}, 1999),
        ({"from": "data.yen", "money": "JPY"}, 1500),
        ({"from": "data.yen", "money": "KWD"}, 1_500_000),
        ({"from": "data.x", "money": "data.currency"}, MISSING),
        ({"from": "data.amount", "times": "data.n", "money": "CHF"}, 5997),
        ({"from": "data.x", "times": "data.n", "money": "CHF"}, MISSING),
    ],
)
def test_values(source: Any, expected: Any):
    found = value(source)
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    ("text", "form", "expected"),
    [
        ("12", "integer", 12),
        ("12.0", "integer", 12),
        ("12", "number", 12),
        (" 12.5 ", "number", 12.5),
        ("-3", "number", -3),
        ("TRUE", "boolean", True),
        ("no", "boolean", False),
    ],
)
def test_text_becomes_what_it_stands_for(text: str, form: str, expected: Any):
    found = value({"from": "v", "as": form}, {"v": text})
    assert (found, type(found)) == (expected, type(expected))


@pytest.mark.parametrize(
    ("source", "place"),
    [
        ({"from": "data.stage", "as": "integer"}, "data.stage: 'won' is no integer"),
        ({"from": "data.amount", "as": "integer"}, "data.amount: '19.99' is no integer"),
        ({"from": "data.stage", "as": "number"}, "data.stage: 'won' is no number"),
        ({"from": "data.n", "as": "boolean"}, "data.n: 3 is no boolean"),
        ({"from": "data.amount", "money": "data.currency"}, "data.currency: is missing; data.amount needs a currency"),
        ({"from": "data.stage", "money": "EUR"}, "data.stage: 'won' is no amount of money"),
        ({"from": "data.flag", "money": "EUR"}, "data.flag: True is no amount of money"),
        ({"from": "data.big", "money": "EUR"}, "data.big: 1e+30 is no amount of money"),
        (
            {"from": "data.amount", "times": "data.stage", "money": "EUR"},
            "data.amount: '19.99' times 'won' is no amount",
        ),
    ],
)
def test_what_makes_no_sense_names_its_path(source: Any, place: str):
    with pytest.raises(UnreadableRecord) as caught:
        value(source)
    assert str(caught.value).startswith(place)


@pytest.mark.parametrize("text", ["1e999999999", "nan", "inf", "9" * 400, "1_000", ""])
@pytest.mark.parametrize("source", [{"as": "integer"}, {"as": "number"}, {"money": "EUR"}])
def test_no_number_of_a_file_can_hang_or_poison(text: str, source: dict[str, Any]):
    try:
        found = value({"from": "v", **source}, {"v": text})
    except UnreadableRecord:
        return
    assert text in ("1_000", "9" * 400)  # Python's reading of digits
    assert isinstance(found, int | float)


def call(to: dict[str, Any], record: Any = RECORD) -> Any:
    whole = {"type": "track", "event": "e", "user": "id", **to}
    return compile_rule(Rule.model_validate_json(json.dumps({"to": whole})))(record)


@pytest.mark.parametrize(
    ("at", "found", "expected"),
    [
        ("t", "2026-01-31T09:00:00Z", "2026-01-31T09:00:00Z"),
        ({"from": "t", "unit": "h", "since": "1970-01-02T00:00:00Z"}, 2, 93_600_000),
        ({"from": "t", "unit": "s"}, "1.5", 1_500),
        ({"from": "t", "format": "%Y%m%d"}, 19700102, 86_400_000),
        ({"from": "t", "format": "%d.%m.%Y %H:%M", "timezone": "Europe/Zurich"}, "01.07.1990 02:00", 646_790_400_000),
    ],
)
def test_instants(at: Any, found: Any, expected: Any):
    assert call({"at": at}, {"id": "u", "t": found})["timestamp"] == expected


def test_an_instant_in_another_format_names_its_path():
    with pytest.raises(UnreadableRecord, match="t: 'x' is no instant in the format %Y"):
        call({"at": {"from": "t", "format": "%Y"}}, {"t": "x"})


def test_an_object_is_spread_without_what_is_omitted_and_named_fields_stand_over_it():
    made = call({"spread": "data", "omit": ["none", "big", "yen"], "properties": {"n": {"const": 9}, "gone": "data.x"}})
    assert made["properties"] == {"stage": "won", "amount": "19.99", "n": 9, "flag": True}
    traits = call({"type": "identify", "event": None, "spread": "previous"} | {"traits": {"id": "id"}})["traits"]
    assert traits == {"stage": "open", "n": 3, "id": "d1"}


def test_a_record_that_fails_a_test_makes_nothing():
    rule = {"when": [{"field": "id", "op": "eq", "value": "x"}], "to": {"type": "identify", "user": "id"}}
    assert compile_rule(Rule.model_validate_json(json.dumps(rule)))(RECORD) is None


@pytest.mark.parametrize(
    ("model", "fields"),
    [
        (Value, {}),
        (Value, {"from": "a", "const": 1}),
        (Value, {"from": "a", "money": "EUR", "as": "text"}),
        (Value, {"from": "a", "times": "b"}),
        (Test, {"field": "a", "op": "eq"}),
        (Test, {"field": "a", "op": "exists", "value": 1}),
        (Test, {"field": "a", "op": "in", "value": "abc"}),
        (Rule, {"to": {"type": "track", "user": "id"}}),
        (Rule, {"to": {"type": "identify", "event": "x", "user": "id"}}),
        (Rule, {"to": {"type": "identify"}}),
        (Rule, {"to": {"type": "group", "user": "id"}}),
        (Rule, {"to": {"type": "tick", "user": "id"}}),
        (Rule, {"to": {"type": "identify", "user": "id", "at": {"from": "t", "format": "x"}}}),
        (Rule, {"to": {"type": "identify", "user": "id", "at": {"from": "t", "format": "%Y", "unit": "s"}}}),
        (Rule, {"to": {"type": "identify", "user": "id", "at": {"from": "t", "since": "2026"}}}),
    ],
)
def test_what_cannot_be_meant_is_refused(model: Any, fields: Any):
    with pytest.raises(ValidationError):
        model.model_validate_json(json.dumps(fields))
