"""How a conversion's value is divided among the messages touched before it. Credits sum to it exactly."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, assert_never

from flows.attribution.compile import Rule
from flows.attribution.touches import Touch


class Credit(NamedTuple):
    """A message's part of a conversion: minor units, and the share (0 to 1) that was meant."""

    touch: Touch
    amount_minor: int
    share: float


def credits(rule: Rule, touches: Sequence[Touch], amount_minor: int) -> list[Credit]:
    """The credits of a conversion, given its touches, oldest first; empty where there are none.

    `last_touch` and `first_touch` give all to one message; `linear` gives each message the same, however often it
    was touched, named by its last touch.
    """
    if not touches:
        return []
    match rule:
        case "last_touch":
            return [Credit(touches[-1], amount_minor, 1.0)]
        case "first_touch":
            return [Credit(touches[0], amount_minor, 1.0)]
        case "linear":
            messages = _last_of_each(touches)
            amounts = divide(amount_minor, [1] * len(messages))
            return [Credit(t, amount, 1 / len(messages)) for t, amount in zip(messages, amounts, strict=True)]
        case _:
            assert_never(rule)


def _last_of_each(touches: Sequence[Touch]) -> list[Touch]:
    """Each message's last touch, in order of that touch."""
    last: dict[str, Touch] = {}
    for touch in touches:
        last.pop(touch.message, None)
        last[touch.message] = touch
    return list(last.values())


def divide(amount: int, weights: Sequence[int]) -> list[int]:
    """Whole parts in proportion to the weights whose sum is the amount: the largest remainder method.

    Of equal remainders the earlier gets the unit. https://en.wikipedia.org/wiki/Quota_method

    >>> divide(100, [1, 1, 1])
    [34, 33, 33]
    """
    total = sum(weights)
    parts = [divmod(amount * w, total) for w in weights]
    left = amount - sum(whole for whole, _ in parts)
    by_remainder = sorted(range(len(parts)), key=lambda i: -parts[i][1])
    more = set(by_remainder[:left])
    return [whole + (i in more) for i, (whole, _) in enumerate(parts)]
