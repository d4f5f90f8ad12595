"""The state of a contact's journeys: the runs that last, what re-entry must remember, the triggers that wait."""

from __future__ import annotations

from typing import Any

import msgspec

from flows.contact.section import Section
from flows.contact.view import MISSING
from flows.segments.leafset import LeafStates
from flows.segments.where import look_up
from schemas.records import Event


class Move(msgspec.Struct, array_like=True, gc=False):
    """A migration that moved a run from `node`, where it was `since`, to node `to`, whose `visit` that was."""

    migration: str
    node: str
    since: int
    to: str
    visit: int


class Run(msgspec.Struct, array_like=True, gc=False):
    """One run, from its entry to its end.

    `entry` is the entry key as text (`key_text`), empty where the journey has none. `entered` and `since` are when it
    entered the journey and its present node, `due` when it is woken there at the latest. `visits` counts how often it
    came to each node, `opened` is what it keeps of the event that opened it, `leaves` the state of the conditions that
    look at this run alone, `variant` the arm of the last split that it passed, `moves` the
    migrations that brought it to its version and can be taken back.
    `held` is true for what is no run: a contact that a holdout kept out, watched for the goal alone. `earlier`:
    (contact, id) of the runs that it goes on from, of contacts that were merged into its own.
    """

    id: str
    journey: str
    version: int
    entry: str
    entered: int
    node: str
    since: int
    due: int | None = None
    visits: dict[str, int] = {}
    opened: dict[str, Any] = {}
    leaves: LeafStates | None = None
    variant: str = ""
    held: bool = False
    moves: list[Move] = []
    earlier: list[tuple[str, str]] = []


class Journeys(msgspec.Struct, array_like=True, gc=False):
    """`runs` in the order of their entries. `past`: journey -> entry key -> last entry and last end (0: none yet).

    `armed`: trigger (journey/node) -> the instant at which it fires by itself. `ended`: runs that ended before their
    goal was reached, and who was held out; `due` is the end of the goal's window. `arms`: split (journey/node) whose
    shares may move -> the arm that the contact took.
    """

    runs: list[Run] = []
    past: dict[str, dict[str, tuple[int, int]]] = {}
    armed: dict[str, int] = {}
    ended: list[Run] = []
    arms: dict[str, str] = {}


SECTION = Section(5, "journeys", Journeys)

_encode = msgspec.json.Encoder(order="deterministic").encode
_decode = msgspec.json.Decoder().decode


def key_text(value: Any) -> str | None:
    """An entry key as text, one text a value: a string stands as it is unless it would read as other JSON.

    None for what is no key: missing, an object or a list.

    >>> key_text("a1"), key_text(10), key_text("10")
    ('a1', '10', '"10"')
    """
    if isinstance(value, str):
        return value if read_key(value) is value else _encode(value).decode()
    if value is MISSING or value is None or isinstance(value, dict | list):
        return None
    return _encode(value).decode()


def read_key(text: str) -> Any:
    """The value that `key_text` made the text of."""
    try:
        return _decode(text)
    except msgspec.DecodeError:
        return text


def opened_value(run: Run, path: str) -> Any:
    """The value at `properties.…`, `traits.…` or `context.…` of the event that opened the run, or MISSING."""
    return look_up(run.opened, path.split("."))


def event_value(event: Event, path: str) -> Any:
    """The value of an event at such a path."""
    root, *rest = path.split(".")
    return look_up(getattr(event, root), rest)
