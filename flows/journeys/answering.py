"""How contacts answer the messages of a simulation: by given rates, decided by hashes, the same every time.

What is hashed is run, node and instant: two versions that are compared meet the same chance where they send alike.

    send ──▶ sent, 1 s later ──▶ delivered, 1 s later ──▶ opened ──▶ clicked

Whoever clicks has opened. Delays after delivery are exponential, as people's reaction times roughly are: three hours to
an open, two minutes from there to a click, in the mean.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import log1p
from typing import Final, NamedTuple

from flows.contact.replay import Line
from flows.delivery.origin import origin_of
from flows.delivery.outcomes import Outcome, ProviderEvent, end_entries, event_entries
from schemas.ids import bucket
from schemas.records import Entry, Send, decode_event
from schemas.times import HOUR, MINUTE, SECOND
from schemas.topics import EVENTS

PROVIDER: Final = "simulation"
_OPENS: Final = 3 * HOUR
_CLICKS: Final = 2 * MINUTE


class Rates(NamedTuple):
    """Shares (0..1): delivered of those sent, opened and clicked of those delivered."""

    delivered: float = 1.0
    opened: float = 0.0
    clicked: float = 0.0


class Answers:
    """`rates` by `channel/template`, else by channel, else nobody does anything but receive it."""

    def __init__(self, rates: Mapping[str, Rates]):
        self._rates = rates

    def rates_of(self, send: Send) -> Rates:
        """Those of its template, else of its channel."""
        return self._rates.get(f"{send.channel}/{send.template}") or self._rates.get(send.channel) or Rates()

    def lines(self, send: Send) -> Iterator[Line]:
        """Everything that becomes of the message, in order."""
        rates, origin, at = self.rates_of(send), origin_of(send, PROVIDER), send.at + SECOND
        yield from _lines(at, end_entries(send, origin, 1, "accepted", at))
        chance = f"{send.run}/{send.node}/{send.at}" if send.run else send.id
        outcomes: list[Outcome] = []
        if _share("delivered", chance) < rates.delivered:
            outcomes.append("delivered")
            place = _share("opened", chance)  # one place for both, so that whoever clicks has opened
            if place < max(rates.opened, rates.clicked):
                outcomes.append("opened")
            if place < rates.clicked:
                outcomes.append("clicked")
        for outcome in outcomes:
            at += _delay(outcome, chance)
            yield from _lines(at, event_entries(ProviderEvent(outcome, send.id, at, origin), at))


def _lines(at: int, entries: list[Entry]) -> Iterator[Line]:
    yield from (Line(at, entry.key, decode_event(entry.value)) for entry in entries if entry.topic == EVENTS)


def _delay(outcome: Outcome, chance: str) -> int:
    mean = {"opened": _OPENS, "clicked": _CLICKS}.get(outcome)
    return SECOND if mean is None else SECOND + round(-mean * log1p(-_share(f"{outcome} after", chance)))


def _share(salt: str, chance: str) -> float:
    return bucket(f"answer:{salt}", chance) / 100
