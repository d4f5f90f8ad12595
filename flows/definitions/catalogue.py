"""The pure fold of topic `definitions`: every version of everything, and what is active when (rule 4).

A publish, rollback, switch or delete takes effect at its `logged_at + LEAD_MS`. The first record of a version wins; one
that comes later is void, and so is a switch to what does not warm up (any more). Whatever became active at one instant
became active together.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from typing import NamedTuple

from schemas.records import JSON, LEAD_MS, Definition, Record, decode_definition


class Published(NamedTuple):
    """One version of a definition. `since` is when this version became the active one."""

    kind: str
    id: str
    version: int
    body: Mapping[str, JSON]
    since: int


class Past(NamedTuple):
    """What a switch brings: the files (partition of `events`, path) in which these leaves' states from before are."""

    files: frozenset[tuple[int, str]]
    leaves: frozenset[str]


class Snapshot(NamedTuple):
    """Everything active from the instant `since` on, until the next snapshot's.

    `warming` are versions that are not current yet: what they ask of events accumulates until they are switched to.
    `pasts` belong to the versions switched to at this very instant: every contact takes its part of them then.
    """

    since: int
    current: Mapping[tuple[str, str], Published]
    warming: Mapping[tuple[str, str], Published] = {}
    pasts: tuple[Past, ...] = ()

    def of(self, kind: str) -> list[Published]:
        """The current definitions of a kind, by id."""
        return sorted((p for p in self.current.values() if p.kind == kind), key=lambda p: p.id)

    def warming_up(self, kind: str) -> list[Published]:
        """The versions of a kind that warm up, by id."""
        return sorted((p for p in self.warming.values() if p.kind == kind), key=lambda p: p.id)

    def get(self, kind: str, id: str) -> Published | None:
        """The active version of one definition."""
        return self.current.get((kind, id))

    def newest(self, kind: str, id: str) -> Published | None:
        """The version that stands: the one that warms up, else the active one."""
        return self.warming.get((kind, id)) or self.current.get((kind, id))

    def standing(self, kind: str) -> list[Published]:
        """What stands of a kind, by id."""
        return sorted((p for p in {**self.current, **self.warming}.values() if p.kind == kind), key=lambda p: p.id)


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
        elif d.op == "switch":
            return self._switch(since, key, d)
        elif d.version not in known:
            return False
        else:
            self._activate(since, key, known[d.version]._replace(since=since), d.warming)
        return True

    def _switch(self, since: int, key: tuple[str, str], d: Definition) -> bool:
        """Make the version current that warms up since `body.since`; void where it was cancelled, or began anew."""
        warm = self._last.warming.get(key)
        if warm is None or warm.version != d.version or warm.since != d.body.get("since", warm.since):
            return False
        files = frozenset((int(partition), path) for partition, path in d.body.get("past", {}).items())
        pasts = (Past(files, frozenset(d.body.get("leaves", ()))),) if files else ()
        self._activate(since, key, warm._replace(since=since), pasts=pasts)
        return True

    @property
    def _last(self) -> Snapshot:
        return self._snapshots[-1] if self._snapshots else self.empty

    def _activate(
        self,
        since: int,
        key: tuple[str, str],
        made: Published | None,
        warming: bool = False,
        pasts: tuple[Past, ...] = (),
    ) -> None:
        last = self._last
        current, warm = dict(last.current), dict(last.warming)
        warm.pop(key, None)
        if made is None:
            current.pop(key, None)
        elif warming:
            warm[key] = made
        else:
            current[key] = made
        if self._since and self._since[-1] == since:
            self._snapshots[-1] = Snapshot(since, current, warm, last.pasts + pasts)
        else:
            self._since.append(since)
            self._snapshots.append(Snapshot(since, current, warm, pasts))

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
