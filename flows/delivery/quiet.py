"""Quiet hours that a send came into after it was planned: it was held up, or waited for its next attempt. Pure."""

from __future__ import annotations

from schemas.records import Quiet, Send


def _now(send: Send, now: int) -> list[Quiet]:
    return [quiet for quiet in send.quiet if quiet.begins <= now < quiet.ends]


def is_quiet(send: Send, now: int) -> bool:
    """Whether it is to be skipped for that."""
    return any(quiet.skips for quiet in _now(send, now))


def quiet_for_ms(send: Send, now: int) -> int:
    """How long it has to wait; 0 where it is not quiet, or the send does not live so long or is skipped anyhow."""
    if is_quiet(send, now):
        return 0
    ends = max((quiet.ends for quiet in _now(send, now)), default=now)
    return min(ends, max(send.expires, now)) - now
