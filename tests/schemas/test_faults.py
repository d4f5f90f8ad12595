"""What pydantic found wrong is said in words that need no Python: what is asked for, and what is given."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import pytest
from pydantic import AwareDatetime, BaseModel, Field, HttpUrl, TypeAdapter, ValidationError

from schemas.definitions.base import Id
from schemas.faults import said, violations_of


class Part(BaseModel):
    size: int


def told(kind: Any, value: str) -> list[str]:
    """The faults of a JSON text that should be of a kind."""
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(kind).validate_json(value, strict=True)
    return [str(violation) for violation in violations_of(caught.value)]


@pytest.mark.parametrize(
    ("kind", "value", "message"),
    [
        (str, "5", "must be text; 5 is given"),
        (int, '"three"', 'must be a whole number; "three" is given'),
        (int, "1.5", "must be a whole number; 1.5 is given"),
        (float, "[1]", "must be a number; a list of 1 is given"),
        (bool, '"yes"', 'must be true or false; "yes" is given'),
        (list[int], '{"a":1}', "must be a list; an object with a is given"),
        (dict[str, int], "null", "must be an object; null is given"),
        (Part, "7", "must be an object; 7 is given"),
        (Part, "{}", "size: is missing"),
        (list[Part], '[{"size":1},{"size":"x"}]', '1.size: must be a whole number; "x" is given'),
        (Literal["a", "b"], '"c"', "must be 'a' or 'b'; \"c\" is given"),
        (Annotated[int, Field(ge=1)], "0", "must be at least 1; 0 is given"),
        (Annotated[float, Field(lt=100)], "100", "must be less than 100.0; 100"),
        (Annotated[str, Field(max_length=2)], '"abc"', 'must be text of at most 2 characters; "abc" is given'),
        (Annotated[list[int], Field(min_length=2)], "[1]", "must hold at least 2; it holds 1"),
        (Annotated[list[int], Field(max_length=1)], "[1,2]", "must hold at most 1; it holds 2"),
        (AwareDatetime, '"2026-01-31T09:00:00"', "must be an instant with an offset, as in 2026-01-31T09:00:00Z"),
        (HttpUrl, '"ftp://a"', "must be an address that begins with 'http' or 'https'"),
        (
            Id,
            '"a b"',
            'must be 1 to 100 letters, digits or any of _ . : -, the first a letter or a digit; "a b" is given',
        ),
        (str, "{", "is no JSON: EOF while parsing an object at line 1 column 1"),
    ],
)
def test_a_fault_says_what_is_asked_for_and_what_is_given(kind: Any, value: str, message: str):
    (fault,) = told(kind, value)
    assert fault.startswith(message)


def test_a_list_of_faulty_parts_is_not_also_called_too_short():
    assert told(Annotated[tuple[Part, ...], Field(min_length=1)], '[{"size":"x"}]') == [
        '0.size: must be a whole number; "x" is given'
    ]


def test_a_long_value_is_cut_short():
    (fault,) = told(int, f'"{"x" * 500}"')
    assert len(fault) < 120
    assert fault.endswith("… is given")


def test_a_fault_that_has_no_words_here_keeps_its_own():
    assert said({"type": "other", "loc": (), "msg": "Value error, as written", "input": 1}) == "as written"
