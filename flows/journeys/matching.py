"""Which events a trigger or a wait means, and sets of event names."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from flows.segments.where import EventMatcher
from schemas.definitions.condition_forms import read_event_name
from schemas.definitions.conditions import EventName
from schemas.definitions.node import EventMatch


@dataclass(frozen=True, slots=True)
class Names:
    """Event names, exact and by how they begin."""

    exact: frozenset[str]
    prefixes: tuple[str, ...]

    @classmethod
    def of(cls, names: Iterable[EventName]) -> Names:
        """The union of names as they are written."""
        names = list(names)
        return cls(
            frozenset(name.text for name in names if not name.prefix),
            tuple(sorted({name.text for name in names if name.prefix})),
        )

    @classmethod
    def of_keys(cls, keys: Iterable[str]) -> Names:
        """The events among the touch keys of leaves (`flows.segments.leaf.event_key`)."""
        keys = list(keys)
        return cls(
            frozenset(key.removeprefix("event:") for key in keys if key.startswith("event:")),
            tuple(sorted({key.removeprefix("event^") for key in keys if key.startswith("event^")})),
        )

    def __or__(self, other: Names) -> Names:
        return Names(self.exact | other.exact, tuple(sorted({*self.prefixes, *other.prefixes})))

    def __contains__(self, name: str) -> bool:
        return name in self.exact or (bool(self.prefixes) and name.startswith(self.prefixes))


def compile_match(written: EventMatch) -> EventMatcher:
    """The matcher of `{"event": …, "where": […]}`."""
    return EventMatcher(read_event_name(written.event), [part.read() for part in written.where])
