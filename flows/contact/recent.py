"""The ids of a contact's last day, so that an event that comes twice counts once.

At most LIMIT ids of the last WINDOW_MS by `logged_at`, packed into bytes: 6 bytes `logged_at`, 8 bytes BLAKE2b of the
id (two different ids of one contact's day fall together once in 10^14 days). A duplicate that comes later than that is
dropped by the batch side alone, and `waxwing verify` reports it.

An event that came to two contacts who became one only later was taken by both. Counts, sums and averages of the stream
hold it twice until it leaves their window, for leaves keep instants and sums, not ids, and what was added cannot be
told from the rest; what asks for traits, the first, the last, an order, extremes or distinct values is right all the
same. To undo it, each contact would have to keep its last day's events whole, for a case that needs a sender who gives
one id to two people. The batch side and commands on files drop the later one; `waxwing verify` reports it.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Final

from schemas.times import DAY

WINDOW_MS: Final = DAY
LIMIT: Final = 512
_STAMP: Final = 6  # bytes of milliseconds: enough until the year 10889
_ENTRY: Final = _STAMP + 8
_FULL: Final = LIMIT * _ENTRY
_HASH: Final = blake2b(digest_size=8)  # of nothing: a copy of it is made faster than a new one


def remember(recent: bytes, id: str, logged_at: int) -> bytes | None:
    """The ids with this one added and what is too old dropped; None where the id is among them already."""
    hashed = _HASH.copy()
    hashed.update(id.encode())
    digest = hashed.digest()
    found = recent.find(digest)
    while found >= 0:
        if found % _ENTRY == _STAMP:
            start = found - _STAMP
            if int.from_bytes(recent[start:found], "big") > logged_at - WINDOW_MS:
                return None
        found = recent.find(digest, found + 1)
    if len(recent) >= _FULL or int.from_bytes(recent[:_STAMP], "big") <= logged_at - WINDOW_MS:
        recent = recent[_stale(recent, logged_at) :]
    return recent + (logged_at if logged_at > 0 else 0).to_bytes(_STAMP, "big") + digest


def union(a: bytes, b: bytes) -> bytes:
    """The ids of two contacts that became one, in the order of their stamps, the latest LIMIT of them."""
    entries = sorted({both[i : i + _ENTRY] for both in (a, b) for i in range(0, len(both), _ENTRY)})
    return b"".join(entries[-LIMIT:])


def _stale(recent: bytes, logged_at: int) -> int:
    """How many leading bytes are older than the window, or one too many. `logged_at` never decreases, so a prefix."""
    first = max(0, len(recent) - (LIMIT - 1) * _ENTRY)
    oldest = logged_at - WINDOW_MS
    while first < len(recent) and int.from_bytes(recent[first : first + _STAMP], "big") <= oldest:
        first += _ENTRY
    return first
