"""Moments as people write them into traits and properties: ISO 8601, without a time or offset if need be."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Final

_MOMENT: Final = re.compile(
    r"(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?(Z|[+-]\d\d(?::?\d\d)?)?)?", re.ASCII
)


def read_moment(text: object) -> datetime | None:
    """An aware datetime where an offset is given, else a naive one, local to whoever reads it; None for anything else.

    A date alone is its midnight; what is finer than a millisecond is cut off.

    >>> read_moment("2026-01-31"), read_moment("2026-01-31T09:00+02:00").isoformat()
    (datetime.datetime(2026, 1, 31, 0, 0), '2026-01-31T09:00:00+02:00')
    """
    found = _MOMENT.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        return None
    day, clock, seconds, fraction, offset = found.groups()
    written = f"{day}T{clock or '00:00'}:{seconds or '00'}.{(fraction or '')[:3]:0<3}{offset or ''}"
    try:
        return datetime.fromisoformat(written)
    except ValueError:  # the 30th of February, 25 o'clock
        return None
