"""Whether a campaign has gone wrong so far that it has to stop. Pure."""

from __future__ import annotations

from typing import NamedTuple

from schemas.definitions.campaign import Limits


class Counts(NamedTuple):
    """Messages since a launch last began to run: ended ones, and of these errors (refused, bounced, no telling) and
    complaints."""

    ended: int
    errors: int
    complaints: int


def exceeded(limits: Limits | None, counts: Counts) -> str:
    """Why to pause; empty where all is well.

    >>> exceeded(Limits(errors=5), Counts(200, 10, 0))
    'errors: 10 of 200 messages, 5%, reach the limit of 5%'
    >>> exceeded(Limits(errors=5), Counts(99, 99, 0))
    ''
    """
    if limits is None or counts.ended < limits.after:
        return ""
    for what, count, limit in (
        ("complaints", counts.complaints, limits.complaints),
        ("errors", counts.errors, limits.errors),
    ):
        share = 100 * count / counts.ended
        if limit is not None and share >= limit:
            return f"{what}: {count} of {counts.ended} messages, {share:.3g}%, reach the limit of {limit:g}%"
    return ""
