"""How the sandbox's contacts answer a message: pure, decided by hashes of send and contact, the same every time.

Some contacts are keen and most are not: `engagement` is a contact's own, hidden rate, spread like 2 x (1 - sqrt(1 - u))
over [0, 2) with mean 2/3, by which the rates of opening are multiplied. So there is something to learn.
"""

from __future__ import annotations

from collections.abc import Callable
from math import log1p, sqrt
from typing import NamedTuple

from flows.delivery.outcomes import Outcome
from flows.delivery.provider import Message
from schemas.ids import bucket

SECOND = 1_000


class Rates(NamedTuple):
    """Shares of messages. Opens are of the delivered (times engagement), clicks and replies of the opened."""

    bounced: float = 0.015
    opened: float = 0.55
    clicked: float = 0.3
    replied: float = 0.03
    complained: float = 0.002
    unsubscribed: float = 0.01


class Answer(NamedTuple):
    """What a contact does `after_ms` from acceptance."""

    outcome: Outcome
    after_ms: int
    url: str = ""
    permanent: bool = False


def engagement(contact: str) -> float:
    """The contact's hidden rate in [0, 2).

    >>> 0 <= engagement("ann") < 2
    True
    """
    return 2 * (1 - sqrt(1 - _share("engagement", contact)))


def answers(
    message: Message, rates: Rates, scale: float = 1.0, keen: Callable[[str], float] = engagement
) -> list[Answer]:
    """Everything that comes of the message, in order. `scale` stretches the times: 1 is a minute's demonstration."""
    send, found = message.origin.send, list[Answer]()

    def after(salt: str, mean_s: float, least_s: float) -> int:
        """Exponential, as people's reaction times roughly are."""
        return round((least_s - mean_s * log1p(-_share(salt, send))) * SECOND * scale)

    def happens(salt: str, rate: float) -> bool:
        return _share(salt, send) < rate

    at = after("delivered", 0.2, 0.1)
    if happens("bounced", rates.bounced):
        return [Answer("bounced", at, permanent=_share("permanent", send) < 0.7)]
    found.append(Answer("delivered", at))
    if not happens("opened", min(0.95, rates.opened * keen(message.origin.contact))):
        return found
    at += after("open after", 6, 1.5)
    found.append(Answer("opened", at))
    if happens("clicked", rates.clicked):
        links = message.links or ("",)
        url = links[int(_share("link", send) * len(links))]
        found.append(Answer("clicked", at + after("click after", 3, 0.5), url))
    if happens("replied", rates.replied):
        found.append(Answer("replied", at + after("reply after", 10, 3)))
    if happens("complained", rates.complained):
        found.append(Answer("complained", at + after("complaint after", 5, 1)))
    elif happens("unsubscribed", rates.unsubscribed):
        found.append(Answer("unsubscribed", at + after("unsubscribe after", 5, 1)))
    return found


def _share(salt: str, of: str) -> float:
    return bucket(f"sandbox:{salt}", of) / 100
