"""The condition language as a tree: groups and leaves, each a frozen struct with durations in ms (DESIGN §5).

What each means to the millisecond stands in LANGUAGE. `parse_condition` makes the tree of a person's JSON, whatever its
depth. Trees may be deep: walk them with a list of your own, never by recursion.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, TypeAlias

import msgspec

Scalar: TypeAlias = str | int | float | bool


class Part(msgspec.Struct, frozen=True, omit_defaults=True, tag=str.lower, tag_field="is"):
    """A node of the tree or a part of one. Its JSON is canonical: what is left at its default does not show."""


class Comparison(Part, frozen=True):
    """An operator and what it compares with.

    `value`: a scalar for eq, ne, contains, not_contains; a number for gt, gte, lt, lte; a pair of numbers for between;
    a tuple of scalars for in, not_in; a string for starts_with, ends_with, matches; an ISO string for before, after (in
    the contact's zone where it has no offset); ms for within_last, within_next; None for exists, missing, anniversary.
    `offset_days` is anniversary's: -3 is true three local days before it.
    """

    op: str
    value: Scalar | tuple[Scalar, ...] | None = None
    ignore_case: bool = False
    offset_days: int = 0


class PropertyIs(Part, frozen=True):
    """One element of `where` or `has`: a dotted path into the event's properties."""

    property: str
    comparison: Comparison


Where: TypeAlias = tuple[PropertyIs, ...]  # all of them hold


class EventName(Part, frozen=True):
    """The events of one name, or all whose name begins so (`{"starts_with": "TEST_"}`)."""

    text: str
    prefix: bool = False


class Ever(Part, frozen=True):
    """All that is `<= t`."""


class Sliding(Part, frozen=True):
    """`(t - longest, t - shortest]`, ms. `"within": "30d"` has shortest 0."""

    longest: int
    shortest: int = 0


class Between(Part, frozen=True):
    """`[start, end)`, instants, and not after `t`."""

    start: int
    end: int


class SinceEntry(Part, frozen=True):
    """`"within": "run"`: since the entry of the journey's run, up to `t`. Only in journeys."""


Window: TypeAlias = Ever | Sliding | Between | SinceEntry


class Trait(Part, frozen=True):
    """`held_for` ms is `for`: it has held without a break since `t - held_for` or before."""

    path: str
    comparison: Comparison
    held_for: int = 0


class Performed(Part, frozen=True):
    """`measure` of the events in the window: count, or sum, avg, min, max, distinct of `property`."""

    event: EventName
    where: Where = ()
    measure: Literal["count", "sum", "avg", "min", "max", "distinct"] = "count"
    property: str = ""
    comparison: Comparison = Comparison("gte", 1)
    window: Window = Ever()


class FirstPerformed(Part, frozen=True):
    """The first event ever that matches `where` lies in the window."""

    event: EventName
    where: Where = ()
    window: Window = Ever()


class LastPerformed(Part, frozen=True):
    """Of the events that match `where` the latest also matches `has` and lies in the window."""

    event: EventName
    where: Where = ()
    has: Where = ()
    window: Window = Ever()


class Step(Part, frozen=True):
    """One event of a sequence."""

    event: EventName
    where: Where = ()


class Sequence(Part, frozen=True):
    """The steps in order, strictly later each, all in the window, each at most `gap` ms after the last (0: any)."""

    steps: tuple[Step, ...]
    window: Window = Ever()
    gap: int = 0


class Regularly(Part, frozen=True):
    """Of the last `periods` periods of `period` ms back from `t`, at least `at_least` hold enough for `count`."""

    event: EventName
    period: int
    periods: int
    at_least: int
    where: Where = ()
    count: Comparison = Comparison("gte", 1)


class Message(Part, frozen=True):
    """Outcome events `<channel>_<outcome>` (any channel where it is empty) whose properties equal each of `filters`.

    `filters` are (name, value) pairs in the order of their names. Without `machines`, opens and clicks whose property
    `machine` is true do not count.
    """

    outcome: str
    channel: str = ""
    filters: tuple[tuple[str, str], ...] = ()
    machines: bool = False
    comparison: Comparison = Comparison("gte", 1)
    window: Window = Ever()


class InSegment(Part, frozen=True):
    """Member at `t`."""

    segment: str


class InSnapshot(Part, frozen=True):
    """Frozen into the snapshot."""

    snapshot: str


class Score(Part, frozen=True):
    """The model's last score in the fold; missing below the model's minimum of data."""

    model: str
    comparison: Comparison


class Percentile(Part, frozen=True):
    """The share, in percent, of those ranked who are below the contact; missing for who is not ranked."""

    ranking: str
    by: Literal["recency", "frequency", "monetary"]
    comparison: Comparison


class Rfm(Part, frozen=True):
    """Quintiles of a ranking, 1 (the lowest) to 5: all that are given fit. False for who is not ranked."""

    ranking: str
    recency: Comparison | None = None
    frequency: Comparison | None = None
    monetary: Comparison | None = None


class Consent(Part, frozen=True):
    """Subscribed to the topic on the channel; the topic `default` stands for the channel itself."""

    channel: str
    topic: str = "default"


class Reachable(Part, frozen=True):
    """Has an address on the channel, not suppressed, and the channel's `default` is not unsubscribed."""

    channel: str


class Suppressed(Part, frozen=True):
    """The contact's address on the channel is on the list."""

    channel: str


class Bucket(Part, frozen=True):
    """`low <= bucket(salt, contact) < high`, of 0 to 100."""

    low: float
    high: float
    salt: str = ""


class Everyone(Part, frozen=True):
    """True."""


class EntryIs(Part, frozen=True):
    """A dotted path into the record that opened the journey's run (`properties.total`). Only in journeys."""

    path: str
    comparison: Comparison


Leaf: TypeAlias = (
    Trait
    | Performed
    | FirstPerformed
    | LastPerformed
    | Sequence
    | Regularly
    | Message
    | InSegment
    | InSnapshot
    | Score
    | Percentile
    | Rfm
    | Consent
    | Reachable
    | Suppressed
    | Bucket
    | Everyone
    | EntryIs
)


class And(msgspec.Struct, frozen=True, eq=False):
    """Every part holds. Never empty."""

    parts: tuple[Condition, ...]


class Or(msgspec.Struct, frozen=True, eq=False):
    """At least one part holds. Never empty."""

    parts: tuple[Condition, ...]


class Not(msgspec.Struct, frozen=True, eq=False):
    """The part does not hold."""

    part: Condition


Condition: TypeAlias = And | Or | Not | Leaf


def leaves(condition: Condition) -> Iterator[Leaf]:
    """Every leaf, from left to right."""
    stack: list[Condition] = [condition]
    while stack:
        node = stack.pop()
        if isinstance(node, And | Or):
            stack.extend(reversed(node.parts))
        elif isinstance(node, Not):
            stack.append(node.part)
        else:
            yield node


def references(condition: Condition) -> set[str]:
    """The ids of the segments that the condition asks about."""
    return {leaf.segment for leaf in leaves(condition) if isinstance(leaf, InSegment)}


def rankings(condition: Condition) -> set[str]:
    """The ids of the rankings that the condition asks about."""
    return {leaf.ranking for leaf in leaves(condition) if isinstance(leaf, Percentile | Rfm)}


def in_run(leaf: Leaf) -> bool:
    """Whether the leaf looks at one run of a journey rather than at the contact."""
    return isinstance(leaf, EntryIs) or isinstance(getattr(leaf, "window", None), SinceEntry)


def canonical(leaf: Leaf) -> bytes:
    """The leaf's JSON, the same bytes for the same meaning: what its id is made of."""
    return _encode(leaf)


_encode = msgspec.json.Encoder(order="deterministic").encode
