"""Random trees and random histories, from a seed: every leaf and operator, small vocabularies so that things meet.

Instants lie on edges more often than chance would have it: on a grid, a whole duration apart, at midnights, and on days
on which clocks change. Histories hold what the world sends: late, out of order, twice, at the same instant, merged.
"""

from __future__ import annotations

from collections.abc import Mapping
from random import Random
from typing import Any

from schemas.ids import address_hash
from schemas.records import Event
from schemas.times import DAY, HOUR, MINUTE, format_duration, format_instant, parse_instant
from tests.flows.segments.naive import Logged, World

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


class Generator:
    """Everything random of one round: `centre` is the instant around which its history lies."""

    def __init__(self, seed: int):
        self.random = Random(seed)
        self.centre = parse_instant(self.random.choice(CENTRES))
        self.contacts = [f"c{i}" for i in range(6)]

    # --- instants and values

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

    # --- conditions

    def comparison(self, ops: tuple[str, ...] = ANY_OP, *, relative: bool = True) -> dict[str, JSON]:
        """An operator with a value that fits it."""
        r = self.random
        op = r.choice(ops)
        match op:
            case "exists" | "missing":
                return {"op": op}
            case "gt" | "gte" | "lt" | "lte":
                return {"op": op, "value": r.choice(NUMBERS)}
            case "between":
                return {"op": op, "value": sorted(r.choices(NUMBERS, k=2))}
            case "in" | "not_in":
                return {"op": op, "value": [self.scalar() for _ in range(r.randint(1, 3))]}
            case "starts_with" | "ends_with":
                return {"op": op, "value": r.choice(("g", "G", "d", "", "É"))} | self.ignore_case()
            case "matches":
                return {"op": op, "value": r.choice(("^g", "o.d", "[0-9]+", "d$", "gold|silver"))} | self.ignore_case()
            case "contains" | "not_contains":
                value = r.choice(("ol", "É", self.scalar()))
                return {"op": op, "value": value} | self.ignore_case()
            case "before" | "after":
                return {"op": op, "value": r.choice((format_instant(self.instant()), "2026-03-29", "2026-03-29T02:30"))}
            case "within_last" | "within_next":
                return {"op": op, "value": self.duration()}
            case "anniversary":
                return {"op": op} | ({"offset": r.choice(("-3d", "1d", "-1d", "2d"))} if r.random() < 0.5 else {})
            case _:
                return {"op": op, "value": self.scalar()}

    def ignore_case(self) -> dict[str, JSON]:
        """Sometimes."""
        return {"ignore_case": True} if self.random.random() < 0.4 else {}

    def number(self, *values: JSON) -> dict[str, JSON]:
        """A comparison of numbers, of these if given."""
        r, op = self.random, self.random.choice(NUMERIC)
        choices = values or NUMBERS
        if op == "between":
            return {"op": op, "value": sorted(r.choices(choices, k=2))}
        if op in ("in", "not_in"):
            return {"op": op, "value": r.choices(choices, k=2)}
        return {"op": op, "value": r.choice(choices)}

    def count(self) -> dict[str, JSON]:
        """A comparison of a number of events."""
        return {"count": self.number(0, 1, 2, 3)} if self.random.random() < 0.6 else {}

    def window(self) -> dict[str, JSON]:
        """One of the forms of a window, or none."""
        r = self.random
        kind = r.random()
        if kind < 0.25:
            return {}
        if kind < 0.6:
            return {"within": self.duration()}
        if kind < 0.8:
            short, long = sorted(r.sample(DURATIONS, 2))
            return {"within": {"from": format_duration(long), "to": format_duration(short)}}
        start, end = sorted((self.instant(), self.instant() + 1))
        return {"between": [format_instant(start), format_instant(end)]} if start < end else {}

    def name(self) -> JSON:
        """An event's name or the beginning of some."""
        r = self.random
        return {"starts_with": r.choice(("TEST_", "o", "em"))} if r.random() < 0.15 else r.choice(EVENTS)

    def where(self, field: str = "where") -> dict[str, JSON]:
        """Tests of properties."""
        r = self.random
        if r.random() < 0.6:
            return {}
        tests = []
        for _ in range(r.choice((1, 1, 2))):
            path = r.choice(PROPERTIES)
            tests.append({"property": path, **self.comparison(DATE_OPS if path == "when" else ANY_OP)})
        return {field: tests}

    def leaf(self) -> dict[str, JSON]:
        """Any leaf of the language."""
        return getattr(self, f"_{self.random.choice(LEAVES)}")()  # type: ignore[no-any-return]

    def _trait(self) -> dict[str, JSON]:
        leaf = {"trait": self.random.choice(PATHS), **self.comparison()}
        is_account = str(leaf["trait"]).startswith("account.")  # a contact is told what its account's traits are now
        return leaf | {"for": self.duration()} if self.random.random() < 0.3 and not is_account else leaf

    def _date(self) -> dict[str, JSON]:
        return {"trait": self.random.choice(DATES), **self.comparison(DATE_OPS)}

    def _performed(self) -> dict[str, JSON]:
        return {"performed": self.name(), **self.where(), **self.count(), **self.window()}

    def _measured(self) -> dict[str, JSON]:
        measure = self.random.choice(("sum", "avg", "min", "max", "distinct"))
        test = {"property": self.random.choice(("total", "$amount", "nested.value", "sku")), **self.number()}
        if self.random.random() < 0.1:
            test = {"property": "total", "op": self.random.choice(("exists", "missing"))}
        return {"performed": self.name(), **self.where(), measure: test, **self.window()}

    def _first(self) -> dict[str, JSON]:
        return {"first_performed": self.name(), **self.where(), **self.window()}

    def _last(self) -> dict[str, JSON]:
        return {"last_performed": self.name(), **self.where(), **self.where("has"), **self.window()}

    def _sequence(self) -> dict[str, JSON]:
        steps = [{"performed": self.name(), **self.where()} for _ in range(self.random.randint(1, 3))]
        gap = {"gap": self.duration()} if self.random.random() < 0.4 else {}
        return {"sequence": steps, **gap, **self.window()}

    def _regularly(self) -> dict[str, JSON]:
        r = self.random
        periods = r.randint(1, 5)
        count = r.choice(({}, {"count": 2}, self.count()))
        at_least = {"at_least": r.randint(1, periods)} if r.random() < 0.7 else {}
        return {
            "regularly": self.name(),
            **self.where(),
            "period": self.duration(),
            "periods": periods,
            **at_least,
            **count,
        }

    def _message(self) -> dict[str, JSON]:
        r = self.random
        leaf = {"message": r.choice(OUTCOMES), **self.count(), **self.window()}
        if r.random() < 0.5:
            leaf["channel"] = r.choice(CHANNELS)
        if r.random() < 0.4:
            leaf[r.choice(("campaign", "template"))] = r.choice(("spring", "autumn"))
        return leaf | {"machines": True} if r.random() < 0.3 else leaf

    def _audience(self) -> dict[str, JSON]:
        r = self.random
        low, high = sorted(r.sample(range(0, 101, 10), 2))
        return r.choice(
            (
                {"snapshot": "frozen"},
                {"bucket": [low, high], "salt": r.choice(("a", "b"))},
                {"score": "churn", **self.number(50, 70)},
                {"everyone": True},
            )
        )

    def _segment(self) -> dict[str, JSON]:
        return {"segment": self.random.choice(SEGMENTS)}

    def _reach(self) -> dict[str, JSON]:
        r, channel = self.random, self.random.choice(CHANNELS)
        topic = {"topic": r.choice(("default", "news", "offers"))} if r.random() < 0.7 else {}
        return r.choice(({"consent": channel, **topic}, {"reachable": channel}, {"suppressed": channel}))

    def tree(self, depth: int) -> dict[str, JSON]:
        """A tree of at most that depth, `not` anywhere."""
        r = self.random
        kind = r.random()
        if depth <= 1 or kind < 0.25:
            return self.leaf()
        if kind < 0.45:
            return {"not": self.tree(depth - 1)}
        parts = [self.tree(depth - 1) for _ in range(r.choice((1, 2, 2, 3)))]
        return {"and": parts} if kind < 0.72 else {"or": parts}

    def world(self) -> World:
        """What trees name: a static segment, one over leaves, one over that; a snapshot; topics."""
        nested = {"or": [{"segment": "simple"}, {"not": {"segment": "static"}}]}
        simple = self.tree(2)
        while "segment" in str(simple):
            simple = self.tree(2)
        segments: dict[str, Mapping[str, JSON]] = {
            "static": {"kind": "segment", "id": "static", "static": True},
            "simple": {"kind": "segment", "id": "simple", "where": simple},
            "nested": {"kind": "segment", "id": "nested", "where": nested},
        }
        frozen = frozenset(self.random.sample(self.contacts, 3))
        return World(segments, {"frozen": frozen}, TOPICS, {}, WORLD_ZONE)

    # --- histories

    def log(self, count: int) -> list[Logged]:
        """A log in its order: `logged_at` never decreases, `at` may lie far before."""
        log: list[Logged] = []
        for i, logged_at in enumerate(sorted(self.instant() for _ in range(count))):
            again = self._again(log, logged_at) if self.random.random() < 0.06 else None
            event = again or self._sent(self._event(f"m{i}"), logged_at, log)
            event.received_at = logged_at
            log.append(Logged(logged_at, event.user_id or event.anonymous_id, event))
        return log

    def _sent(self, event: Event, logged_at: int, log: list[Logged]) -> Event:
        """By whom and when. Contacts that may become one have no instant in common: such a tie has no order in the log."""
        r = self.random
        event.user_id = r.choice(self.contacts if event.type == "alias" else (*self.contacts, *EARLIER))
        if r.random() < 0.08 and event.type not in ("alias", "group"):
            event.anonymous_id, event.user_id = r.choice(ANONYMOUS), ""
            if event.type == "identify" and r.random() < 0.6:
                event.user_id = r.choice(self.contacts)  # the two are one from now on
        at = min(self._at(logged_at, log), logged_at + HOUR)
        others = (*EARLIER, *ANONYMOUS)
        contact = event.user_id or event.anonymous_id
        if contact in others:
            at = (min(at, logged_at) // 100 - 1) * 100 + 90 + others.index(contact)
        elif 90 <= at % 100 < 90 + len(others):
            at -= len(others)
        event.at = at
        return event

    def _at(self, logged_at: int, log: list[Logged]) -> int:
        r = self.random
        kind = r.random()
        if kind < 0.5:
            return logged_at
        if kind < 0.6 and log:
            return min(log[-1].event.at, logged_at)  # at the same instant as another
        if kind < 0.7:
            return logged_at + r.randint(1, HOUR)  # a clock ahead
        return min(logged_at, self.instant())

    def _again(self, log: list[Logged], logged_at: int) -> Event | None:
        """A record of the last day once more, as it was or altered: the stream knows the ids of a day."""
        first_at = {x.event.id: x.logged_at for x in reversed(log)}
        recent = [x for x in log if logged_at - first_at[x.event.id] < DAY and x.event.type != "alias"]
        if not recent:
            return None
        first = self.random.choice(recent).event
        again = self._event(first.id) if self.random.random() < 0.5 else Event(first.type, first.id)
        again.properties, again.traits = again.properties or first.properties, again.traits or first.traits
        again.event, again.group_id = again.event or first.event, again.group_id or first.group_id
        again.at, again.user_id, again.anonymous_id = first.at, first.user_id, first.anonymous_id
        return again

    def _event(self, id: str) -> Event:
        r = self.random
        kind = r.random()
        if kind < 0.45:
            return Event("track", id, event=r.choice(EVENTS), properties=self._properties())
        if kind < 0.5:
            return Event(r.choice(("page", "screen")), id, properties=self._properties())
        if kind < 0.76:
            return Event("identify", id, traits=self._traits())
        if kind < 0.77:
            return Event("alias", id, previous_id=r.choice((ANONYMOUS[0], *EARLIER)))
        if kind < 0.79:
            return Event("group", id, group_id=r.choice(("acme", "globex")), traits={"plan": r.choice(WORDS)})
        if kind < 0.87:
            return Event(f"{r.choice(CHANNELS)}_{r.choice(OUTCOMES)}", id, properties=self._outcome())
        return self._fact(id)

    def _properties(self) -> dict[str, JSON]:
        r = self.random
        found: dict[str, JSON] = {p: self.value() for p in ("sku", "paid", "$amount") if r.random() < 0.5}
        if r.random() < 0.7:
            found["total"] = r.choice((r.choice(NUMBERS[:8]), "10", None, 10, 20))
        if r.random() < 0.5:
            found["nested"] = r.choice(({"value": r.choice(NUMBERS[:10])}, {}, 3))
        if r.random() < 0.5:
            found["when"] = self.moment()
        return found

    def _traits(self) -> dict[str, JSON]:
        r = self.random
        found: dict[str, JSON] = {
            p: self.value() for p in ("plan", "age", "flag", "first name", "$x", "tags") if r.random() < 0.3
        }
        if r.random() < 0.4:
            city = r.choice((self.value(), {"name": self.value()}, {"name": None}, {}))
            found["address"] = r.choice(({"city": city}, {"city": city, "zip": "1"}, self.value(), {}))
        for path in DATES:
            if r.random() < 0.3:
                found[path] = self.moment()
        if r.random() < 0.25:
            found["timezone"] = r.choice((*ZONES, None, 3))
        for path in ("email", "phone", "push_token"):
            if r.random() < 0.2:
                found[path] = r.choice((*ADDRESSES, None, 5))
        return found

    def _outcome(self) -> dict[str, JSON]:
        r = self.random
        found: dict[str, JSON] = {
            k: r.choice(("spring", "autumn")) for k in ("campaign", "template") if r.random() < 0.7
        }
        return found | ({"machine": r.choice((True, False, "true"))} if r.random() < 0.4 else {})

    def _fact(self, id: str) -> Event:
        r = self.random
        kind, channel = r.random(), r.choice(CHANNELS[:3])
        if kind < 0.45:
            status = r.choice(("subscribed", "unsubscribed", "pending"))
            topic = {"topic": r.choice(("news", "offers", "default"))} if r.random() < 0.7 else {}
            return Event("consent_changed", id, properties={"channel": channel, "status": status, **topic})
        if kind < 0.6:
            digest = address_hash(r.choice(ADDRESSES[:3]))
            return Event("address_suppressed", id, properties={"channel": channel, "address_hash": digest})
        return Event(r.choice(("segment_added", "segment_removed")), id, properties={"segment": "static"})

    def asked_at(self, log: list[Logged]) -> int:
        """An instant to ask at: often one at which windows open or close, or a millisecond beside it."""
        r = self.random
        if r.random() < 0.3:
            at = r.choice(log).event.at + r.choice(DURATIONS) * r.choice((0, 1, 1, 2)) + r.choice((-1, 0, 0, 1))
        else:
            at = self.instant() + r.choice((-1, 0, 0, 0, 1))
        return max(at, log[0].logged_at)


LEAVES = (
    *("trait", "trait", "date", "performed", "performed", "measured", "first", "last", "sequence", "regularly"),
    *("message", "audience", "segment", "reach"),
)
