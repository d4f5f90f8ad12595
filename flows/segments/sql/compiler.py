"""What the leaves say while a query is compiled: parameters, what is needed of a contact's events, and of the contact.

The query has layers: `facts` (a row an event) with what is read of their properties, `people` (a row a contact:
aggregates of its facts) with its traits, and the truths of the leaves, expressions over these. What several leaves ask
is a column that is computed once.
"""

from __future__ import annotations

from typing import Final

from flows.segments.sql.given import Given
from flows.segments.sql.query import Parameters
from schemas.definitions.condition_tree import (
    Between,
    Bucket,
    EventName,
    Ever,
    SinceEntry,
    Sliding,
    Window,
)
from schemas.errors import InvalidInput, Violation

TIMEZONE: Final = "timezone"
ACCOUNT: Final = "account."


class Compiler:
    """Collects, over all leaves of a query, what its layers have to hold: SQL -> the name of its column."""

    def __init__(self, given: Given):
        self.given = given
        self.params = Parameters()
        self.paths: set[str] = set()  # of traits that are asked about
        self.uses_zones = False
        self.uses_accounts = False
        self.buckets: dict[str, Bucket] = {}
        self.properties: dict[str, str] = {}  # over `facts`
        self.property_times: dict[str, str] = {}  # over `rows`
        self.aggregates: dict[str, str] = {}  # over `rows`, in `people`
        self.traits: dict[str, str] = {}  # over `people`
        self.trait_times: dict[str, str] = {}  # over `people` with their traits

    def property(self, path: str) -> str:
        """The raw value of a property of a fact."""
        keys = ", ".join(self.params.text(key) for key in path.split("."))
        return _named(self.properties, f"JSONExtractRaw(properties, {keys})", "r")

    def aggregate(self, sql: str) -> str:
        """An aggregate of the contact's facts."""
        return _named(self.aggregates, sql, "a")

    def trait(self, path: str) -> str:
        """The raw value of a trait."""
        return _named(self.traits, f"trait({self.said(path)}, {self.params.text(path)})", "v")

    def said(self, path: str) -> str:
        """What was stated of the traits; for an account's, what was of the contact's account is in it."""
        self.paths.add(path)
        self.uses_accounts = self.uses_accounts or f"{path}.".startswith(ACCOUNT)
        return "said"

    def zone(self) -> str:
        """The contact's zone, of a fact as of a contact."""
        self.uses_zones = True
        return "zone"

    def moments(self, raw: str) -> str:
        """The instant that a raw value names: an array, empty where it names none."""
        return self._times(raw, f"moments({raw}, {self.zone()})", "m")

    def month_days(self, raw: str) -> str:
        """The month and day that a raw value names where the contact lives: an array, empty where it names none."""
        return self._times(raw, f"month_days({raw}, {self.zone()})", "d")

    def _times(self, raw: str, sql: str, prefix: str) -> str:
        if raw in self.properties.values():
            return _named(self.property_times, sql, f"r{prefix}")
        if raw in self.traits.values():
            return _named(self.trait_times, sql, f"v{prefix}")
        return sql

    def event(self, name: EventName) -> str:
        """Whether a fact is one of that name."""
        text = self.params.text(name.text)
        return f"name != '' AND startsWith(name, {text})" if name.prefix else f"name = {text}"

    def window(self, window: Window, at: str = "at") -> str:
        """Whether an instant lies in a window; empty where every one does (none is later than the log)."""
        match window:
            case Ever():
                return ""
            case Sliding(longest, shortest):
                until = f" AND {at} <= {{at:Int64}} - {self.params.ms(shortest)}" if shortest else ""
                return f"{at} > {{at:Int64}} - {self.params.ms(longest)}{until}"
            case Between(start, end):
                return f"{at} >= {self.params.ms(start)} AND {at} < {self.params.ms(end)}"
            case SinceEntry():
                raise InvalidInput("condition", [Violation("within", "`run` has a meaning in journeys only")])

    def bucket(self, leaf: Bucket) -> str:
        """The placeholder of the contacts of a bucket, filled before the query runs."""
        name = self.params.name("Array(String)", repr(leaf))
        self.buckets[name] = leaf
        return f"{{{name}:Array(String)}}"


def _named(layer: dict[str, str], sql: str, prefix: str) -> str:
    return layer.setdefault(sql, f"{prefix}{len(layer) + 1}")


def all_of(*parts: str) -> str:
    """The conjunction of what is not empty."""
    return " AND ".join(f"({part})" for part in parts if part) or "1"
