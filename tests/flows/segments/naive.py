"""A third evaluation of conditions, written for clarity from LANGUAGE.md alone: the oracle of stream and batch.

It takes the JSON that a person writes and the whole list of a contact's records, looks at one instant, and knows
nothing of increments, state, timers or SQL. Every function answers one sentence of LANGUAGE.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from hashlib import sha256
from typing import NamedTuple
from zoneinfo import ZoneInfo

from schemas.ids import bucket
from schemas.records import Event
from schemas.times import parse_duration, parse_instant
from tests.flows.segments.naive_values import JSON, MISSING, compare, empty, leaves, number, put, same

CONTROL = {"tick", "hydrate", "enter"}
CHANNELS = ("email", "sms", "push", "webhook")
ADDRESS = {"email": "email", "sms": "phone", "push": "push_token"}


class Logged(NamedTuple):
    """One record of the log."""

    logged_at: int
    contact: str
    event: Event


class Fact(NamedTuple):
    """One event that counts: `order` is its place in the log."""

    at: int
    order: int
    event: Event


class Stated(NamedTuple):
    """What a record says of a contact's traits."""

    fact: Fact
    traits: Mapping[str, JSON]


@dataclass(frozen=True)
class World:
    """What conditions name besides the contact: segments by id (their definitions), snapshots, topics, scores."""

    segments: Mapping[str, Mapping[str, JSON]] = field(default_factory=dict)
    snapshots: Mapping[str, Iterable[str]] = field(default_factory=dict)
    topics: Mapping[tuple[str, str], str] = field(default_factory=dict)
    scores: Mapping[tuple[str, str], float] = field(default_factory=dict)
    zone: str = "UTC"


def naive_members(where: Mapping[str, JSON], log: Sequence[Logged], at: int, world: World | None = None) -> list[str]:
    """The ids of the contacts, of those who have a record by then, for whom the condition holds at `at`; sorted."""
    people = settled(log, at, world or World())
    return sorted(person.contact for person in people if holds(where, person))


def settled(log: Sequence[Logged], at: int, world: World) -> list[Person]:
    """Everyone who has a record by then, with the events that count and what spans contacts."""
    read = [record for record in log if record.logged_at <= at]
    merges = merged(read)
    facts: dict[str, list[Fact]] = {}
    seen = set()
    for order, (logged_at, contact, event) in enumerate(read):
        whole = root(contact, merges)
        known = facts.setdefault(whole, [])
        if event.type not in CONTROL and (not event.id or (whole, event.id) not in seen):
            seen.add((whole, event.id))  # of those with one id the first in the log
            known.append(Fact(min(event.at, logged_at), order, event))
    suppressed = {entry for known in facts.values() for entry in listed(known)}
    grouped = [fact for known in facts.values() for fact in known if fact.event.type == "group"]
    return [Person(contact, known, at, world, suppressed, grouped) for contact, known in facts.items()]


def merged(read: Sequence[Logged]) -> dict[str, str]:
    """Of each earlier id the user whose part it is: the first who claimed it, unless he is himself a part of it."""
    merges: dict[str, str] = {}
    seen = set()
    for _, contact, event in read:
        is_again = bool(event.id) and (contact, event.id) in seen
        seen.add((contact, event.id))
        if event.type in ("identify", "alias") and event.user_id == contact and not is_again:
            earlier = (event.previous_id if event.type == "alias" else "") or event.anonymous_id
            if earlier and earlier not in merges and root(contact, merges) != earlier:
                merges[earlier] = contact
    return merges


def root(contact: str, merges: Mapping[str, str]) -> str:
    """Whose part a contact is in the end."""
    while contact in merges:
        contact = merges[contact]
    return contact


def listed(facts: Sequence[Fact]) -> Iterator[tuple[str, str]]:
    """(channel, hash) of addresses that these facts put on the suppression list."""
    for fact in facts:
        if fact.event.type == "address_suppressed":
            yield fact.event.properties.get("channel", ""), str(fact.event.properties.get("address_hash", "")).lower()


