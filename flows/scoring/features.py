"""What is known of a contact's engagement, kept incrementally: feature set 1, its state and its vector.

Counts decay: an event that is one half-life old counts half. The state is (value, stamp); an event at `t` is folded by

    t > stamp:   value := value · 2^-((t - stamp) / H) + 1,  stamp := t
    otherwise:   value := value + 2^-((stamp - t) / H)

so value = Σ 2^-((stamp - tᵢ) / H) whatever the order, and the log's order fixes the last bit
(forward decay, https://doi.org/10.1109/ICDE.2009.65, with the landmark at the newest event).
"""

from __future__ import annotations

from math import log1p
from typing import Final, Literal, assert_never

import msgspec

from flows.contact.section import Section
from flows.scoring import send_time
from schemas.definitions.model import FEATURE_SETS
from schemas.times import DAY, MINUTE

FEATURE_SET: Final = 1
NAMES: Final = FEATURE_SETS[FEATURE_SET]
HALF_LIFE: Final = 30 * DAY
VISIT_GAP: Final = 30 * MINUTE  # a page or screen that comes later than this after the last one begins a visit
# What a contact of whom nothing is known is taken for: so many messages, opened and clicked at the usual rates.
_PRIOR_SENT: Final = 5.0
_PRIOR_OPENED: Final = 1.0
_PRIOR_CLICKED: Final = 0.15
_NO_PENDING: Final = msgspec.Raw(b"\x90")

Fact = Literal["sent", "delivered", "opened", "clicked", "visited", "ordered"]


class Features(msgspec.Struct, array_like=True, gc=False):
    """A contact's engagement.

    `sent` to `visited` are decayed counts as of `stamp`; `sends` and `orders` count since ever; `unanswered` counts
    the sends since the last open or click; `last_…` are instants, 0: never. `scores` holds each model's last score.
    `pending` are the decisions that wait for their label (`flows.scoring.pending`), encoded: few records need them.
    `hours`: local hour -> opens and clicks (`flows.scoring.send_time`).
    """

    stamp: int = 0
    sent: float = 0.0
    delivered: float = 0.0
    opened: float = 0.0
    clicked: float = 0.0
    visited: float = 0.0
    sends: int = 0
    unanswered: int = 0
    orders: int = 0
    last_open: int = 0
    last_click: int = 0
    last_visit: int = 0
    last_order: int = 0
    scores: dict[str, float] = {}
    pending: msgspec.Raw = _NO_PENDING
    hours: dict[int, int] = {}


SECTION: Final = Section(3, "features", Features)


def observe(f: Features, fact: Fact, at: int) -> bool:
    """Fold one fact; False where it changed no feature (a further page of the same visit)."""
    if fact == "visited" and not _begins_visit(f, at):
        return False
    weight = _weight(f, at)  # first: it moves the counts on to the new stamp
    match fact:
        case "visited":
            f.visited += weight
        case "sent":
            f.sent += weight
            f.sends += 1
            f.unanswered += 1
        case "delivered":
            f.delivered += weight
        case "opened":
            f.opened += weight
            f.unanswered, f.last_open = 0, max(f.last_open, at)
        case "clicked":
            f.clicked += weight
            f.unanswered, f.last_click = 0, max(f.last_click, at)
        case "ordered":
            f.orders += 1
            f.last_order = max(f.last_order, at)
        case _:
            assert_never(fact)
    return True


def _begins_visit(f: Features, at: int) -> bool:
    since, f.last_visit = at - f.last_visit, max(f.last_visit, at)
    return not -VISIT_GAP < since < VISIT_GAP


def _weight(f: Features, at: int) -> float:
    """What an event at `at` counts as of the stamp, after moving the stamp on to it where it is newer."""
    if at <= f.stamp:
        return _decay(f.stamp - at)
    k = _decay(at - f.stamp)
    f.sent *= k
    f.delivered *= k
    f.opened *= k
    f.clicked *= k
    f.visited *= k
    f.stamp = at
    return 1.0


def _decay(age: int) -> float:
    return float(2.0 ** (-age / HALF_LIFE))


def merge(own: Features, other: Features) -> None:
    """Add what was known of a contact that became a part of this one: counts add up, of instants the later stands.

    `unanswered` is a sum too: which of them lie before the other's last answer is not kept.
    """
    stamp = max(own.stamp, other.stamp)
    mine, theirs = _decay(stamp - own.stamp), _decay(stamp - other.stamp)
    for name in ("sent", "delivered", "opened", "clicked", "visited"):
        setattr(own, name, getattr(own, name) * mine + getattr(other, name) * theirs)
    for name in ("sends", "unanswered", "orders"):
        setattr(own, name, getattr(own, name) + getattr(other, name))
    for name in ("last_open", "last_click", "last_visit", "last_order"):
        setattr(own, name, max(getattr(own, name), getattr(other, name)))
    own.stamp = stamp
    send_time.merge(own.hours, other.hours)


def _recency(last: int, at: int) -> float:
    """1 for now, one half after a half-life, 0 for never."""
    if last <= 0:
        return 0.0
    return float(2.0 ** ((last - at) / HALF_LIFE)) if last <= at else 1.0


def vector(f: Features, at: int) -> list[float]:
    """The features at an instant, in the order of NAMES.

    `sent delivered opened clicked visited orders unanswered` are ln(1 + count), so that the tenth open adds less than
    the first; rates are smoothed by a prior; recencies are 2^-(age / half-life).
    """
    k = _decay(at - f.stamp) if at > f.stamp else 1.0
    sent, opened, clicked = f.sent * k, f.opened * k, f.clicked * k
    messages = sent + _PRIOR_SENT
    return [
        log1p(sent),
        log1p(f.delivered * k),
        log1p(opened),
        log1p(clicked),
        log1p(f.visited * k),
        (opened + _PRIOR_OPENED) / messages,
        (clicked + _PRIOR_CLICKED) / messages,
        _recency(f.last_open, at),
        _recency(f.last_click, at),
        _recency(f.last_visit, at),
        _recency(f.last_order, at),
        log1p(f.orders),
        log1p(f.unanswered),
    ]
