"""The stories about conditions, a module each part of LANGUAGE.md."""

from tests.language.segments import audience, comparisons, dates, events, identity, messages, traits, windows
from tests.language.story import Refused, Story

STORIES: tuple[Story, ...] = (
    *identity.STORIES,
    *traits.STORIES,
    *comparisons.STORIES,
    *dates.STORIES,
    *windows.STORIES,
    *events.STORIES,
    *messages.STORIES,
    *audience.STORIES,
)
REFUSED: tuple[Refused, ...] = (*comparisons.REFUSED, *dates.REFUSED, *windows.REFUSED)
