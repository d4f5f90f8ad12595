"""Examples of a made-up audience: each has a rate of their own at which they open; the past shows in the features."""

from __future__ import annotations

import random

from flows.scoring.features import Features, observe, vector
from schemas.records import Example
from schemas.times import DAY, MINUTE


def examples(n: int, seed: int = 1, people: int = 300) -> list[Example]:
    dice = random.Random(seed)
    audience = [(f"p{i}", Features(), dice.betavariate(0.8, 2.0)) for i in range(people)]
    found = []
    for i in range(n):
        contact, features, rate = dice.choice(audience)
        at = 1_700_000_000_000 + i * 10 * MINUTE
        x, opened = vector(features, at), dice.random() < rate
        observe(features, "sent", at)
        if opened:
            observe(features, "opened", at + MINUTE)
        if opened and dice.random() < 0.3:
            observe(features, "clicked", at + MINUTE)
        found.append(Example(f"x{i}", "engagement", contact, at, x, int(opened), at + 3 * DAY))
    return found
