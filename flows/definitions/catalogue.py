"""The pure fold of topic `definitions`: every version of everything, and what is active when (rule 4).

A publish, rollback, switch or delete takes effect at its `logged_at + lead`, and never before what was logged earlier.
The first record of a version wins; one that comes later is void, and so is a switch to what does not warm up (any
more), or to what is current and was brought its past already. Whatever became active at one instant became active
together.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from typing import NamedTuple, TypeAlias

from schemas.records import JSON, Definition, Record, decode_definition


class Published(NamedTuple):
    """One version of a definition. `since` is when this version became the active one."""

    kind: str
    id: str
    version: int
    body: Mapping[str, JSON]
    since: int


class Draft(NamedTuple):
    """What is written and not published: nothing acts on it. `upon` is the version that its editor had seen."""

    kind: str
    id: str
    body: Mapping[str, JSON]
    by: str
    at: int
    upon: int


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


_Versions: TypeAlias = Mapping[tuple[str, str], Published]


class Catalogue:
    """Applies definition records in log order; answers which snapshot is active at an instant."""

    def __init__(self) -> None:
        self.next_offset = 0
        self.versions: dict[tuple[str, str], dict[int, Published]] = {}
        self.drafts: dict[tuple[str, str], Draft] = {}
        self.archived: dict[tuple[str, str], Published] = {}
        self._since: list[int] = []
        self._snapshots: list[Snapshot] = []
        self._brought: set[tuple[str, str, int, int]] = set()  # what was current already when it was brought its past
        self.empty = Snapshot(-1, {})

    def apply(self, record: Record) -> bool:
        """Fold one record; False where it is void (a version that was taken, or one that never was)."""
        self.next_offset = record.offset + 1
        d = decode_definition(record.value)
        since, key = max(record.logged_at + d.lead, self.last), (d.kind, d.id)
        if d.op == "draft":
            self._draft(key, d, record.logged_at)
            return True
        known = self.versions.setdefault(key, {})
        if d.op == "publish":
            if d.version in known:
                return False
            made = known[d.version] = Published(d.kind, d.id, d.version, d.body, since)
            self._activate(since, key, made, d.warming)
            if key in self.drafts and self.drafts[key].body == d.body:
                del self.drafts[key]
        elif d.op == "delete":
            ended = self._last.newest(*key)
            self._activate(since, key, None)
            if d.archive and ended is not None:
                self.archived[key] = ended
        elif d.op == "switch":
            return self._switch(since, key, d)
        elif d.version not in known:
            return False
        else:
            self._activate(since, key, known[d.version]._replace(since=since), d.warming)
        return True

    def _draft(self, key: tuple[str, str], d: Definition, at: int) -> None:
        if d.body:
            self.drafts[key] = Draft(d.kind, d.id, d.body, d.by, at, d.version)
        else:
            self.drafts.pop(key, None)

    def _switch(self, since: int, key: tuple[str, str], d: Definition) -> bool:
        """Make the version current that warms up since `body.since`; void where it was cancelled, or began anew. Or
        bring one that is current since then what it had missed, once."""
        last = self._last
        made = next((p for p in (last.warming.get(key), last.current.get(key)) if p and p.version == d.version), None)
        if made is None or made.since != d.body.get("since", made.since):
            return False
        files = frozenset((int(partition), path) for partition, path in d.body.get("past", {}).items())
        pasts = (Past(files, frozenset(d.body.get("leaves", ()))),) if d.body.get("leaves") else ()
        if made == last.warming.get(key):
            self._activate(since, key, made._replace(since=since), pasts=pasts)
            return True
        brought = (*key, made.version, made.since)
        if brought in self._brought:
            return False
        self._brought.add(brought)
        self._append(since, dict(last.current), dict(last.warming), pasts)
        return True

    @property
    def last(self) -> int:
        """The last activation that is known of; -1 before the first."""
        return self._last.since

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
        self.archived.pop(key, None)
        if made is None:
            current.pop(key, None)
        elif warming:
            warm[key] = made
        else:
            current[key] = made
        self._append(since, current, warm, pasts)

    def _append(self, since: int, current: _Versions, warming: _Versions, pasts: tuple[Past, ...]) -> None:
        if self._since and self._since[-1] == since:
            self._snapshots[-1] = Snapshot(since, current, warming, self._last.pasts + pasts)
        else:
            self._since.append(since)
            self._snapshots.append(Snapshot(since, current, warming, pasts))

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
