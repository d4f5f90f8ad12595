"""What is fetched from SNS: its certificates, and the confirmation of a subscription. Only hosts that `sns` knows."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from sinks.providers.http import Answer, Http
from sinks.providers.public import public_only

_KEPT: Final = 16
_TIMEOUT_S: Final = 5.0


class Certificates:
    """PEM files by their address, the last few of them."""

    def __init__(self) -> None:
        self._known: dict[str, bytes] = {}

    async def get(self, url: str) -> bytes:
        """The certificate; empty where it cannot be had, so that nothing fits it."""
        if url not in self._known:
            pem = await self.visit(url)
            if not pem:
                return b""
            while len(self._known) >= _KEPT:
                del self._known[next(iter(self._known))]
            self._known[url] = pem
        return self._known[url]

    async def visit(self, url: str) -> bytes:
        """GET an address of SNS; empty for anything but a 200."""
        parts = urlsplit(url)
        http = Http(f"{parts.scheme}://{parts.netloc}", _TIMEOUT_S, public_only)
        try:
            path = parts.path + (f"?{parts.query}" if parts.query else "")
            answer = await http.request("GET", path)
        finally:
            await http.close()
        return answer.body if isinstance(answer, Answer) and answer.status == 200 else b""
