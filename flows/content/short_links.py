"""Short tracked links for text messages, where each character counts: about 20 after the host and `/s/`.

A code is base64url of the MessagePack array `[partition, offset, number]`, the place of the send in the log and which
of its links, followed by 8 bytes of HMAC-SHA256 over it. It holds no target: who follows it is led to the link of that
number in the message, made again from the send, so there is no way to redirect elsewhere.
"""

from __future__ import annotations

import hmac
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from collections.abc import Mapping
from hashlib import sha256
from typing import Final, NamedTuple

import msgspec

from flows.content.links import BadToken, Links

_MAC: Final = 8
_PURPOSE: Final = b"short:"  # no other signature made with the key begins so
_LONGEST: Final = 64
_URL: Final = re.compile(r"https?://[^\s<>\"]*[^\s<>\".,;:!?)\]'»]")


class Short(NamedTuple):
    """Link `number` (from 0) of the send at a place in the log."""

    partition: int
    offset: int
    number: int


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Short).decode


def code_of(key: bytes, short: Short) -> str:
    """The code as it stands in the link."""
    payload = _encode(short)
    return urlsafe_b64encode(payload + _mac(key, payload)).rstrip(b"=").decode()


def read_code(key: bytes, code: str) -> Short:
    """What a code says; BadToken for anything that `code_of` did not write with this key."""
    if len(code) > _LONGEST:
        raise BadToken("this link is too long to be one of ours")
    try:
        raw = urlsafe_b64decode(code + "=" * (-len(code) % 4))
    except (Base64Error, ValueError):
        raise BadToken("this link is damaged") from None
    payload, mac = raw[:-_MAC], raw[-_MAC:]
    if not hmac.compare_digest(mac, _mac(key, payload)):
        raise BadToken("this link was not made here, or was altered")
    return _decode(payload)


def _mac(key: bytes, payload: bytes) -> bytes:
    return hmac.digest(key, _PURPOSE + payload, sha256)[:_MAC]


def targets(text: str, links: Links, utm: Mapping[str, str]) -> list[str]:
    """Where the links of a text lead, in their order, each once; our own are left out."""
    found = (links.target(url, utm) for url in _URL.findall(text) if not links.is_own(url))
    return list(dict.fromkeys(found))


def shorten(text: str, links: Links, utm: Mapping[str, str]) -> tuple[str, tuple[str, ...]]:
    """The text with short links in place of its own, and where they lead."""
    there = targets(text, links, utm)
    partition, _, offset = (links.place or "0:0").partition(":")

    def short(found: re.Match[str]) -> str:
        if links.is_own(found[0]):
            return found[0]
        number = there.index(links.target(found[0], utm))
        return f"{links.base_url}/s/{code_of(links.key, Short(int(partition), int(offset), number))}"

    return _URL.sub(short, text), tuple(there)
