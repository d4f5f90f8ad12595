"""The pure fold of topic `definitions`: every version of everything, and what is active when (rule 4).

A publish, rollback or delete takes effect at its `logged_at + LEAD_MS`. The first record of a version wins; one that
comes later is void. Whatever became active at one instant became active together.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from typing import NamedTuple

from schemas.records import JSON, LEAD_MS, Record, decode_definition


class Published(NamedTuple):
    """One version of a definition. `since` is when this version became the active one."""

    kind: str
    id: str
    version: int
    body: Mapping[str, JSON]
    since: int


class Snapshot(NamedTuple):
    """Everything active from the instant `since` on, until the next snapshot's.

    `warming` are versions that are not current yet: what they ask of events accumulates until they are switched to.
    """

    since: int
    current: Mapping[tuple[str, str], Published]
    warming: Mapping[tuple[str, str], Published] = {}

    def of(self, kind: str) -> list[Published]:
        """The current definitions of a kind, by id."""
        return sorted((p for p in self.current.values() if p.kind == kind), key=lambda p: p.id)

    def warming_up(self, kind: str) -> list[Published]:
        """The versions of a kind that warm up, by id."""
        return sorted((p for p in self.warming.values() if p.kind == kind), key=lambda p: p.id)

    def get(self, kind: str, id: str) -> Published | None:
        """The active version of one definition."""
        return self.current.get((kind, id))


class Catalogue:
    """Applies definition records in log order; answers which snapshot is active at an instant."""

    def __init__(self) -> None:
        self.next_offset = 0
        self.versions: dict[tuple[str, str], dict[int, Published]] = {}
        self._since: list[int] = []
        self._snapshots: list[Snapshot] = []
        self.empty = Snapshot(-1, {})

    def apply(self, record: Record) -> bool:
        """Fold one record; False where it is void (a version that was taken, or one that never was)."""
        self.next_offset = record.offset + 1
        d = decode_definition(record.value)
        since, key = record.logged_at + LEAD_MS, (d.kind, d.id)
        known = self.versions.setdefault(key, {})
        if d.op == "publish":
            if d.version in known:
                return False
            made = known[d.version] = Published(d.kind, d.id, d.version, d.body, since)
            self._activate(since, key, made, d.warming)
        elif d.op == "delete":
            self._activate(since, key, None)
        elif d.version not in known:
            return False
        else:
            self._activate(since, key, known[d.version]._replace(since=since))
        return True

    def _activate(self, since: int, key: tuple[str, str], made: Published | None, warming: bool = False) -> None:
        last = self._snapshots[-1] if self._snapshots else self.empty
        current, warm = dict(last.current), dict(last.warming)
        if made is None:
            current.pop(key, None)
            warm.pop(key, None)
        elif warming:
            warm[key] = made
        else:
            current[key] = made
            if key in warm and warm[key].version <= made.version:
                warm.pop(key)
        snapshot = Snapshot(since, current, warm)
        if self._since and self._since[-1] == since:
            self._snapshots[-1] = snapshot
        else:
            self._since.append(since)
            self._snapshots.append(snapshot)

    def active(self, at: int) -> Snapshot:
        """The snapshot active at the instant: of the last activation that is not after it."""
        i = bisect_right(self._since, at)
        return self._snapshots[i - 1] if i else self.empty

    def between(self, after: int, until: int) -> list[Snapshot]:
        """The snapshots that became active in (after, until], oldest first."""
        return self._snapshots[bisect_right(self._since, after) : bisect_right(self._since, until)]

    def latest_version(self, kind: str, id: str) -> int:
        """The highest version ever published; 0 where there is none."""
        return max(self.versions.get((kind, id), {0: None}))
