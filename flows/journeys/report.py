"""What a simulation says of one journey beside the contract's figures: edges, days, reasons, durations, sample runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

from flows.journeys.executor import WAITING
from flows.journeys.run import read_key
from flows.policy.caps import CAPPED
from schemas.records import Change, Entry, decode_change, decode_send
from schemas.times import SECOND, format_instant
from schemas.topics import CHANGES, SENDS

SAMPLES: Final = 5


class Report:
    """Fold the effects of a replay with `take`; days are UTC's, durations in seconds.

    An edge counts the runs that took it. A node's duration is how long those rested there who left it by an edge;
    `all` is from a run's entry to its end.
    """

    def __init__(self, body: Mapping[str, Any], samples: int = SAMPLES):
        self.journey = str(body["id"])
        self._edges = {(e["from"], e.get("branch", "")): e["to"] for e in body.get("edges", ())}
        self._taken: Counter[tuple[str, str]] = Counter()
        self._days: Counter[str] = Counter()
        self._reasons: Counter[str] = Counter()
        self._refused: Counter[str] = Counter()
        self._entered: dict[str, int] = {}
        self._resting: dict[str, int] = {}
        self._rests: dict[str, list[int]] = {}
        self._lengths: list[int] = []
        self._samples: dict[str, dict[str, Any]] = {}
        self._wanted = samples

    def take(self, at: int, entry: Entry) -> None:
        """One effect."""
        if entry.topic == CHANGES:
            change = decode_change(entry.value)
            if change.journey == self.journey:
                self._take_change(change)
        elif entry.topic == SENDS:
            send = decode_send(entry.value)
            if send.journey == self.journey:
                self._days[format_instant(send.at)[:10]] += 1
                self._note(send.run, {"node": send.node, "sent": send.template, "at": format_instant(send.at)})

    def _take_change(self, change: Change) -> None:
        match change.kind:
            case "journey_entered":
                self._enter(change)
            case "journey_step":
                self._step(change)
            case "journey_exited":
                self._resting.pop(change.run, None)
                self._lengths.append(change.at - self._entered.pop(change.run, change.at))
                self._note(change.run, {"exited": change.reason, "at": format_instant(change.at)})
            case "journey_refused":
                self._refused[change.reason] += 1
            case "send_skipped":
                self._reasons[change.reason] += 1
                said = {"node": change.node, "skipped": change.reason, "at": format_instant(change.at)}
                self._note(change.run, said)
            case _:
                pass

    def _enter(self, change: Change) -> None:
        self._entered[change.run] = change.at
        if len(self._samples) < self._wanted:
            said = {"contact": change.contact, "run": change.run, "entered": format_instant(change.at)}
            self._samples[change.run] = said | ({"key": read_key(change.entry)} if change.entry else {}) | {"path": []}

    def _step(self, change: Change) -> None:
        at = format_instant(change.at)
        if change.reason == WAITING:
            self._resting[change.run] = change.at
            self._note(change.run, {"node": change.node, "waits": True, "at": at})
            return
        begun = self._resting.pop(change.run, None)
        if begun is not None:
            self._rests.setdefault(change.node, []).append(change.at - begun)
        if (change.node, change.branch) in self._edges:
            self._taken[change.node, change.branch] += 1
            self._note(change.run, {"node": change.node, "branch": change.branch, "at": at})

    def _note(self, run: str, said: dict[str, Any]) -> None:
        if run in self._samples:
            self._samples[run]["path"].append(said)

    def as_json(self) -> dict[str, Any]:
        """The figures; every edge is there, also one that nobody took."""
        edges = [
            {"from": source, "to": target, "branch": branch, "runs": self._taken[source, branch]}
            for (source, branch), target in sorted(self._edges.items())
        ]
        nodes = {node: _spread(lengths) for node, lengths in sorted(self._rests.items())}
        return {
            "edges": edges,
            "active": len(self._entered),
            "refused": dict(sorted(self._refused.items())),
            "sends_a_day": dict(sorted(self._days.items())),
            "skips_by_reason": dict(sorted(self._reasons.items())),
            "caps_hit": self._reasons[CAPPED],
            "seconds": {"all": _spread(self._lengths), "nodes": nodes},
            "sample": list(self._samples.values()),
        }


def _spread(lengths: Sequence[int]) -> dict[str, float]:
    """How many, and their median and 90th percentile (nearest rank) in seconds; 0 of none."""
    ranked = sorted(lengths)
    return {"runs": len(ranked), "p50": _rank(ranked, 50), "p90": _rank(ranked, 90)}


def _rank(ranked: Sequence[int], percent: int) -> float:
    return ranked[max(0, -(-len(ranked) * percent // 100) - 1)] / SECOND if ranked else 0.0


def difference(draft: Mapping[str, Any], live: Mapping[str, Any]) -> dict[str, Any]:
    """Every number of the draft less that of the live version, where they differ; objects within objects alike."""
    found: dict[str, Any] = {}
    for name in sorted(draft.keys() | live.keys()):
        a, b = draft.get(name), live.get(name)
        if isinstance(a, Mapping) or isinstance(b, Mapping):
            if inner := difference(a or {}, b or {}):
                found[name] = inner
        elif isinstance(a or 0, int | float) and isinstance(b or 0, int | float) and (a or 0) != (b or 0):
            found[name] = round((a or 0) - (b or 0), 3)
    return found
