"""Signed links: open pixel, click, unsubscribe, view in browser. A token is whole in itself, so it works for ever.

A token is base64url of a MessagePack array `[purpose, origin, extra]`, followed by 16 bytes of HMAC-SHA256 over it.
The target of a click is in the signed part: there is no way to redirect elsewhere.
"""

from __future__ import annotations

import hmac
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from collections.abc import Mapping
from hashlib import sha256
from html import escape, unescape
from typing import Final, Literal, NamedTuple
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import msgspec

from flows.delivery.origin import Origin
from schemas.errors import TerminalError

Purpose = Literal["o", "c", "u", "m"]  # open, click, unsubscribe, view: the first part of the path, too
_MAC: Final = 16
_MAX_TOKEN: Final = 8_192
_HREF: Final = re.compile(r'(<a\b[^>]*?\shref\s*=\s*)(?:"([^"]*)"|\'([^\']*)\')', re.IGNORECASE)


class BadToken(TerminalError):
    """A link's token that was not made here, or was altered or cut."""


class Token(msgspec.Struct, array_like=True, frozen=True):
    """What a link says. `extra` is a click's target, or a view's place in the log (`partition:offset`).

    `at` is when the message was handed over, 0 where that is not known. Array-like: fields are appended, never moved.
    """

    purpose: Purpose
    origin: Origin
    extra: str = ""
    at: int = 0


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Token).decode


def sign(key: bytes, token: Token) -> str:
    """The token as it stands in a link."""
    payload = _encode(token)
    return urlsafe_b64encode(payload + _mac(key, payload)).rstrip(b"=").decode()


def verify(key: bytes, purpose: Purpose, text: str) -> Token:
    """The token of a link; BadToken for anything that `sign` did not write with this key and for this purpose."""
    if len(text) > _MAX_TOKEN:
        raise BadToken("this link is too long to be one of ours")
    try:
        raw = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (Base64Error, ValueError):
        raise BadToken("this link is damaged") from None
    payload, mac = raw[:-_MAC], raw[-_MAC:]
    if not hmac.compare_digest(mac, _mac(key, payload)):
        raise BadToken("this link was not made here, or was altered")
    token = _decode(payload)
    if token.purpose != purpose:
        raise BadToken("this link is meant for another purpose")
    return token


def _mac(key: bytes, payload: bytes) -> bytes:
    return hmac.digest(key, payload, sha256)[:_MAC]


class Links(NamedTuple):
    """The links of one message. `place` is the send's `partition:offset` in the log, for the view in a browser; `at`
    when it is handed over, by which visits that come too soon are told to be a machine's.
    """

    base_url: str
    key: bytes
    origin: Origin
    place: str = ""
    at: int = 0

    def url(self, purpose: Purpose, extra: str = "") -> str:
        """A link of this message."""
        return f"{self.base_url}/{purpose}/{sign(self.key, Token(purpose, self.origin, extra, self.at))}"

    @property
    def unsubscribe_url(self) -> str:
        """Where the contact unsubscribes; also the one-click address of RFC 8058."""
        return self.url("u")

    @property
    def preferences_url(self) -> str:
        """Where the contact chooses among topics."""
        return f"{self.unsubscribe_url}/preferences"

    @property
    def view_url(self) -> str:
        """The message in a browser."""
        return self.url("m", self.place)

    def track(self, html: str, utm: Mapping[str, str] | None = None) -> tuple[str, tuple[str, ...]]:
        """The HTML with tracked links and the open pixel, and the targets of its links in order, each once.

        Links that are not http(s), and our own, stay as they are. `utm` is that of the template, empty for none.
        """
        targets: dict[str, str] = {}

        def tracked(found: re.Match[str]) -> str:
            target = unescape(found[2] if found[2] is not None else found[3]).strip()
            if not target.startswith(("http://", "https://")) or self.is_own(target):
                return found[0]
            target = self.target(target, utm or {})
            if target not in targets:
                targets[target] = self.url("c", target)
            return f'{found[1]}"{targets[target]}"'

        html = _HREF.sub(tracked, html)
        pixel = f'<img src="{escape(self.url("o"))}" width="1" height="1" alt="" style="display:block">'
        end = html.lower().rfind("</body")
        at = end if end >= 0 else len(html)
        return html[:at] + pixel + html[at:], tuple(targets)

    def is_own(self, url: str) -> bool:
        """Whether the address is one of ours."""
        return url.startswith(self.base_url + "/")

    def target(self, url: str, utm: Mapping[str, str]) -> str:
        """Where a link leads: its address with the UTM parameters of the template, where it has any."""
        return with_utm(url, self._utm(utm)) if utm else url

    def _utm(self, utm: Mapping[str, str]) -> dict[str, str]:
        said = {"medium": self.origin.channel, "campaign": self.origin.campaign or self.origin.journey} | dict(utm)
        return {f"utm_{name}": value for name, value in said.items() if value}


def with_utm(url: str, tags: Mapping[str, str]) -> str:
    """The address with those of the tags that it does not have yet.

    >>> with_utm("https://a.example/x?y=1#top", {"utm_source": "spring news"})
    'https://a.example/x?y=1&utm_source=spring+news#top'
    """
    parts = urlsplit(url)
    have = {name for name, _ in parse_qsl(parts.query, keep_blank_values=True)}
    more = urlencode({name: value for name, value in tags.items() if name not in have})
    return urlunsplit(parts._replace(query="&".join(filter(None, (parts.query, more)))))