@dataclass(frozen=True)
class Person:
    """One contact at one instant."""

    contact: str
    facts: list[Fact]
    at: int
    world: World
    suppressed: set[tuple[str, str]]
    grouped: list[Fact]  # everyone's groups

    def trait(self, path: str, at: int | None = None) -> JSON:
        """The value at a path, as it was at the instant by the `at` of what was said."""
        value: JSON = traits_of(self.stated(), self.at if at is None else at)
        for key in path.split("."):
            value = value.get(key, MISSING) if isinstance(value, dict) else MISSING
        return MISSING if empty(value) else value

    def stated(self) -> list[Stated]:
        """What is said of the contact's traits: by its own records, and by anyone's of the account it is in now."""
        groups = [f for f in self.facts if f.event.type == "group"]
        account = max(groups, key=when).event.group_id if groups else ""
        return [
            *(Stated(f, f.event.traits) for f in self.facts if f.event.type == "identify"),
            *(Stated(f, {"account": {"id": f.event.group_id}}) for f in groups),
            *(Stated(f, {"account": f.event.traits}) for f in self.grouped if f.event.group_id == account),
        ]

    @property
    def zone(self) -> ZoneInfo:
        """The trait `timezone` where it names a zone, else the workspace's."""
        name = self.trait("timezone")
        try:
            return ZoneInfo(name if isinstance(name, str) else self.world.zone)
        except (KeyError, ValueError, OSError):
            return ZoneInfo(self.world.zone)

    def address(self, channel: str) -> str:
        """The contact's address on a channel; empty where it has none."""
        value = self.trait(ADDRESS[channel]) if channel in ADDRESS else MISSING
        return value.strip() if isinstance(value, str) else ""

    def is_suppressed(self, channel: str) -> bool:
        """The address is on the list, whoever put it there."""
        address = self.address(channel)
        return bool(address) and (channel, sha256(address.lower().encode()).hexdigest()) in self.suppressed

    def consent(self, channel: str, topic: str) -> str:
        """The latest status by `at`; the topic's default where nothing was ever said."""
        said = [f for f in self.facts if is_consent(f.event, channel, topic)]
        if said:
            return str(max(said, key=when).event.properties["status"])
        return self.world.topics.get((channel, topic), "")


def when(fact: Fact) -> tuple[int, int]:
    """Of events with the same `at` the later in the log is the later."""
    return fact.at, fact.order


def is_consent(event: Event, channel: str, topic: str) -> bool:
    """A consent record of that channel and topic with a status that exists."""
    p = event.properties
    return (
        event.type == "consent_changed"
        and p.get("channel") == channel
        and p.get("topic", "default") == topic
        and p.get("status") in ("subscribed", "unsubscribed", "pending")
    )


# --- traits -----------------------------------------------------------------------------------------------------------


def traits_of(stated: Sequence[Stated], at: int) -> dict[str, JSON]:
    """All that identifies (and groups, for the account) said by then, merged path by path in the order of `at`."""
    tree: dict[str, JSON] = {}
    for fact, traits in sorted(stated, key=lambda s: when(s.fact)):
        if fact.at <= at:
            for path, value in leaves(traits):
                put(tree, path.split("."), value)
    return tree


# --- events and windows -----------------------------------------------------------------------------------------------


def in_window(at: int, leaf: Mapping[str, JSON], t: int) -> bool:
    """Whether an event of that `at` lies in the leaf's window at `t`."""
    if at > t:
        return False
    if "between" in leaf:
        start, end = map(parse_instant, leaf["between"])
        return start <= at < end
    match leaf.get("within"):
        case None:
            return True
        case str(length):
            return t - parse_duration(length) < at
        case ends:
            return t - parse_duration(ends["from"]) < at <= t - parse_duration(ends["to"])


def named(event: Event, name: JSON) -> bool:
    """Whether an event is the one named, or one that starts like it."""
    if isinstance(name, str):
        return event.name == name
    return event.name.startswith(name["starts_with"])


