"""How far a hydration is: told to whoever asks, and put by in parts, so that one that was cut off goes on from there.

Both are small files beside what was folded (`sinks.past_store`): the API and commands may run elsewhere.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final, Literal, NamedTuple, TypeAlias

import msgspec

from flows.definitions.catalogue import Published
from flows.segments.hydration import pack, unpack
from sinks.past_store import PastStore

EVERY_S: Final = 0.25  # between two reports
PART: Final = 50_000  # contacts of a part
_REPORT, _PARTS = "progress.json", "parts.json"
_decode_states: Final = msgspec.msgpack.Decoder(dict[str, Any]).decode
_Past: TypeAlias = dict[str, dict[str, Any]]  # contact -> leaf -> state
Stage: TypeAlias = Literal["archive", "folding", "settling"]


class Progress(msgspec.Struct):
    """How far a round is. `stage`: `archive` (ClickHouse does not hold enough yet), `folding` (`done` of everyone),
    `settling` (the last records before the leaves began). `contacts` are those of whom a past was found."""

    versions: list[tuple[str, str]]
    stage: Stage
    done: float
    contacts: int


class Put(msgspec.Struct):
    """What a round has put by: for which versions and leaves, from which places of the archive, up to which contact."""

    versions: list[tuple[str, str, int, int]]
    begun: dict[str, int]
    places: dict[int, int]
    last: str
    files: list[str]


class Part(NamedTuple):
    """What a round can go on from."""

    past: _Past
    places: Mapping[int, int]
    last: str


class Journal:
    """What the hydrator tells, and puts by."""

    def __init__(self, files: PastStore):
        self._files = files
        self._told = 0.0
        self._put: Put | None = None
        self._waiting: _Past = {}

    def tell(self, versions: Collection[tuple[str, str]], stage: Stage, done: float, contacts: int) -> None:
        """Say how far the round is; not more often than anybody would look."""
        if time.monotonic() - self._told >= EVERY_S:
            self._told = time.monotonic()
            report = Progress(sorted(versions), stage, round(done, 3), contacts)
            self._files.note(_REPORT, msgspec.json.encode(report))

    def put_by(
        self,
        versions: Sequence[Published],
        begun: Mapping[str, int],
        places: Mapping[int, int],
        last: str,
        past: Mapping[str, dict[str, Any]],
    ) -> None:
        """Keep the past of the next contacts, up to `last`, once there are enough of them to be worth a file."""
        self._waiting.update(past)
        if len(self._waiting) < PART:
            return
        if self._put is None or not _is_of(self._put, versions, begun):
            self._put = Put(_named(versions), dict(begun), dict(places), "", [])
        self._put.files.append(self._files.put(pack(self._waiting)))
        self._put.last, self._waiting = last, {}
        self._files.note(_PARTS, msgspec.json.encode(self._put))

    def resume(self, versions: Sequence[Published], begun: Mapping[str, int]) -> Part | None:
        """What was put by of this very round; None where nothing was."""
        self._waiting, self._put = {}, None
        noted = self._files.noted(_PARTS)
        put = msgspec.json.decode(noted, type=Put) if noted else None
        if put is None or not _is_of(put, versions, begun):
            return None
        self._put = put
        past = {c: _decode_states(states) for f in put.files for c, states in unpack(self._files.read(f)).items()}
        return Part(past, put.places, put.last)

    def clear(self) -> None:
        """Nothing is under way any more."""
        self._files.note(_REPORT, b"")
        if self._put is not None:
            self._files.note(_PARTS, b"")
        self._put, self._waiting = None, {}


def progress_of(files: PastStore, kind: str, id: str) -> Progress | None:
    """How far the past of what warms up is; None where nothing was told of it yet."""
    told = files.noted(_REPORT)
    found = msgspec.json.decode(told, type=Progress) if told else None
    return found if found is not None and (kind, id) in found.versions else None


def _named(versions: Sequence[Published]) -> list[tuple[str, str, int, int]]:
    return [(p.kind, p.id, p.version, p.since) for p in versions]


def _is_of(put: Put, versions: Sequence[Published], begun: Mapping[str, int]) -> bool:
    return put.versions == _named(versions) and put.begun == dict(begun)
