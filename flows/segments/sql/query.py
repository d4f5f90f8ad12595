"""A compiled query and its parameters: values are never pasted into the text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from schemas.definitions.condition_tree import Bucket
from schemas.records import JSON


class Query(NamedTuple):
    """SQL for ClickHouse with `{name:Type}` placeholders, and what fills them.

    `params` lack `at` (the instant, ms), which is free; where `uses_zones` is true, the parameters of
    `flows.segments.sql.zones`; and the contacts of each of `buckets`, whose hash ClickHouse does not have.
    """

    sql: str
    params: dict[str, Any]
    uses_zones: bool
    buckets: Mapping[str, Bucket]


class Parameters:
    """Collects values; the same value of the same type is one parameter."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}
        self._names: dict[tuple[str, str], str] = {}

    def add(self, value: Any, type: str) -> str:
        """The placeholder of a value."""
        name = self.name(type, repr(value))
        self.values[name] = value
        return f"{{{name}:{type}}}"

    def name(self, type: str, what: str) -> str:
        """The name of a parameter whose value comes later."""
        return self._names.setdefault((type, what), f"p{len(self._names) + 1}")

    def text(self, value: str) -> str:
        """The placeholder of a string."""
        return self.add(value, "String")

    def ms(self, value: int) -> str:
        """The placeholder of an instant or a duration."""
        return self.add(value, "Int64")

    def number(self, value: JSON) -> str:
        """The placeholder of a JSON number: whole ones exactly, whatever their size."""
        if isinstance(value, int):
            return self.add(value, "Int64" if -(1 << 63) <= value < 1 << 63 else "Int256")
        return self.add(value, "Float64")

    def decimal(self, value: JSON) -> str:
        """The placeholder of a JSON number as the decimal that a person wrote."""
        return f"exact({self.text(repr(value))})"
