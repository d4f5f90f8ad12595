"""A journey over a history on the production fold, its messages answered: what a simulation is made of.

The journeys that stand run alongside, from the same instant, so that caps and priorities count what they send. What
they and the journey itself caused when they ran is left out, since the trial says it anew. Campaigns run no second
time: what they said and sent is among the records; nor do the others where the journey is tried alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from flows.contact.active import StatesIn
from flows.contact.rehearsal import Rehearsal, is_caused, standing_around
from flows.contact.replay import Line
from flows.definitions.catalogue import Published
from flows.journeys.answering import Answers
from flows.journeys.report import SAMPLES, Report, difference
from flows.journeys.simulation import Summary
from schemas.records import Entry, decode_send
from schemas.topics import SENDS


class Outcome(NamedTuple):
    """What a trial came to."""

    summary: dict[str, Any]
    report: dict[str, Any]
    answers: dict[str, int]  # outcome event -> how many


class Trial:
    """One run of one journey (`journey`, as published) with what stands around it, other journeys unless `alone`.

    `answers` None: nobody answers. `states_in` reads the files of rankings; those that nothing was computed of are
    computed from the lines. Lines come in the order of `logged_at`; the definitions are active from before the first of
    them, or from `active_from`.
    """

    def __init__(
        self,
        journey: Published,
        others: Iterable[Published],
        answers: Answers | None = None,
        snapshots: Mapping[str, frozenset[str]] | None = None,
        samples: int = SAMPLES,
        states_in: StatesIn = lambda partition, path: {},
        alone: bool = False,
    ):
        around = [p for p in standing_around(others, alone) if (p.kind, p.id) != ("journey", journey.id)]
        self._journey, self._running = journey.id, {journey.id, *(p.id for p in around if p.kind == "journey")}
        self._summary = Summary(journey.id, journey.body.get("key") is not None)
        self._report = Report(journey.body, samples)
        self._answers = answers
        self._rehearsal = Rehearsal([journey, *around], self._take, snapshots, states_in)
        self._counts: dict[str, int] = {}

    def run(self, lines: Iterable[Line], until: int | None = None, active_from: int | None = None) -> Outcome:
        """Fold the lines up to `until`, and let time pass until then (else until the last one)."""
        begun = False
        for line in lines:
            if until is not None and line.logged_at > until:
                break
            if not begun:
                self._rehearsal.publish(line.logged_at, active_from)
                begun = True
            if not is_caused(line.event, self._running):
                self._rehearsal.take(line)
        if until is not None:
            self._rehearsal.pass_time(until)
        return Outcome(self._summary.as_json(), self._report.as_json(), dict(sorted(self._counts.items())))

    def _take(self, at: int, entry: Entry) -> None:
        self._summary.take(at, entry)
        self._report.take(at, entry)
        if self._answers is not None and entry.topic == SENDS and not (send := decode_send(entry.value)).recall:
            for line in self._answers.lines(send):
                if send.journey == self._journey:
                    self._counts[line.event.type] = self._counts.get(line.event.type, 0) + 1
                self._rehearsal.expect(line)


def compared(draft: Outcome, live: Outcome) -> dict[str, Any]:
    """The live version's figures, and by how much the draft's differ."""
    a, b = _figures(draft), _figures(live)
    return {"live": b, "difference": difference(a, b)}


def _figures(outcome: Outcome) -> dict[str, Any]:
    """All numbers, lists counted by node."""
    summary, report = dict(outcome.summary), dict(outcome.report)
    for name in ("sends", "skips"):
        summary[name] = _by_node(summary[name])
    edges = {
        f"{e['from']} -> {e['to']}" + (f": {e['branch']}" if e["branch"] else ""): e["runs"] for e in report["edges"]
    }
    return summary | {**report, "edges": edges, "answers": outcome.answers} | {"sample": {}}


def _by_node(said: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for one in said:
        counts[one["node"]] = counts.get(one["node"], 0) + 1
    return dict(sorted(counts.items()))
