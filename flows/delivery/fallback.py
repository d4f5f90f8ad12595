"""The next channel of a send that cannot go by its own: what it needs there was planned with it. Pure."""

from __future__ import annotations

import msgspec

from schemas.records import Send


def by_channel(send: Send, channel: str) -> Send:
    """The send as it goes by a channel of its `fallback`, with those after it left to fall back to.

    One that does not have it stays as it is.
    """
    for n, other in enumerate(send.fallback):
        if other.channel == channel:
            rest = send.fallback[n + 1 :]
            return msgspec.structs.replace(
                send,
                channel=channel,
                channels=[later.channel for later in rest],
                to=other.to,
                template_version=other.template_version,
                data=other.data,
                quiet=other.quiet,
                fallback=rest,
            )
    return send
