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
from typing import Any, NamedTuple

from msgspec.structs import replace

from flows.campaigns.acts import Files, planned
from flows.campaigns.firings import firings
from flows.campaigns.launch import KIND as LAUNCH
from flows.campaigns.launch import Launch, firing_id
from flows.campaigns.references import read_campaign
from flows.campaigns.release import begin_of, compile_rate, released, wanted
from flows.campaigns.trial_report import CampaignReport
from flows.contact.rehearsal import Rehearsal, standing_around
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
    ):
        around = standing_around(others, alone)
        self._published, self._campaign = campaign, read_campaign(campaign.body)
        self._audience, self._exclusions = f"{campaign.id}:audience", f"{campaign.id}:exclusions"
        self._report, self._answers = CampaignReport(campaign.id), answers
        self._zone = next((str(p.body.get("timezone", "UTC")) for p in around if p.kind == "workspace"), "UTC")
        self._rehearsal = Rehearsal([campaign, *self._chosen(), *around], self._take, snapshots)

    def run(self, lines: Sequence[Line], at: int | None = None, until: int | None = None) -> dict[str, Any]:
        """Launch at an instant, a broadcast by default at the last line, others before the first; let time pass until
        an instant, by default until every message that waits for its release or for quiet hours has gone."""
        lines = [line for line in lines if until is None or line.logged_at <= until]
        if lines:
            self._play(lines, at, until)
        return self._report.as_json(self._zone_of)

    def _play(self, lines: Sequence[Line], at: int | None, until: int | None) -> None:
        self._rehearsal.publish(lines[0].logged_at)
        turns = deque(turn for turn in self._turns(lines, at, until) if until is None or turn.at <= until)
        for line in lines:
            while turns and _comes_before(turns[0], line):
                self._launch(turns.popleft())
            self._rehearsal.take(line)
        while turns:
            self._launch(turns.popleft())
        end = max(lines[-1].logged_at, self._report.ends) + QUIET_AHEAD
        self._rehearsal.pass_time(end if until is None else until)

    def _chosen(self) -> Iterator[Published]:
        """Audience and exclusions as segments."""
        body = self._published.body
        if body["type"] == "triggered":
            return
        said = {self._audience: body["audience"], self._exclusions: {"or": list(body.get("exclusions") or ())}}
        for id, where in said.items():
            if where != {"or": []}:
                yield Published("segment", id, 1, {"kind": "segment", "id": id, "where": where}, 0)

    def _turns(self, lines: Sequence[Line], at: int | None, until: int | None) -> Iterator[_Turn]:
        first, last = lines[0].logged_at, lines[-1].logged_at
        id, schedule = self._published.id, self._campaign.schedule
        match self._campaign.type:
            case "one_time":
                yield _Turn(last if at is None else at, id, begin_of(self._campaign, self._zone), 0, True)
            case "triggered":
                yield _Turn(first - 1 if at is None else at, id, 0)
            case "recurring":
                assert isinstance(schedule, Recurring)
                begun, end = first - 1 if at is None else at, last if until is None else until
                for firing in firings(schedule, begun, end, self._zone):
                    yield _Turn(firing.at, firing_id(id, firing.name), firing.local or firing.at, firing.at)

    def _launch(self, turn: _Turn) -> None:
        """Freeze the audience and let the launch be active, both at the turn's instant."""
        self._rehearsal.pass_time(turn.at if turn.of_line else turn.at - 1)
        launch = Launch(turn.id, self._published.id, self._published.version, self._campaign.type, firing=turn.firing)
        if self._campaign.type != "triggered":
            launch = self._frozen(launch, turn)
        self._report.launch(launch, turn.at)
        self._rehearsal.define(Definition(LAUNCH, launch.id, "publish", 1, launch.body()), turn.at)
        self._rehearsal.replay.apply(turn.at, "", TICK)

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
                self._rehearsal.replay.expect(line)
                if send.campaign == self._published.id:
                    self._report.answered(line.event.type)


def _comes_before(turn: _Turn, line: Line) -> bool:
    return turn.at < line.logged_at or (turn.at == line.logged_at and not turn.of_line)
