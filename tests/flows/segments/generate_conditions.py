"""Random conditions: every leaf and operator, groups of any shape."""

from __future__ import annotations

from schemas.times import format_duration, format_instant
from tests.flows.segments.generate_values import (
    ANY_OP,
    CHANNELS,
    DATE_OPS,
    DATES,
    DURATIONS,
    EVENTS,
    JSON,
    NUMBERS,
    NUMERIC,
    OUTCOMES,
    PATHS,
    PROPERTIES,
    SEGMENTS,
    Values,
)


class Conditions(Values):
    """Conditions as a person writes them."""

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
        return leaf | {"for": self.duration()} if self.random.random() < 0.3 else leaf

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


LEAVES = (
    *("trait", "trait", "date", "performed", "performed", "measured", "first", "last", "sequence", "regularly"),
    *("message", "audience", "segment", "reach"),
)
