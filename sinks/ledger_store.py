"""The ledger of one partition, kept: where each send ever stood, in RocksDB, one folder a partition, one owner.

It is a fold of `attempts`, so it may lag behind the log and is caught up at start; it never leads, because what it is
told is on the log already.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final
from uuid import UUID

import msgspec
from rocksdict import Options, Rdict, WriteBatch

from flows.delivery.ledger import NEVER, Standing, fold
from schemas.errors import Fenced, StateAhead
from schemas.records import Attempt

_NEXT: Final = b"\x00next"  # no send id is so short
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Standing).decode


class LedgerStore:
    """Fenced where another process has the folder open."""

    def __init__(self, path: Path):
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        options = Options(raw_mode=True)
        options.create_if_missing(True)
        options.set_max_background_jobs(1)
        try:
            self._db = Rdict(str(path), options)
        except Exception as fault:
            raise Fenced(f"{path}: in use by another process, or no ledger: {fault}") from fault
        raw = self._db.get(_NEXT)
        self.next_offset = int.from_bytes(raw, "big") if raw else 0

    def get(self, send: str) -> Standing:
        """Where the send stands."""
        raw = self._db.get(_key(send))
        return _decode(raw) if raw else NEVER

    def apply(self, attempts: Iterable[Attempt], next_offset: int) -> None:
        """Fold records of `attempts` in their order; `next_offset` is the one after the last of them."""
        changed: dict[bytes, Standing] = {}
        for attempt in attempts:
            key = _key(attempt.send)
            changed[key] = fold(changed.get(key) or self.get(attempt.send), attempt)
        batch = WriteBatch(raw_mode=True)
        for key, standing in changed.items():
            batch.put(key, _encode(standing))
        batch.put(_NEXT, next_offset.to_bytes(8, "big"))
        self._db.write(batch)
        self.next_offset = next_offset

    def check(self, end: int) -> None:
        """StateAhead where the ledger knows more than the log holds."""
        if self.next_offset > end:
            raise StateAhead(
                f"{self.path}: the ledger is at offset {self.next_offset} of attempts, its log ends at {end}; the log"
                f" was restored from an older copy. Remove {self.path} to fold it anew"
            )

    def close(self) -> None:
        """Flush and release the folder."""
        self._db.close()


def _key(send: str) -> bytes:
    try:
        return UUID(send).bytes
    except ValueError:  # an id that was not made here
        return send.encode()
