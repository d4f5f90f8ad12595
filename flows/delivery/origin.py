"""What an outcome says of its message: carried to the provider and in every link, and back."""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from collections.abc import Sequence
from hashlib import sha256
from typing import Final

import msgspec

from schemas.errors import UnreadableRecord
from schemas.records import Send

_CALLBACK: Final = b"callback:"  # no other signature made with the key begins so


class Origin(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """The message that a provider's event or a link belongs to. Array-like: fields are appended, never moved."""

    send: str
    contact: str
    channel: str
    campaign: str = ""
    journey: str = ""
    version: int = 0
    node: str = ""
    template: str = ""
    topic: str = "default"
    provider: str = ""
    variant: str = ""

    def properties(self) -> dict[str, str | int]:
        """The properties that every outcome event carries (see `schemas.facts`)."""
        return {
            "send": self.send,
            "campaign": self.campaign,
            "journey": self.journey,
            "version": self.version,
            "node": self.node,
            "template": self.template,
            "topic": self.topic,
            "provider": self.provider,
            "variant": self.variant,
        }


def origin_of(send: Send, provider: str) -> Origin:
    """The origin of a send that goes by this provider."""
    return Origin(
        send=send.id,
        contact=send.contact,
        channel=send.channel,
        campaign=send.campaign,
        journey=send.journey,
        version=send.version,
        node=send.node,
        template=send.template,
        topic=send.topic,
        provider=provider,
        variant=send.variant,
    )


def pack(origin: Origin, length: int, parts: int) -> list[str]:
    """The origin as metadata: letters, digits, `-` and `_`, in up to `parts` pieces of at most `length` characters.

    Where it is too long for that, only send, contact and channel go along.
    """
    text = _base64(origin)
    if len(text) > length * parts:
        text = _base64(Origin(origin.send, origin.contact, origin.channel))
    return [text[i : i + length] for i in range(0, len(text), length)]


def unpack(pieces: Sequence[str]) -> Origin:
    """What `pack` has packed; UnreadableRecord for anything else."""
    text = "".join(pieces)
    try:
        return msgspec.json.decode(urlsafe_b64decode(text + "=" * (-len(text) % 4)), type=Origin)
    except (Base64Error, ValueError) as fault:
        raise UnreadableRecord(f"the message's origin cannot be read: {fault}") from None


def seal(key: bytes, origin: Origin) -> str:
    """The origin with a signature, as it stands in the address of a callback."""
    text = _base64(origin)
    return f"{text}.{_mac(key, text)}"


def unseal(key: bytes, text: str) -> Origin:
    """What `seal` has sealed with this key; UnreadableRecord for anything else."""
    packed, _, mac = text.partition(".")
    if not hmac.compare_digest(mac.encode(), _mac(key, packed).encode()):
        raise UnreadableRecord("the message's origin was not signed here")
    return unpack([packed])


def _mac(key: bytes, text: str) -> str:
    return hmac.new(key, _CALLBACK + text.encode(), sha256).hexdigest()[:32]


def _base64(origin: Origin) -> str:
    return urlsafe_b64encode(msgspec.json.encode(origin)).rstrip(b"=").decode()
