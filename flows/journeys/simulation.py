"""What a replay said about one journey, in figures: entries, visits, ends, sends and skips."""

from __future__ import annotations

from collections import Counter
from typing import Any

from flows.journeys.executor import COMPLETED, WAITING
from flows.journeys.run import read_key
from schemas.records import Change, Entry, decode_change, decode_send
from schemas.times import format_instant
from schemas.topics import CHANGES, SENDS


class Summary:
    """Fold the effects of a replay with `take`; `as_json` is what `waxwing journey simulate` prints.

    `exited` counts every run that ended, by its reason; `completed` those of them that came to an exit node. `nodes`
    counts visits.
    """

    def __init__(self, journey: str, is_keyed: bool):
        self.journey, self._is_keyed = journey, is_keyed
        self.entered = self.completed = 0
        self.exited: Counter[str] = Counter()
        self.nodes: Counter[str] = Counter()
        self.sends: list[dict[str, Any]] = []
        self.skips: list[dict[str, Any]] = []
        self._resting: set[str] = set()

    def take(self, at: int, entry: Entry) -> None:
        """One effect."""
        if entry.topic == CHANGES:
            change = decode_change(entry.value)
            if change.journey == self.journey:
                self._take_change(change)
        elif entry.topic == SENDS:
            send = decode_send(entry.value)
            if send.journey == self.journey:
                said = {"contact": send.contact, "node": send.node, "template": send.template}
                self.sends.append(self._keyed(said, send.entry) | {"at": format_instant(send.at)})

    def _take_change(self, change: Change) -> None:
        match change.kind:
            case "journey_entered":
                self.entered += 1
            case "journey_step":
                self._step(change)
            case "journey_exited":
                self.exited[change.reason] += 1
                self.completed += change.branch == COMPLETED
                self._resting.discard(change.run)
            case "send_skipped":
                said = {"contact": change.contact, "node": change.node, "reason": change.reason}
                self.skips.append(self._keyed(said, change.entry) | {"at": format_instant(change.at)})
            case _:
                pass

    def _step(self, change: Change) -> None:
        """A visit is told once where the run passes, twice where it rests: when it comes, and when it leaves."""
        if change.run in self._resting:
            self._resting.remove(change.run)
            return
        self.nodes[change.node] += 1
        if change.reason == WAITING:
            self._resting.add(change.run)

    def _keyed(self, said: dict[str, Any], entry: str) -> dict[str, Any]:
        return said | {"key": read_key(entry)} if self._is_keyed else said

    def as_json(self) -> dict[str, Any]:
        """DESIGN §7: entries, ends, visits, sends and skips."""
        return {
            "entered": self.entered,
            "completed": self.completed,
            "exited": dict(sorted(self.exited.items())),
            "nodes": dict(sorted(self.nodes.items())),
            "sends": self.sends,
            "skips": self.skips,
        }
