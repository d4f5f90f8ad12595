"""A campaign over a history on the production fold: who would have got it, who not and why, and when.

    lines ──▶ fold ──▶ at a launch or firing: the audience as segments see it ──▶ instants at the rate ──▶ released
              the other journeys run alongside, so that caps count what they send

Audience and exclusions are segments of the trial's own, so they are what the fold makes of them. A launch is active at
once: the two seconds that a real one takes to be known are left out. Splits keep their shares: nobody judges them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple, assert_never

from msgspec.structs import replace

from flows.campaigns.acts import Files, planned
from flows.campaigns.firings import next_firing
from flows.campaigns.journey import journey_id
from flows.campaigns.launch import KIND as LAUNCH
from flows.campaigns.launch import Launch, firing_id
from flows.campaigns.references import read_campaign
from flows.campaigns.release import begin_of, compile_rate, released, wanted
from flows.campaigns.trial_report import CampaignReport
from flows.contact.active import StatesIn
from flows.contact.rehearsal import Rehearsal, is_caused, standing_around
from flows.contact.replay import Line
from flows.definitions.catalogue import Published
from flows.delivery.planning import QUIET_AHEAD
from flows.journeys.answering import Answers
from flows.segments.hydration import unpack
from schemas.definitions.campaign import Recurring
from schemas.records import TICK, Definition, Entry, decode_send
from schemas.topics import SENDS


class _Turn(NamedTuple):
    """A launch or firing. `begins` is its instant, or the local time where that is each contact's own; `of_line`: what
    is logged at this very instant counts."""

    at: int
    id: str
    begins: int | datetime
    firing: int = 0
    of_line: bool = False


class CampaignTrial:
    """One run of one campaign, as published, with what stands around it, other journeys unless `alone`.

    `answers` None: nobody answers.
    """

    def __init__(
        self,
        campaign: Published,
        others: Iterable[Published],
        answers: Answers | None = None,
        snapshots: Mapping[str, frozenset[str]] | None = None,
        alone: bool = False,
        states_in: StatesIn = lambda partition, path: {},
    ):
        around = standing_around(others, alone)
        self._running = {journey_id(campaign.id), *(p.id for p in around if p.kind == "journey")}
        self._published, self._campaign = campaign, read_campaign(campaign.body)
        self._audience, self._exclusions = f"{campaign.id}:audience", f"{campaign.id}:exclusions"
        self._report, self._answers = CampaignReport(campaign.id), answers
        self._zone = next((str(p.body.get("timezone", "UTC")) for p in around if p.kind == "workspace"), "UTC")
        self._rehearsal = Rehearsal([campaign, *self._chosen(), *around], self._take, snapshots, states_in)

    def run(self, lines: Iterable[Line], at: int | None = None, until: int | None = None) -> dict[str, Any]:
        """Launch at an instant, a broadcast by default after the last line, others before the first; let time pass
        until an instant, by default until every message that waits for its release or for quiet hours has gone."""
        last: int | None = None
        turns = deque[_Turn]()
        for line in lines:
            if until is not None and line.logged_at > until:
                break
            if last is None:
                self._rehearsal.publish(line.logged_at)
                turns = self._turns(line.logged_at - 1, at)
            while turns and _comes_before(turns[0], line):
                self._launch(turns)
            if not is_caused(line.event, self._running):
                self._rehearsal.take(line)
            last = line.logged_at
        if last is not None:
            self._finish(turns, at, last, until)
        return self._report.as_json(self._zone_of)

    def _finish(self, turns: deque[_Turn], at: int | None, last: int, until: int | None) -> None:
        """What comes after the last line."""
        is_broadcast = self._campaign.type == "one_time"
        if is_broadcast and at is None:
            turns.append(self._broadcast(last))
        end = until if until is not None else None if is_broadcast else last
        while turns and (end is None or turns[0].at <= end):
            self._launch(turns)
        waited = max(last, self._report.ends) + QUIET_AHEAD
        self._rehearsal.pass_time(waited if until is None else until)

    def _chosen(self) -> Iterator[Published]:
        """Audience and exclusions as segments."""
        body = self._published.body
        if body["type"] == "triggered":
            return
        said = {self._audience: body["audience"], self._exclusions: {"or": list(body.get("exclusions") or ())}}
        for id, where in said.items():
            if where != {"or": []}:
                yield Published("segment", id, 1, {"kind": "segment", "id": id, "where": where}, 0)

    def _turns(self, before: int, at: int | None) -> deque[_Turn]:
        """What is to come, as far as it is known: of firings the next one."""
        begun = before if at is None else at
        match self._campaign.type:
            case "one_time":
                return deque() if at is None else deque([self._broadcast(at)])
            case "triggered":
                return deque([_Turn(begun, self._published.id, 0)])
            case "recurring":
                return deque([self._firing(begun)])
            case _:
                assert_never(self._campaign.type)

    def _broadcast(self, at: int) -> _Turn:
        return _Turn(at, self._published.id, begin_of(self._campaign, self._zone), 0, True)

    def _firing(self, after: int) -> _Turn:
        schedule = self._campaign.schedule
        assert isinstance(schedule, Recurring)
        firing = next_firing(schedule, after, self._zone)
        return _Turn(firing.at, firing_id(self._published.id, firing.name), firing.local or firing.at, firing.at)

    def _launch(self, turns: deque[_Turn]) -> None:
        """Freeze the audience and let the launch be active, both at the next turn's instant."""
        turn = turns.popleft()
        self._rehearsal.pass_time(turn.at if turn.of_line else turn.at - 1)
        launch = Launch(turn.id, self._published.id, self._published.version, self._campaign.type, firing=turn.firing)
        if self._campaign.type != "triggered":
            launch = self._frozen(launch, turn)
        self._report.launch(launch, turn.at)
        self._rehearsal.define(Definition(LAUNCH, launch.id, "publish", 1, launch.body()), turn.at)
        self._rehearsal.replay.apply(turn.at, "", TICK)
        if turn.firing:
            turns.append(self._firing(turn.at))

    def _frozen(self, launch: Launch, turn: _Turn) -> Launch:
        chosen = set(self._rehearsal.replay.members(self._audience))
        excluded = chosen.intersection(self._rehearsal.replay.members(self._exclusions))
        who = sorted(chosen - excluded)
        earliest = wanted(turn.begins, who, self._own_zones, self._zone, turn.at)
        instants = released(earliest, compile_rate(self._campaign.rate), launch.id)
        counted = replace(launch, audience=len(who), excluded=len(excluded), as_of=turn.at)
        return planned(counted, instants, Files(self._keeping(launch.id), lambda path: {}, lambda contact: 0))

    def _keeping(self, path: str) -> Callable[[bytes], str]:
        def keep(data: bytes) -> str:
            self._rehearsal.keep(path, unpack(data))
            return path

        return keep

    def _own_zones(self, contacts: Sequence[str]) -> dict[str, str]:
        """What each says of its zone; empty where it says nothing."""
        found = {}
        for contact in contacts:
            subject = self._rehearsal.replay.subject(contact)
            own = None if subject is None else subject.trait("timezone")
            found[contact] = own if isinstance(own, str) else ""
        return found

    def _zone_of(self, contact: str) -> str:
        subject = self._rehearsal.replay.subject(contact)
        return self._zone if subject is None else subject.zone

    def _take(self, at: int, entry: Entry) -> None:
        self._report.take(entry)
        if self._answers is not None and entry.topic == SENDS and not (send := decode_send(entry.value)).recall:
            for line in self._answers.lines(send):
                self._rehearsal.expect(line)
                if send.campaign == self._published.id:
                    self._report.answered(line.event.type)


def _comes_before(turn: _Turn, line: Line) -> bool:
    return turn.at < line.logged_at or (turn.at == line.logged_at and not turn.of_line)
