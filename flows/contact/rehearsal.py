"""Definitions tried over lines: a replay in which they become active at an instant, and rankings are computed.

    lines ──▶ replay        at each instant of a ranking's schedule: what was logged before it ──▶ places, for everyone

As the ranker does it (`infra.ranker`): at once where nothing was computed yet, then on schedule. What stands of those
that something was computed of is used as it stands.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from typing import Final, Literal

from flows.campaigns.launch import KIND as LAUNCH
from flows.contact.active import Definitions, StatesIn
from flows.contact.replay import Line, Replay
from flows.definitions.catalogue import Published
from flows.journeys.arming import next_cron
from flows.journeys.matching import Names
from flows.segments.ranked_lines import rank_in, zone_in
from schemas.definitions import parse
from schemas.definitions.condition_forms import read_event_name
from schemas.definitions.ranking import KIND as RANKING
from schemas.definitions.ranking import RESULT, Ranking
from schemas.facts import MESSAGE_FACTS
from schemas.records import LEAD_MS, Definition, Entry, Event, Record, encode

# What acts by itself, or is no part of the fold: nothing of it is asked a second time.
_NOT_ASKED: Final = frozenset({"journey_migration", "campaign", LAUNCH, "provider", "crm_mapping", "asset"})
_CLAIMING = ("identify", "alias")  # who is a part of whom
_ASKING = ("segment", "journey")  # whose conditions look at the past


def standing_around(published: Iterable[Published], alone: bool) -> list[Published]:
    """What stands around something that is tried: journeys run alongside, unless it is `alone`."""
    return [p for p in published if p.kind not in _NOT_ASKED and not (alone and p.kind == "journey")]


def is_caused(event: Event, journeys: Container[str]) -> bool:
    """Whether one of the journeys caused it when it ran: a message's outcome, or what an action said."""
    if event.type in MESSAGE_FACTS:
        return event.properties.get("journey") in journeys and bool(event.properties.get("send"))
    return event.context.get("journey") in journeys


class Rehearsal:
    """Lines come in the order of `logged_at`; `states_in` reads the files that the definitions name."""

    def __init__(
        self,
        published: Sequence[Published],
        emitted: Callable[[int, Entry], None],
        snapshots: Mapping[str, frozenset[str]] | None = None,
        states_in: StatesIn = lambda partition, path: {},
    ):
        self._published = sorted(published, key=lambda p: (p.kind, p.id))
        self._files: dict[str, Mapping[str, bytes]] = {}
        self.definitions = Definitions(snapshots, lambda n, path: self._files.get(path) or states_in(n, path))
        self.replay = Replay(self.definitions, emitted)
        self._rankings = _uncomputed(self._published)
        self._ranked = Names.of(read_event_name(ranking.of.performed) for ranking in self._rankings)
        self._seen: list[Line] = []  # what rankings are computed from
        self._answers: list[Line] = []  # the same, of what is expected
        self._due: dict[str, int] = {}  # ranking -> its next instant

    def publish(self, first: int, active_from: int | None = None) -> None:
        """Let the definitions become active at the instant, or before the first line, which is logged at `first`.

        What conditions ask of the time between is known to them: they warm up, as what is published late does.
        """
        begin = first - 1 if active_from is None else active_from
        late = [p for p in self._published if begin >= first and p.kind in _ASKING]
        for p in late:
            self.define(Definition(p.kind, p.id, "publish", p.version, dict(p.body), warming=True), first - 1)
        for p in self._published:
            op: Literal["publish", "switch"] = "switch" if p in late else "publish"
            self.define(Definition(p.kind, p.id, op, p.version, {} if p in late else dict(p.body)), begin)
        self._due = dict.fromkeys((ranking.id for ranking in self._rankings), begin)

    def define(self, act: Definition, active_from: int) -> None:
        """Apply one act, which is active from the instant on."""
        offset = self.definitions.catalogue.next_offset
        self.definitions.apply(Record(offset, active_from - LEAD_MS, f"{act.kind}/{act.id}", encode(act)))

    def keep(self, path: str, stored: Mapping[str, bytes]) -> None:
        """A file that a definition is to name."""
        self._files[path] = stored

    def take(self, line: Line) -> None:
        """Apply a line, after what time brings up to it."""
        self._rank_until(line.logged_at)
        self.replay.run([line])
        if self._rankings and (line.event.type in _CLAIMING or line.event.name in self._ranked):
            self._seen.append(line)

    def expect(self, line: Line) -> None:
        """Let a record be said at its instant, which lies ahead: an answer to what was emitted."""
        self.replay.expect(line)
        if line.event.name in self._ranked:
            self._answers.append(line)

    def pass_time(self, until: int) -> None:
        """Let happen what time brings up to and including the instant."""
        self._rank_until(until)
        self.replay.pass_time(until)

    def _rank_until(self, until: int) -> None:
        while self._due and (at := min(self._due.values())) <= until:
            self.replay.pass_time(at - 1)
            due = [ranking for ranking in self._rankings if self._due[ranking.id] == at]
            seen = [*self._seen, *(answer for answer in self._answers if answer.logged_at < at)]
            rank_in(self.replay, due, seen, self._files, at)
            for ranking in due:
                self._due[ranking.id] = next_cron(ranking.schedule, at, zone_in(self.definitions, ranking, at))


def _uncomputed(published: Sequence[Published]) -> list[Ranking]:
    computed = {p.id for p in published if p.kind == RESULT}
    made = [parse(p.body) for p in published if p.kind == RANKING and p.id not in computed]
    return [ranking for ranking in made if isinstance(ranking, Ranking)]
