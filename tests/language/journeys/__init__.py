"""The cases about journeys, a module each part of LANGUAGE.md."""

from tests.language.journeys import actions, ends, entries, files, localtime, waits
from tests.language.told import Told

CASES: tuple[Told, ...] = (
    *entries.CASES,
    *ends.CASES,
    *waits.CASES,
    *localtime.CASES,
    *actions.CASES,
    *files.CASES,
)
