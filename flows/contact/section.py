"""A contact's state: a head that can be read alone, and sections that their reducers decode when they need them.

Encoded (msgpack): `[version, due, epoch, recent, merged_into, [due, …], [section, …]]`, each section encoded by itself,
empty where there is none. A section that nothing touched is carried over as bytes. Section structs are `array_like`
with defaults, so a field appended later reads old states unchanged.
"""

from __future__ import annotations

from typing import Any, Final, Generic, TypeVar

import msgspec

from schemas.errors import TerminalError

STATE_VERSION: Final = 2

T = TypeVar("T", bound=msgspec.Struct)


class Section(Generic[T]):
    """One reducer's part of the state: its place (a contract, see SECTIONS in `flows.contact.fold`) and its codec."""

    __slots__ = ("decode", "index", "kind", "name")

    def __init__(self, index: int, name: str, kind: type[T]):
        self.index, self.name, self.kind = index, name, kind
        self.decode = msgspec.msgpack.Decoder(kind).decode


class Head(msgspec.Struct, array_like=True, gc=False):
    """What the partition reads of a state without opening it: when it is due, which definitions it has seen."""

    version: int
    due: int | None
    epoch: int


class _Stored(msgspec.Struct, array_like=True, gc=False):
    version: int
    due: int | None
    epoch: int
    recent: bytes
    merged_into: str
    dues: list[int | None]
    sections: list[bytes]


class _Stored1(msgspec.Struct, array_like=True, gc=False):
    """Version 1: a section stood as it is beside its due, so that every section was walked through to open one."""

    version: int
    due: int | None
    epoch: int
    recent: bytes
    merged_into: str
    sections: list[tuple[int | None, msgspec.Raw]]


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Stored).decode
_decode_1 = msgspec.msgpack.Decoder(_Stored1).decode
decode_head = msgspec.msgpack.Decoder(Head).decode
_NIL: Final = b"\xc0"


def _read(stored: bytes) -> _Stored:
    try:
        read = _decode(stored)
    except msgspec.ValidationError:  # of another version
        return _upgrade(stored)
    return read if read.version == STATE_VERSION else _upgrade(stored)


def _upgrade(stored: bytes) -> _Stored:
    version = decode_head(stored).version
    if version != 1:
        raise TerminalError(f"a state of version {version}; this fold reads version {STATE_VERSION}")
    s = _decode_1(stored)
    sections = [b"" if raw == _NIL else raw for raw in (bytes(raw) for _, raw in s.sections)]
    return _Stored(STATE_VERSION, s.due, s.epoch, s.recent, s.merged_into, [due for due, _ in s.sections], sections)


class Contact:
    """The opened state of one contact. `get` hands out a section to read and change; `save` encodes what was opened.

    `due` is the earliest instant at which something happens by itself, `epoch` the activation instant of the segment
    definitions that the state has seen, `recent` the packed ids of the last day's records (see `flows.contact.recent`),
    `merged_into` the contact that this one has become a part of.
    """

    __slots__ = ("_dues", "_live", "_raw", "due", "epoch", "is_new", "merged_into", "recent")

    def __init__(self, stored: bytes | None, sections: int):
        self.is_new = stored is None
        self._live: dict[int, Any] = {}
        if stored is None:
            self.due: int | None = None
            self.epoch, self.recent, self.merged_into = -1, b"", ""
            self._raw, self._dues = _nothing(sections)
            return
        s = _read(stored)
        self.due, self.epoch, self.recent, self.merged_into = s.due, s.epoch, s.recent, s.merged_into
        self._raw, self._dues = s.sections, s.dues
        if len(self._raw) < sections:  # written before a section was added
            raw, dues = _nothing(sections - len(self._raw))
            self._raw += raw
            self._dues += dues

    def get(self, section: Section[T]) -> T:
        """The section, opened; made with its defaults where the contact has none yet."""
        index = section.index
        live: T | None = self._live.get(index)
        if live is None:
            raw = self._raw[index]
            live = self._live[index] = section.decode(raw) if raw else section.kind()
        return live

    def has(self, section: Section[Any]) -> bool:
        """Whether the section holds anything, without opening it."""
        return section.index in self._live or bool(self._raw[section.index])

    def due_of(self, section: Section[Any]) -> int | None:
        """The section's next instant, as last set."""
        return self._dues[section.index]

    def set_due(self, section: Section[Any], due: int | None) -> None:
        """Each reducer says after its work when it next wants to be woken; None: never by itself."""
        dues, before = self._dues, self._dues[section.index]
        if before == due:
            return
        dues[section.index] = due
        if due is not None and (self.due is None or due <= self.due):
            self.due = due
        elif before == self.due:
            self.due = min([d for d in dues if d is not None], default=None)

    def clear(self) -> None:
        """Forget every section and what they wait for."""
        self._live = {}
        self._raw, self._dues = _nothing(len(self._raw))
        self.due = None

    def save(self) -> bytes:
        """The encoded state."""
        raw = self._raw
        for index, live in self._live.items():
            raw[index] = _encode(live)
        return _encode((STATE_VERSION, self.due, self.epoch, self.recent, self.merged_into, self._dues, raw))


def _nothing(sections: int) -> tuple[list[bytes], list[int | None]]:
    """So many empty sections, and their dues."""
    return [b""] * sections, [None] * sections
