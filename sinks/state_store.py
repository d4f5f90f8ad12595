"""A partition's state store: RocksDB, one folder a partition, owned by one process at a time (DESIGN, rule 5).

A commit writes the changed states, the next offset and checks the owner's token, all in one write batch. The log is
fsynced, the state need not be: it may lag, never lead, because effects are durable before a commit is asked for.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import msgspec
from rocksdict import AccessType, Options, Rdict, WriteBatch
from rocksdict import Checkpoint as Snapshot

from schemas.errors import Fenced, StateAhead

_META = b"\x00meta"  # no contact id begins with NUL


class Checkpoint(NamedTuple):
    """What a commit writes: the states that changed (encoded), the offset and the log time that they go with."""

    partition: int
    next_offset: int
    logged_at: int
    states: dict[str, bytes]


class _Meta(msgspec.Struct, array_like=True):
    next_offset: int
    logged_at: int
    owner: str
    version: int


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Meta).decode
VERSION = 1  # of this layout


class StateStore:
    """Opens the folder and takes ownership: a process that owned it before can commit no more."""

    def __init__(self, path: Path):
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._db = Rdict(str(path), _options())
        self._lock = threading.Lock()  # between a commit, a copy and the end
        self.is_closed = False
        self.owner = secrets.token_hex(8)
        meta = self._meta()
        self.next_offset, self.logged_at = (meta.next_offset, meta.logged_at) if meta else (0, 0)
        self._db[_META] = _encode(_Meta(self.next_offset, self.logged_at, self.owner, VERSION))

    def _meta(self) -> _Meta | None:
        raw = self._db.get(_META)
        return _decode(raw) if raw is not None else None

    def load(self) -> dict[str, bytes]:
        """Every contact's encoded state."""
        items: Iterable[tuple[bytes, bytes]] = self._db.items()  # type: ignore[assignment]  # raw mode: bytes
        return {key.decode(): value for key, value in items if key != _META}

    def commit(self, checkpoint: Checkpoint) -> None:
        """Write states and offset together; Fenced where another owner has opened the store since."""
        batch = WriteBatch(raw_mode=True)
        for contact, state in checkpoint.states.items():
            batch.put(contact.encode(), state)
        batch.put(_META, _encode(_Meta(checkpoint.next_offset, checkpoint.logged_at, self.owner, VERSION)))
        with self._lock:
            meta = self._meta()
            if meta is None or meta.owner != self.owner:
                raise Fenced(f"{self.path}: another process has taken this partition's state")
            self._db.write(batch)
            self.next_offset, self.logged_at = checkpoint.next_offset, checkpoint.logged_at

    def copy_to(self, folder: Path) -> tuple[int, int]:
        """Make a store like this one in the new folder, of links to its files; its offset and its log time."""
        with self._lock:
            Snapshot(self._db).create_checkpoint(str(folder))
            return self.next_offset, self.logged_at

    def check(self, end: int) -> None:
        """StateAhead where the state knows more than the log holds."""
        if self.next_offset > end:
            raise StateAhead(
                f"{self.path}: the state is at offset {self.next_offset}, its log ends at {end}; the log was restored"
                f" from an older copy. Remove {self.path} to fold it anew"
            )

    def close(self) -> None:
        """Flush and release the folder. Idempotent."""
        with self._lock:
            if not self.is_closed:
                self.is_closed = True
                self._db.close()


def saved_offset(path: Path) -> int:
    """The next offset that was last committed, also while another process owns the store; 0 where there is none."""
    if not path.is_dir():
        return 0
    db = Rdict(str(path), Options(raw_mode=True), access_type=AccessType.read_only())
    try:
        raw = db.get(_META)
        return _decode(raw).next_offset if raw is not None else 0
    finally:
        db.close()


def _options() -> Options:
    options = Options(raw_mode=True)
    options.create_if_missing(True)
    options.set_write_buffer_size(64 << 20)
    options.set_max_background_jobs(1)
    return options
