"""The topics: their names, keys and partitions. Names are contracts (DESIGN §2)."""

from __future__ import annotations

from typing import Final, NamedTuple

CRM: Final = "crm"
EVENTS: Final = "events"
DEFINITIONS: Final = "definitions"
CHANGES: Final = "changes"
SENDS: Final = "sends"
ATTEMPTS: Final = "attempts"
EXAMPLES: Final = "examples"
CRM_COMMANDS: Final = "crm_commands"
DEAD_LETTERS: Final = "dead_letters"


class Topic(NamedTuple):
    """A topic's name, what its key is, and whether it has one partition whatever the setting says."""

    name: str
    key: str
    single: bool = False


TOPICS: Final = (
    Topic(CRM, "any"),
    Topic(EVENTS, "contact id"),
    Topic(DEFINITIONS, "kind/id", single=True),
    Topic(CHANGES, "contact id"),
    Topic(SENDS, "contact id"),
    Topic(ATTEMPTS, "contact id"),
    Topic(EXAMPLES, "model", single=True),
    Topic(CRM_COMMANDS, "contact id"),
    Topic(DEAD_LETTERS, "topic the bytes came from", single=True),
)
NAMES: Final = tuple(t.name for t in TOPICS)
