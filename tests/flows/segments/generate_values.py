"""Random instants and values, from a seed, out of small vocabularies so that things meet."""

from __future__ import annotations

from random import Random
from typing import Any

from schemas.times import DAY, HOUR, MINUTE, format_duration, format_instant, parse_instant

JSON = Any

CENTRES = (
    "2026-03-29T01:00:00Z",  # Europe springs forward
    "2026-10-25T01:00:00Z",  # and falls back
    "2026-03-08T07:00:00Z",  # New York
    "2026-04-04T15:00:00Z",  # Lord Howe, by half an hour
    "2024-02-29T12:00:00Z",
    "2025-02-28T23:30:00Z",
    "2026-01-01T00:00:00Z",
)
ZONES = (
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "Asia/Kathmandu",
    "Pacific/Apia",
    "UTC",
    "Mars/One",
)
STEP = 12 * HOUR  # instants and durations are whole steps, so that they meet
DURATIONS = (STEP, DAY, 2 * DAY, 4 * DAY, 7 * DAY)
DAYS = 14  # of a history
EVENTS = ("order_completed", "order_completed", "login", "login", "TEST_a", "TEST_b", "page")
WORDS = ("gold", "silver", "", "Gold rush", "10", "é", "É", "true")
NUMBERS = (0, 1, 2, 10, -3, 2.5, 0.25, 100, 9007199254740993, 9007199254740992, 1e16, 0.1, 0.2, 0.3)
PATHS = (
    "plan",
    "age",
    "address.city",
    "address",
    "address.city.name",
    "tags",
    "flag",
    "first name",
    "$x",
    "account.plan",
    "account.id",
    "account",
)
DATES = ("birthday", "renewal")
PROPERTIES = ("total", "sku", "nested.value", "paid", "when", "$amount")
CHANNELS = ("email", "sms", "push", "webhook")
OUTCOMES = ("sent", "opened", "clicked", "bounced")
ADDRESSES = ("a@example.com", " A@Example.com ", "b@example.com", "")
NUMERIC = ("eq", "ne", "in", "not_in", "gt", "gte", "lt", "lte", "between")
ANY_OP = (*NUMERIC, "contains", "not_contains", "starts_with", "ends_with", "matches", "exists", "missing")
DATE_OPS = ("before", "after", "within_last", "within_next", "anniversary", "exists", "missing", "eq")
ANONYMOUS = ("anon0", "anon1", "anon2")
EARLIER = ("old0", "old1")  # ids of users that an alias may make a part of another
SEGMENTS = ("static", "simple", "nested")
WORLD_ZONE = "Europe/Berlin"
TOPICS = {("email", "news"): "subscribed", ("email", "offers"): "unsubscribed"}


class Values:
    """`centre` is the instant around which everything lies."""

    def __init__(self, seed: int):
        self.random = Random(seed)
        self.centre = parse_instant(self.random.choice(CENTRES))
        self.contacts = [f"c{i}" for i in range(6)]

    def instant(self) -> int:
        """An instant in the weeks before the centre, or shortly after; most of them whole steps from it."""
        r = self.random
        kind = r.random()
        if kind < 0.6:
            return self.centre + r.randint(-DAYS * DAY // STEP, 4) * STEP
        if kind < 0.75:
            return self.centre + r.randint(-DAYS * 96, 96) * 15 * MINUTE
        return self.centre + r.randint(-DAYS * DAY, DAY)

    def duration(self) -> str:
        """A duration of the few that instants lie apart."""
        return format_duration(self.random.choice(DURATIONS))

    def moment(self) -> str:
        """A date or time as people write it: with or without a time, an offset, a fraction; or no time at all."""
        r = self.random
        text = format_instant(self.instant())
        form = r.randrange(7)
        if form == 0:
            return text[:10]
        if form == 1:
            return text[:16]
        if form == 2:
            return text[:19].replace("T", " ") + r.choice(("+02:00", "-0530", "+14", "-23:59"))
        if form == 3:
            return text[:-1]  # local to the contact
        if form == 4:
            return f"{r.randint(1, 9999):04}{r.choice(('-02-29', '-02-28', '-03-29', '-12-31', '-10-25'))}"
        if form == 5:
            return r.choice(("2026-02-30", "soon", "2026-13-01T00:00:00Z", "2026-03-29T25:00", "2026-3-1"))
        return text

    def scalar(self) -> JSON:
        """A string, number or boolean."""
        r = self.random
        return r.choice((r.choice(WORDS), r.choice(NUMBERS), r.choice(NUMBERS), r.random() < 0.5))

    def value(self) -> JSON:
        """What a trait or property may hold."""
        r = self.random
        kind = r.random()
        if kind < 0.75:
            return self.scalar()
        if kind < 0.85:
            return [self.scalar() for _ in range(r.randint(0, 3))]
        return None if kind < 0.93 else self.moment()
