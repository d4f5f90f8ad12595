"""Ids that come from causes: the same cause gives the same id, on every replay and every machine."""

from __future__ import annotations

from hashlib import blake2b, sha1, sha256
from typing import Final
from uuid import UUID

NAMESPACE: Final = UUID("6a1de5a8-2f0b-5d0e-9c39-77617877696e")  # ends in "waxwin": ours, and constant for ever
_PREFIX: Final = sha1(NAMESPACE.bytes, usedforsecurity=False)
_VARIANT: Final = {digit: "89ab"[int(digit, 16) & 3] for digit in "0123456789abcdef"}  # its two highest bits are 10
_SEPARATOR: Final = "\x1f"  # no part of a cause holds a unit separator, so that ("a", "bc") differs from ("ab", "c")


def uuid5(*cause: str | int) -> str:
    """The UUID of a cause: equal to `uuid.uuid5(NAMESPACE, "\\x1f".join(cause))`, without its detour through objects.

    RFC 9562 §5.5, https://www.rfc-editor.org/rfc/rfc9562#name-uuid-version-5

    >>> uuid5("send", "welcome", 1) == uuid5("send", "welcome", 1)
    True
    """
    return uuid5_of(_SEPARATOR.join(map(str, cause)))


def uuid5_of(cause: str) -> str:
    """The same of a cause that is put together already, its parts between unit separators: for the hot path."""
    h = _PREFIX.copy()
    h.update(cause.encode())
    x = h.hexdigest()
    return f"{x[:8]}-{x[8:12]}-5{x[13:16]}-{_VARIANT[x[16]]}{x[17:20]}-{x[20:32]}"


def bucket(salt: str, contact: str) -> float:
    """The contact's place in [0, 100) for this salt: uniform, stable, independent between salts.

    The first 8 bytes (big-endian) of BLAKE2b-64 of `salt \\x1f contact`, over 2^64, times 100; in SQL it is
    computed once per contact by the same function, never re-implemented.
    """
    digest = blake2b(f"{salt}{_SEPARATOR}{contact}".encode(), digest_size=8).digest()
    # 53 bits, so that the float is exact and stays below 100
    return (int.from_bytes(digest, "big") >> 11) * (100.0 / (1 << 53))


def address_hash(address: str) -> str:
    """SHA-256, hex, of an address trimmed and in lower case: how suppression lists name an address."""
    return sha256(address.strip().lower().encode()).hexdigest()


def content_hash(data: bytes) -> str:
    """SHA-256, hex: the name of an immutable file."""
    return sha256(data).hexdigest()