def value_at(event: Event, path: str) -> JSON:
    """The property at a path."""
    value: JSON = event.properties
    for key in path.split("."):
        value = value.get(key, MISSING) if isinstance(value, dict) else MISSING
    return value


def passes(event: Event, tests: Sequence[Mapping[str, JSON]], person: Person) -> bool:
    """All property tests hold."""
    return all(compare(value_at(event, test["property"]), test, person) for test in tests)


def matching(person: Person, name: JSON, tests: Sequence[Mapping[str, JSON]]) -> list[Fact]:
    """The events of that name whose properties pass, in order."""
    found = [f for f in person.facts if named(f.event, name) and passes(f.event, tests, person)]
    return sorted(found, key=when)


AT_LEAST_ONE = {"op": "gte", "value": 1}


def performed(leaf: Mapping[str, JSON], person: Person) -> bool:
    """The events in the window, counted or aggregated, pass the test."""
    facts = [f for f in matching(person, leaf["performed"], leaf.get("where", ())) if in_window(f.at, leaf, person.at)]
    for kind in ("sum", "avg", "min", "max", "distinct"):
        if kind in leaf:
            values = [value_at(f.event, leaf[kind]["property"]) for f in facts]
            return compare(aggregate(kind, values), as_written(leaf[kind]), person)
    return compare(len(facts), leaf.get("count", AT_LEAST_ONE), person)


def aggregate(kind: str, values: Sequence[JSON]) -> JSON:
    """One number of many values; those of the wrong type are ignored."""
    if kind == "distinct":
        different: list[JSON] = []
        for value in values:
            if isinstance(value, str | int | float) and not any(same(value, d) for d in different):
                different.append(value)
        return len(different)
    numbers = [decimal(v) for v in values if number(v)]
    total = sum(numbers, Fraction(0))
    if kind == "sum":
        return total
    if not numbers:
        return MISSING
    return {"avg": total / len(numbers), "min": min(numbers), "max": max(numbers)}[kind]


def decimal(value: JSON) -> JSON:
    """The number that a person wrote: 0.1 and 0.2 add up to 0.3."""
    return Fraction(str(value)) if number(value) else value


def as_written(test: Mapping[str, JSON]) -> dict[str, JSON]:
    """A test whose numbers are what a person wrote."""
    value = test.get("value")
    return {**test, "value": [decimal(v) for v in value] if isinstance(value, list) else decimal(value)}


def first_performed(leaf: Mapping[str, JSON], person: Person) -> bool:
    """The first event ever that matches lies in the window."""
    facts = matching(person, leaf["first_performed"], leaf.get("where", ()))
    return bool(facts) and in_window(facts[0].at, leaf, person.at)


def last_performed(leaf: Mapping[str, JSON], person: Person) -> bool:
    """Of the events that match, the latest also matches `has` and lies in the window."""
    facts = matching(person, leaf["last_performed"], leaf.get("where", ()))
    return (
        bool(facts)
        and passes(facts[-1].event, leaf.get("has", ()), person)
        and in_window(facts[-1].at, leaf, person.at)
    )


def sequence(leaf: Mapping[str, JSON], person: Person) -> bool:
    """Events in order, strictly later each, all in the window, each at most `gap` after the one before."""
    gap = parse_duration(leaf["gap"]) if "gap" in leaf else None
    ends: set[int] | None = None
    for step in leaf["sequence"]:
        facts = matching(person, step["performed"], step.get("where", ()))
        here = {f.at for f in facts if in_window(f.at, leaf, person.at)}
        if ends is not None:
            here = {at for at in here if any(e < at and (gap is None or at - e <= gap) for e in ends)}
        ends = here
    return bool(ends)


