"""Re-entry: whether a contact may enter a journey again, per entry key, and what must be remembered to judge it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, assert_never

from flows.journeys.run import Journeys, Run

_NEVER: Final = -1  # no entry, no end yet


@dataclass(frozen=True, slots=True)
class Reentry:
    """`gap` ms counts from the last end, with `always` from the last entry.

    What is remembered: the last entry and end of a journey without keys, for good, so that a later version with another
    rule can judge by it. Of keys only those that this rule can ask for: all with `never`, else those within the gap.
    """

    mode: Literal["never", "after_exit", "always"]
    gap: int
    keyed: bool

    def allows(self, section: Journeys, journey: str, key: str, at: int) -> bool:
        """Whether a run may begin now."""
        entered, ended = section.past.get(journey, {}).get(key, (_NEVER, _NEVER))
        lasts = any(run.journey == journey and run.entry == key for run in section.runs)
        match self.mode:
            case "never":
                return not lasts and entered == _NEVER
            case "after_exit":
                return not lasts and (ended == _NEVER or at - ended >= self.gap)
            case "always":
                return entered == _NEVER or at - entered >= self.gap
            case _:
                assert_never(self.mode)

    def note(self, section: Journeys, run: Run, ended: int = _NEVER) -> None:
        """Remember an entry, or an end."""
        past = section.past.setdefault(run.journey, {})
        latest, last_end = past.get(run.entry, (_NEVER, _NEVER))
        past[run.entry] = (
            run.entered if run.entered > latest else latest,
            ended if ended > last_end else last_end,
        )
        if not self.keyed or self.mode == "never":
            return
        kept = {key: when for key, when in past.items() if self._asks(*when, max(run.entered, ended))}
        if kept:
            section.past[run.journey] = kept
        else:
            del section.past[run.journey]

    def _asks(self, entered: int, ended: int, at: int) -> bool:
        return at - max(entered, ended) < self.gap
