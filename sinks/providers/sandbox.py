"""The sandbox: a provider without a network that keeps what it accepted and answers as contacts do.

Its file is its own: `accepted` is its side's list of messages, the judge of what delivery did; `pending` are the
outcomes that are still to happen. Both are durable before a message counts as accepted.
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from connectors.log_clock import boot_ms
from flows.delivery.origin import Origin
from flows.delivery.outcomes import Outcome, ProviderEvent
from flows.delivery.provider import LATE, Absent, Accepted, Found, Message, Refused, Result, Unknown, is_late
from flows.delivery.together import Together
from schemas.ids import uuid5
from sinks.providers.sandbox_contacts import Rates, answers, engagement

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS accepted (
    seq INTEGER PRIMARY KEY, send TEXT NOT NULL, at INTEGER NOT NULL, channel TEXT NOT NULL, recipient TEXT NOT NULL,
    subject TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS accepted_send ON accepted (send);
CREATE TABLE IF NOT EXISTS pending (id TEXT PRIMARY KEY, due INTEGER NOT NULL, reported BLOB NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS pending_due ON pending (due);
"""


class _Reported(msgspec.Struct, array_like=True, gc=False):
    outcome: Outcome
    origin: Origin
    address: str
    url: str
    permanent: bool


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Reported).decode


class Due(NamedTuple):
    """An outcome whose time has come, as the sandbox would call a webhook with it."""

    id: str
    reported: ProviderEvent


class Sandbox:
    """Accepts everything but addresses of the domain `invalid` (RFC 2606), which it refuses as a provider would."""

    name = "sandbox"

    def __init__(
        self,
        path: Path,
        rates: Rates = Rates(),  # noqa: B008 - immutable
        scale: float = 1.0,
        keen: Callable[[str], float] = engagement,
    ):
        path.parent.mkdir(parents=True, exist_ok=True)
        self._rates, self._scale, self._keen = rates, scale, keen
        self._lock = threading.Lock()
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=30)
        self._db.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;")
        self._db.executescript(_SCHEMA)
        self._together: Together[Message, Result] = Together(self._accept, "sandbox")

    async def send(self, message: Message) -> Result:
        """Durably accepted when it returns; messages that come at once share a commit."""
        if message.to.rpartition("@")[2].endswith("invalid"):
            return Refused("550 5.1.2 there is no such domain", "address")
        return await self._together.do(message)

    async def find(self, send_id: str) -> Found:
        """Whether it has the send: its list is complete, so what is not on it was never accepted."""
        try:
            with self._lock:
                row = self._db.execute("SELECT seq FROM accepted WHERE send = ?", (send_id,)).fetchone()
        except sqlite3.Error as fault:
            return Unknown(f"the sandbox's file cannot be read: {fault}")
        return Accepted(f"sandbox-{row[0]}") if row else Absent()

    def _accept(self, messages: Sequence[Message]) -> Sequence[Result]:
        if is_late(min(m.not_after for m in messages), boot_ms()):
            return [LATE] * len(messages)
        now = time.time_ns() // 1_000_000
        rows = [(m.origin.send, now, m.origin.channel, m.to, m.subject) for m in messages]
        pending = [row for m in messages for row in self._pending(m, now)]
        try:
            with self._lock, _Transaction(self._db):
                last = self._db.execute("SELECT coalesce(max(seq), 0) FROM accepted").fetchone()[0]
                self._db.executemany(
                    "INSERT INTO accepted (send, at, channel, recipient, subject) VALUES (?, ?, ?, ?, ?)", rows
                )
                self._db.executemany("INSERT OR IGNORE INTO pending VALUES (?, ?, ?)", pending)
        except sqlite3.Error as fault:
            return [Unknown(f"the sandbox's file cannot be written: {fault}")] * len(messages)
        return [Accepted(f"sandbox-{last + i}") for i in range(1, len(messages) + 1)]

    def _pending(self, message: Message, now: int) -> list[tuple[str, int, bytes]]:
        origin = message.origin
        return [
            (
                uuid5("sandbox", origin.send, a.outcome),
                now + a.after_ms,
                _encode(_Reported(a.outcome, origin, message.to, a.url, a.permanent)),
            )
            for a in answers(message, self._rates, self._scale, self._keen)
        ]

    def due(self, now: int, limit: int = 500) -> list[Due]:
        """Outcomes whose time has come, oldest first; each is handed out until it is `told`."""
        with self._lock:
            rows = self._db.execute(
                "SELECT id, due, reported FROM pending WHERE due <= ? ORDER BY due LIMIT ?", (now, limit)
            ).fetchall()
        return [Due(id, _event(id, due, _decode(reported))) for id, due, reported in rows]

    def told(self, outcomes: Sequence[Due]) -> None:
        """They are on the log: forget them."""
        with self._lock, _Transaction(self._db):
            self._db.executemany("DELETE FROM pending WHERE id = ?", [(o.id,) for o in outcomes])

    async def close(self) -> None:
        """Write what is under way, and close the file."""
        self._together.close()
        await asyncio.to_thread(self._close)

    def _close(self) -> None:
        with self._lock:  # a thread whose task was cancelled still uses it: SQLite would crash under it
            self._db.close()


def _event(id: str, due: int, r: _Reported) -> ProviderEvent:
    return ProviderEvent(r.outcome, id, due, r.origin, address=r.address, url=r.url, permanent=r.permanent)


class _Transaction:
    def __init__(self, db: sqlite3.Connection):
        self._db = db

    def __enter__(self) -> None:
        self._db.execute("BEGIN IMMEDIATE")

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._db.execute("COMMIT" if kind is None else "ROLLBACK")
