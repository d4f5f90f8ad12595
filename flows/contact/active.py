"""What the fold needs of the definitions, compiled: one `Active` for each instant at which something changes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

import msgspec

from flows.attribution.compile import AttributionModel, compile_attribution
from flows.campaigns.compile import Release, compile_releases, triggered
from flows.campaigns.journey import PREFIX, as_journey
from flows.campaigns.launch import KIND as LAUNCH
from flows.contact.warming import programs_of
from flows.content.template import Template, compile_template
from flows.definitions.catalogue import Catalogue, Past, Published, Snapshot
from flows.definitions.everyone import NOT_OF_SEGMENTS, differ
from flows.holdouts.compile import Holdout, compile_holdouts
from flows.journeys.compile import JourneySet
from flows.journeys.nodes.split import Decision, compile_decisions
from flows.policy.caps import Cap, compile_caps
from flows.policy.quiet import Quiet, compile_quiet
from flows.scoring.model import Model, compile_model
from flows.scoring.send_time import Everyone, compile_everyone
from flows.segments.engine import SegmentSet
from flows.segments.leaf import Leaf
from flows.segments.program import Program
from flows.segments.ranking import Ranking, compile_rankings
from flows.segments.renewal import Renewal
from schemas.records import Record
from schemas.times import parse_duration

MAX_PASSED: Final = 16  # activations that one may have passed by unseen: each costs when he is next touched
# (partition, path) of a file (`flows.segments.hydration`) -> contact -> what it brings, encoded: the states of leaves
# from before, or the instant at which a launch releases the contact
StatesIn: TypeAlias = Callable[[int, str], Mapping[str, bytes]]
_decode_states: Final = msgspec.msgpack.Decoder(dict[str, Any]).decode


@dataclass(frozen=True, slots=True)
class Active:
    """The definitions active from `since` on. `epoch` is the last activation that every contact has to see.

    `renewal` is what `since` changed about the segments. `concerns`: who has something to see of it, besides those to
    whom `pasts` bring something: whoever holds one of these (the state of a leaf, a membership), which nobody can hold
    who was not touched since the instant beside it; None: everyone.
    """

    since: int
    epoch: int
    segments: SegmentSet
    renewal: Renewal
    concerns: Mapping[str, int] | None
    journeys: JourneySet
    model: Model
    attribution: tuple[AttributionModel, ...]
    templates: Mapping[tuple[str, str], tuple[int, Template]] = field(default_factory=dict)
    topics: Mapping[tuple[str, str], str] = field(default_factory=dict)
    snapshots: Mapping[str, frozenset[str]] = field(default_factory=dict)
    zone: str = "UTC"
    currency: str = "EUR"
    locale: str = "en"
    marketing_expires: int = parse_duration("12h")
    pasts: tuple[Past, ...] = ()
    releases: Mapping[str, Release] = field(default_factory=dict)  # by the launches' ids
    experiments: Mapping[tuple[str, str], Decision] = field(default_factory=dict)  # (journey, node) of a split
    holdouts: tuple[Holdout, ...] = ()
    send_time: Everyone | None = None
    caps: tuple[Cap, ...] = ()
    quiet: tuple[Quiet, ...] = ()
    rankings: Mapping[str, Ranking] = field(default_factory=dict)

    def to_hold(self, seen: int) -> frozenset[str] | None:
        """See `Definitions.to_hold`, of this activation alone."""
        return None if self.concerns is None else frozenset(h for h, since in self.concerns.items() if seen >= since)


class Definitions:
    """Compiles the catalogue on demand: `at(t)` is what is active at an instant."""

    def __init__(
        self,
        snapshots: Mapping[str, frozenset[str]] | None = None,
        states_in: StatesIn = lambda partition, path: {},
        catalogue: Catalogue | None = None,
    ) -> None:
        self.catalogue = catalogue or Catalogue()
        self._states_in = states_in
        self._members = snapshots or {}
        self._files: dict[str, frozenset[str]] = {}
        self._compiled: dict[int, Active] = {}
        self._sets: dict[int, tuple[SegmentSet, JourneySet, Mapping[str, Release]]] = {}
        self._epochs: dict[int, bool] = {}
        self._last: Active | None = None
        self._until = -1  # `_last` holds for instants below this, as far as records were read

    def keep(self, file: str, members: frozenset[str]) -> None:
        """The members in a snapshot's file: to be given before the definition that names it is applied."""
        self._files[file] = members

    def apply(self, record: Record) -> bool:
        """Fold one record of topic `definitions`; False where it is void."""
        self._last = None
        taken = self.catalogue.apply(record)
        since = self.catalogue.last
        for made in (self._compiled, self._sets, self._epochs):
            made.pop(since, None)  # several records may become active at one instant
        return taken

    def at(self, instant: int) -> Active:
        """What is active at the instant."""
        last = self._last
        if last is not None and last.since <= instant < self._until:
            return last
        self._until = self.next_activation(instant) or 1 << 62
        self._last = self._of(self.catalogue.active(instant))
        return self._last

    def epochs(self, after: int, until: int) -> list[int]:
        """The activations in (after, until] that every contact has to see, oldest first."""
        return [s.since for s in self.catalogue.between(after, until) if self._is_epoch(s)]

    def to_hold(self, seen: int, until: int) -> frozenset[str] | None:
        """What a contact, untouched since it saw the activations up to `seen`, must hold to have something to see of
        those in (seen, until], where they bring no past to it. None: it has in any case."""
        epochs = self.epochs(seen, until)
        each = [held for at in epochs if (held := self.at(at).to_hold(seen)) is not None]
        return frozenset().union(*each) if len(each) == len(epochs) <= MAX_PASSED else None

    def concerning(self, epochs: Iterable[int], seen: int) -> list[int]:
        """Of the activations after `seen` those that may have something to see for a contact not touched since. One
        that brings a past touches it: it may then hold what began since."""
        found: list[int] = []
        for at in epochs:
            active = self.at(at)
            if active.pasts or active.to_hold(seen) != frozenset():
                found.append(at)
            if active.pasts:
                seen = at
        return found

    def next_activation(self, after: int) -> int | None:
        """The next instant after this one at which definitions become active; None where none is known."""
        following = self.catalogue.between(after, 1 << 62)
        return following[0].since if following else None

    def past_of(self, contact: str, active: Active) -> dict[str, Any]:
        """What the leaves that are switched to would know of the contact from before they began: leaf -> state."""
        found: dict[str, Any] = {}
        for past in active.pasts:
            for partition, path in past.files:
                stored = self._states_in(partition, path).get(contact)
                if stored is not None:
                    found.update((id, s) for id, s in _decode_states(stored).items() if id in past.leaves)
        return found

    def pasts(self, partition: int, after: int, until: int) -> Iterator[tuple[int, Mapping[str, bytes]]]:
        """The activations in (after, until] that bring a past or launch something, and what is in their files for the
        partition."""
        for snapshot in self.catalogue.between(after, until):
            for past in snapshot.pasts:
                yield from ((snapshot.since, self._states_in(*file)) for file in past.files if file[0] == partition)
            for path in self._launched(snapshot, partition):
                yield snapshot.since, self._states_in(partition, path)

    def _launched(self, snapshot: Snapshot, partition: int) -> Iterator[str]:
        """The partition's files of the launches that began at this activation."""
        before = self.catalogue.active(snapshot.since - 1)
        for published in snapshot.of(LAUNCH):
            path = published.body.get("files", {}).get(str(partition))
            if path is not None and before.get(LAUNCH, published.id) is None:
                yield path

    def leaves(self, snapshot: Snapshot) -> Mapping[str, Leaf]:
        """The leaves that accumulate under the snapshot, by id."""
        return self._sets_of(snapshot)[0].leafset.leaves

    def _of(self, snapshot: Snapshot) -> Active:
        found = self._compiled.get(snapshot.since)
        if found is None:
            found = self._compiled[snapshot.since] = self._compile(snapshot)
        return found

    def _is_epoch(self, snapshot: Snapshot) -> bool:
        """Whether a segment or journey changed at this activation, also one that warms up (leaves begin and end), or a
        past is brought."""
        found = self._epochs.get(snapshot.since)
        if found is None:
            before = self.catalogue.active(snapshot.since - 1)
            changed = differ(before.current, snapshot.current) or differ(before.warming, snapshot.warming)
            found = changed or bool(snapshot.pasts)
            self._epochs[snapshot.since] = found
        return found

    def _epoch(self, snapshot: Snapshot) -> int:
        while snapshot.since >= 0 and not self._is_epoch(snapshot):
            snapshot = self.catalogue.active(snapshot.since - 1)
        return snapshot.since

    def _sets_of(self, snapshot: Snapshot) -> tuple[SegmentSet, JourneySet, Mapping[str, Release]]:
        """Compiled once for all snapshots between which nothing changed that every contact has to know of."""
        while snapshot.since >= 0 and not self._is_epoch(snapshot):
            snapshot = self.catalogue.active(snapshot.since - 1)
        found = self._sets.get(snapshot.since)
        if found is None:
            journeys = JourneySet.build(
                [*snapshot.of("journey"), *triggered(snapshot)], self._version, snapshot.of("journey_migration")
            )
            asked = [*journeys.programs(), *self._campaigns(snapshot), *self._warming(snapshot)]
            segments = SegmentSet.build(snapshot.of("segment"), asked)
            releases = compile_releases(snapshot, self._campaign, self._states_in)
            found = self._sets[snapshot.since] = segments, journeys, releases
        return found

    def _campaigns(self, snapshot: Snapshot) -> list[Program]:
        """The conditions of triggered campaigns, launched or not: what they ask is known when they are."""
        return [program for p in snapshot.of("campaign") for program in programs_of(p)]

    def _warming(self, snapshot: Snapshot) -> list[Program]:
        """The conditions of what warms up: their leaves accumulate, and nothing is concluded from them yet."""
        return [program for p in snapshot.warming.values() for program in programs_of(p)]

    def _concerns(self, snapshot: Snapshot, renewal: Renewal) -> dict[str, int] | None:
        """See `Active`. Of a leaf that is new, nobody holds a state before it began, which may have been to warm up."""
        before = self.catalogue.active(snapshot.since - 1)
        if not renewal.is_silent or differ(before.current, snapshot.current, NOT_OF_SEGMENTS):
            return None
        young = renewal.asked - self._asked(before)
        found = dict.fromkeys(renewal.held | renewal.asked - young, -1)
        while young:
            found.update(dict.fromkeys(young, snapshot.since))
            young &= self.leaves(before).keys() if before.since >= 0 else frozenset()
            snapshot, before = before, self.catalogue.active(before.since - 1)
        return found

    def _asked(self, snapshot: Snapshot) -> set[str]:
        """The leaves that what is current asks, and that may therefore have seen something long ago."""
        segments, journeys, _ = self._sets_of(snapshot)
        programs = [*(s.program for s in segments.segments), *journeys.programs(), *self._campaigns(snapshot)]
        return {leaf.id for program in programs for leaf in program.leaves}

    def _compile(self, snapshot: Snapshot) -> Active:
        segments, journeys, releases = self._sets_of(snapshot)
        renewal = Renewal.between(self._sets_of(self.catalogue.active(snapshot.since - 1))[0], segments)
        workspace = found.body if (found := snapshot.get("workspace", "default")) else {}
        return Active(
            since=snapshot.since,
            epoch=self._epoch(snapshot),
            segments=segments,
            renewal=renewal,
            concerns=self._concerns(snapshot, renewal),
            journeys=journeys,
            model=compile_model(snapshot.get("model", "engagement")),
            attribution=compile_attribution(snapshot.of("attribution_model")),
            templates=_templates(snapshot),
            topics=_topics(snapshot),
            snapshots={**self._frozen(snapshot), **self._members},
            zone=workspace.get("timezone", "UTC"),
            currency=workspace.get("currency", "EUR"),
            locale=workspace.get("locale", "en"),
            marketing_expires=parse_duration(workspace.get("marketing_expires", "12h")),
            pasts=snapshot.pasts,
            holdouts=compile_holdouts(snapshot.of("holdout"), workspace.get("timezone", "UTC")),
            caps=compile_caps(snapshot.of("frequency_cap")),
            quiet=compile_quiet(snapshot.of("quiet_hours")),
            releases=releases,
            send_time=compile_everyone(snapshot.get("send_time", "default")),
            experiments=compile_decisions(snapshot.of("experiment")),
            rankings=compile_rankings(snapshot, self._states_in),
        )

    def _frozen(self, snapshot: Snapshot) -> dict[str, frozenset[str]]:
        return {p.id: self._files.get(p.body["file"], frozenset()) for p in snapshot.of("snapshot")}

    def _version(self, id: str, version: int) -> Published:
        """Of a journey, or of a triggered campaign that runs as one; KeyError where there is none."""
        if not id.startswith(PREFIX):
            return self.catalogue.versions["journey", id][version]
        campaign = self._campaign(id.removeprefix(PREFIX), version)
        if campaign.body["type"] != "triggered":
            raise KeyError(id)
        return as_journey(campaign)

    def _campaign(self, id: str, version: int) -> Published:
        return self.catalogue.versions["campaign", id][version]


def _topics(snapshot: Snapshot) -> dict[tuple[str, str], str]:
    topics = snapshot.of("topic")
    return {(p.body.get("channel", "email"), p.id): p.body.get("default", "unsubscribed") for p in topics}


def _templates(snapshot: Snapshot) -> dict[tuple[str, str], tuple[int, Template]]:
    snippets = {s.id: s.body for s in snapshot.of("snippet")}
    return {
        (channel, p.id): (p.version, compile_template(p.body, snippets))
        for channel in ("email", "sms", "push", "webhook")
        for p in snapshot.of(f"{channel}_template")
    }