def regularly(leaf: Mapping[str, JSON], person: Person) -> bool:
    """Of the last periods, counted back from now, enough hold events enough."""
    period, t = parse_duration(leaf["period"]), person.at
    facts = matching(person, leaf["regularly"], leaf.get("where", ()))
    count = leaf.get("count", 1)
    enough = {"op": "gte", "value": count} if isinstance(count, int) else count
    good = 0
    for i in range(leaf["periods"]):
        inside = [f for f in facts if t - (i + 1) * period < f.at <= t - i * period]
        good += compare(len(inside), enough, person)
    return good >= leaf.get("at_least", leaf["periods"])


def message(leaf: Mapping[str, JSON], person: Person) -> bool:
    """Outcomes of messages, filtered by what sent them; machines do not count unless asked for."""
    outcome = leaf["message"]
    names = [f"{c}_{outcome}" for c in CHANNELS if leaf.get("channel", c) == c]
    filters = [k for k in ("campaign", "journey", "node", "template", "topic", "provider", "variant") if k in leaf]
    count = 0
    for fact in person.facts:
        p = fact.event.properties
        by_machine = outcome in ("opened", "clicked") and p.get("machine") is True and not leaf.get("machines", False)
        if fact.event.type in names and not by_machine and in_window(fact.at, leaf, person.at):
            count += all(p.get(k) == leaf[k] for k in filters)
    return compare(count, leaf.get("count", AT_LEAST_ONE), person)


# --- the tree ---------------------------------------------------------------------------------------------------------


def trait(leaf: Mapping[str, JSON], person: Person) -> bool:
    """The value passes; with `for`, at every instant since then."""
    if "for" not in leaf:
        return compare(person.trait(leaf["trait"]), leaf, person)
    since = person.at - parse_duration(leaf["for"])
    instants = {since} | {s.fact.at for s in person.stated() if since < s.fact.at <= person.at}
    return all(compare(person.trait(leaf["trait"], at), leaf, person) for at in instants)


def member(segment: str, person: Person) -> bool:
    """Member of another segment at this instant."""
    definition = person.world.segments[segment]
    if not definition.get("static"):
        return holds(definition["where"], person)
    acts = [
        f
        for f in person.facts
        if f.event.type in ("segment_added", "segment_removed") and f.event.properties.get("segment") == segment
    ]
    return bool(acts) and max(acts, key=when).event.type == "segment_added"


def reachable(channel: str, person: Person) -> bool:
    """Has an address, not suppressed, and the channel itself is not unsubscribed."""
    return (
        bool(person.address(channel))
        and not person.is_suppressed(channel)
        and person.consent(channel, "default") != "unsubscribed"
    )


def holds(where: Mapping[str, JSON], person: Person) -> bool:
    """Whether a condition holds for a contact at an instant."""
    match where:
        case {"and": parts}:
            return all(holds(p, person) for p in parts)
        case {"or": parts}:
            return any(holds(p, person) for p in parts)
        case {"not": part}:
            return not holds(part, person)
        case {"trait": _}:
            return trait(where, person)
        case {"performed": _}:
            return performed(where, person)
        case {"first_performed": _}:
            return first_performed(where, person)
        case {"last_performed": _}:
            return last_performed(where, person)
        case {"sequence": _}:
            return sequence(where, person)
        case {"regularly": _}:
            return regularly(where, person)
        case {"message": _}:
            return message(where, person)
        case {"segment": str(id)}:
            return member(id, person)
        case {"snapshot": str(id)}:
            return person.contact in person.world.snapshots[id]
        case {"score": str(model)}:
            return compare(person.world.scores.get((model, person.contact), MISSING), where, person)
        case {"consent": str(channel)}:
            return person.consent(channel, where.get("topic", "default")) == where.get("status", "subscribed")
        case {"suppressed": str(channel)}:
            return person.is_suppressed(channel)
        case {"reachable": str(channel)}:
            return reachable(channel, person)
        case {"bucket": [low, high]}:
            return bool(low <= bucket(where.get("salt", ""), person.contact) < high)
        case {"everyone": True}:
            return True
        case _:
            raise AssertionError(f"no condition {where}")
