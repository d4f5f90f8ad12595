"""Which changes of definitions every contact has to know of: so that a pass over everyone follows them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from flows.campaigns.launch import KIND as LAUNCH
from flows.definitions.catalogue import Published
from schemas.definitions.ranking import RESULT

# What is asked, what holds where nothing was said, who is held out, what is sent to whom.
_OF_JOURNEYS: Final = ("journey", "journey_migration", "campaign", LAUNCH)
NOT_OF_SEGMENTS: Final = (*_OF_JOURNEYS, "topic", "workspace", "holdout", "ranking", RESULT)
OF_EVERYONE: Final = ("segment", *NOT_OF_SEGMENTS)


def differ(
    a: Mapping[tuple[str, str], Published],
    b: Mapping[tuple[str, str], Published],
    kinds: tuple[str, ...] = OF_EVERYONE,
) -> bool:
    """Whether anything of these kinds differs between what was current and what is; for a launch's end nobody waits."""
    keys = (key for key in a.keys() | b.keys() if key[0] in kinds)
    return any(a.get(key) != b.get(key) for key in keys if key[0] != LAUNCH or key in b)
