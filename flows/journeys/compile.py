"""All active journeys compiled together: what opens a run, and what the runs that last listen to."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count

from flows.definitions.catalogue import Published
from flows.journeys.arming import Armed, compile_armed
from flows.journeys.journey import Journey, compile_journey
from flows.journeys.matching import Names, compile_match
from flows.journeys.migration import Migration, compile_migration
from flows.journeys.nodes.wait import WaitForEvent, WaitForSegment, WaitUntilDate
from flows.journeys.reentry import Reentry
from flows.journeys.run import Run
from flows.segments.program import Program
from flows.segments.where import EventMatcher
from schemas.definitions import triggers
from schemas.facts import ENTER
from schemas.records import Event

__all__ = ["Journey", "JourneySet", "Opener", "compile_journey"]

Version = Callable[[str, int], Published]


@dataclass(frozen=True, slots=True)
class Opener:
    """A trigger of an active journey. `segment` is that of a trigger by flips."""

    journey: Journey
    node: str
    match: EventMatcher | None = None
    segment: str = ""

    @property
    def key(self) -> str:
        """What names it in the state."""
        return f"{self.journey.id}/{self.node}"


class JourneySet:
    """The active journeys. Runs stay on the version that they entered, so what earlier ones listen to is known too."""

    def __init__(
        self,
        active: Sequence[tuple[Published, Journey]],
        earlier: Sequence[Journey],
        version: Version,
        migrations: Sequence[Migration] = (),
    ):
        self.migrations = tuple(migrations)
        self._since = {journey.id: (published.version, published.since) for published, journey in active}
        self._current = {journey.id: journey for _, journey in active}
        self._versions = {(j.id, j.version): j for j in (*earlier, *self._current.values())}
        self._version = version
        self.priorities = sorted({j.priority for j in self._current.values()} | {0}, reverse=True)
        self._index_openers()
        self._index_runs(list(self._versions.values()))

    @classmethod
    def build(cls, active: Sequence[Published], version: Version, migrations: Sequence[Published] = ()) -> JourneySet:
        """Of the active versions; `version` finds any version ever published (KeyError where there is none)."""
        current = [(published, compile_journey(published)) for published in active]
        earlier = [compile_journey(p) for published in active for p in _earlier(published, version)]
        return cls(current, earlier, version, [compile_migration(p) for p in migrations])

    def _index_openers(self) -> None:
        self.by_event_name: dict[str, list[Opener]] = {}
        self.by_prefix: list[tuple[str, Opener]] = []
        self.by_flip: dict[tuple[str, bool], list[Opener]] = {}
        self.by_api: dict[str, Opener] = {}
        self.by_key: dict[str, Opener] = {}
        self.arms: dict[str, Armed] = {}
        self.current: list[Opener] = []
        for id in sorted(self._current):
            for node, on in self._current[id].on.items():
                self._index_opener(self._current[id], node, on)

    def _index_opener(self, journey: Journey, node: str, on: triggers.AnyOn) -> None:
        match on:
            case triggers.OnEvent():
                match_ = compile_match(on)
                opener = Opener(journey, node, match_)
                if match_.name.prefix:
                    self.by_prefix.append((match_.name.text, opener))
                else:
                    self.by_event_name.setdefault(match_.name.text, []).append(opener)
            case triggers.OnSegment():
                opener = Opener(journey, node, segment=on.segment)
                self.by_flip.setdefault((on.segment, on.change == "entered"), []).append(opener)
                if on.current:
                    self.current.append(opener)
            case triggers.OnApi():
                self.by_api[journey.id] = Opener(journey, node)
            case triggers.OnSchedule() | triggers.OnDate():
                opener = Opener(journey, node)
                self.by_key[opener.key] = opener
                self.arms[opener.key] = compile_armed(on)

    def _index_runs(self, versions: Sequence[Journey]) -> None:
        waits = [wait for journey in versions for wait in journey.waits.values()]
        self.segments = {segment for segment, _ in self.by_flip}
        self.segments |= {wait.segment for wait in waits if isinstance(wait, WaitForSegment)}
        self.reads_traits = any(isinstance(wait, WaitUntilDate) and not wait.of_entry for wait in waits)
        self.reads_traits |= any(journey.own.reads_traits for journey in versions)
        self._heard = Names.of(wait.match.name for wait in waits if isinstance(wait, WaitForEvent))
        for journey in versions:
            self._heard |= journey.own.names
        ends = [question for journey in versions for question in journey.ends]
        self.leaves = frozenset(id for question in ends for id in question.contact_leaves)

    # --- what an instant concerns: asked of every record, so nothing here may cost -----------------------------------

    def opens(self, event: Event) -> bool:
        """Whether the event's name may open a run."""
        name = event.name
        if name in self.by_event_name or event.type == ENTER:
            return True
        return bool(self.by_prefix) and any(name.startswith(prefix) for prefix, _ in self.by_prefix)

    def hears(self, event: Event) -> bool:
        """Whether a wait, or a condition that looks at runs alone, listens to the event's name."""
        return event.name in self._heard

    @property
    def at_activation(self) -> bool:
        """Whether something begins by becoming active alone."""
        return bool(self.current or self.arms)

    # --- what the reducer asks once it works -------------------------------------------------------------------------

    def openers(self, event: Event) -> Iterator[Opener]:
        """The triggers by events of this name, and the `api` trigger that an `enter` record means."""
        yield from self.by_event_name.get(event.name, ())
        for prefix, opener in self.by_prefix:
            if event.name.startswith(prefix):
                yield opener
        if event.type == ENTER and (api := self.by_api.get(event.event)) is not None:
            yield api

    def newly_current(self, before: JourneySet) -> list[Opener]:
        """The triggers that also enter those who are members when their version becomes active, just now."""
        return [o for o in self.current if before._since.get(o.journey.id) != self._since[o.journey.id]]

    def newly_migrated(self, before: JourneySet) -> list[Migration]:
        """The migrations that became active just now."""
        known = {(m.id, m.begun) for m in before.migrations}
        return [m for m in self.migrations if (m.id, m.begun) not in known]

    def has(self, id: str) -> bool:
        """Whether the journey is active, in whatever version."""
        return id in self._current

    def of(self, run: Run) -> Journey:
        """The version that the run entered."""
        key = (run.journey, run.version)
        found = self._versions.get(key)
        if found is None:
            found = self._versions[key] = compile_journey(self._version(*key))
        return found

    def priority(self, id: str) -> int:
        """That of the journey's active version; of one that is gone 0."""
        journey = self._current.get(id)
        return 0 if journey is None else journey.priority

    def reentry(self, run: Run) -> Reentry:
        """The rule that later entries will be judged by: the active version's, as far as there is one."""
        return (self._current.get(run.journey) or self.of(run)).reentry

    def programs(self) -> list[Program]:
        """The conditions that look at the contact, of every version that runs may be on: their leaves accumulate."""
        return [question.program for journey in self._versions.values() for question in journey.questions]


def _earlier(published: Published, version: Version) -> Iterator[Published]:
    """The other versions that had been active by then: runs may be on them still."""
    for number in count(1):
        try:
            other = version(published.id, number)
        except KeyError:
            if number > published.version:
                return
            continue
        if number != published.version and other.since <= published.since:
            yield other
