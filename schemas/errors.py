"""The exceptions of Waxwing, one tree.

    WaxwingError
    ├── TransientError            try again: the same call may succeed later
    │   └── LogUnavailable        the log did not answer, or did not acknowledge
    └── TerminalError             the same call fails for ever
        ├── InvalidInput          a person's or a caller's input; carries every violation with its place
        ├── UnreadableRecord      bytes that no schema here reads; they go to `dead_letters`, whole
        ├── VersionTaken          another editor published this version first
        ├── Refusal               what is asked does not fit how things stand; says why
        ├── Fenced                another owner has taken this partition
        └── StateAhead            a state store and its log do not fit together

Messages name what, where (topic, partition, offset, key; or file, line, path) and what would be right.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


class WaxwingError(Exception):
    """The root: catch this to catch everything that Waxwing raises on purpose."""


class TransientError(WaxwingError):
    """The same call may succeed later."""


class LogUnavailable(TransientError):
    """The log did not answer, or did not acknowledge."""


class TerminalError(WaxwingError):
    """The same call fails for ever."""


@dataclass(frozen=True, slots=True)
class Violation:
    """One fault of an input: where it stands (`where.and.0.op`) and what would be right."""

    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}" if self.path else self.message


class InvalidInput(TerminalError):
    """An input with faults, all of them: `violations` is never empty."""

    def __init__(self, what: str, violations: Sequence[Violation]):
        self.what = what
        self.violations = tuple(violations)
        super().__init__(f"{what}: " + "; ".join(str(v) for v in self.violations))


class UnreadableRecord(TerminalError):
    """Bytes that no schema reads."""


class VersionTaken(TerminalError):
    """A version of a definition that somebody else wrote first."""


class Refusal(TerminalError):
    """What is asked does not fit how things stand. Its message says why, and what would have to be otherwise."""


class Fenced(TerminalError):
    """Another owner has taken this partition; nothing more may be committed for it here."""


class LogDamaged(TerminalError):
    """The log does not hold any more what was written to it."""


class StateAhead(TerminalError):
    """A state store that names an offset past its log's end: the log was restored from an older copy."""
