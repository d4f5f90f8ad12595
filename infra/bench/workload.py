"""The workload of the benchmarks: 50 segments, 5 journeys, and events such as a shop's."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

from schemas.records import Entry, Event, encode
from schemas.topics import EVENTS

NAMES = (
    "product_viewed", "product_searched", "cart_updated", "wishlist_updated", "order_completed", "order_refunded",
    "coupon_applied", "checkout_started", "login", "logout", "password_changed", "video_played", "video_finished",
    "article_read", "newsletter_read", "review_written", "rating_given", "item_shared", "support_asked", "app_opened",
)  # fmt: skip
WEIGHTS = (30, 15, 10, 4, 4, 1, 2, 5, 12, 8, 1, 8, 4, 8, 3, 1, 2, 3, 1, 12)
PAGE_SHARE = 0.25  # of all events: pages that most segments do not ask about
IDENTIFY_SHARE = 0.03


def definitions(segments: int = 50, journeys: int = 5) -> list[dict[str, Any]]:
    """The definitions, made by rule so that any number can be had."""
    templates = [template(f"t{i}") for i in range(journeys)]
    return [_segment(i) for i in range(segments)] + templates + [_journey(i) for i in range(journeys)]


def template(id: str) -> dict[str, Any]:
    """A message that names nothing of the contact."""
    return {"kind": "email_template", "id": id, "class": "transactional", "subject": "Hello", "html": "<p>Hello</p>"}


def _segment(i: int) -> dict[str, Any]:
    name = NAMES[i % len(NAMES)]
    count = {"performed": name, "count": {"op": "gte", "value": 2 + i % 4}, "within": f"{1 + i % 30}d"}
    where: dict[str, Any]
    match i % 5:
        case 0:
            where = count
        case 1:
            where = {"and": [count, {"trait": "plan", "op": "eq", "value": ("gold", "silver")[i % 2]}]}
        case 2:
            total = {"property": "total", "op": "gte", "value": 1_000 * (1 + i)}
            where = {"performed": "order_completed", "sum": total, "within": f"{7 + i % 60}d"}
        case 3:
            where = {"and": [{"trait": "country", "op": "in", "value": ["CH", "DE"]}, {"not": count}]}
        case _:
            where = {"or": [{"trait": "age", "op": "gt", "value": 18 + i}, {"performed": name, "within": "1h"}]}
    return {"kind": "segment", "id": f"s{i:04d}", "name": f"Segment {i}", "where": where}


def _journey(i: int) -> dict[str, Any]:
    trigger = ("cart_updated", "rating_given", "item_shared", "order_completed", "video_played")[i % 5]
    nodes = [
        {"id": "in", "type": "trigger", "on": {"event": trigger}},
        {"id": "wait", "type": "wait", "for": f"{1 + i}h"},
        {"id": "if", "type": "condition", "if": {"segment": f"s{i:04d}"}},
        {"id": "send", "type": "action", "do": "send", "channel": "email", "template": f"t{i}"},
        {"id": "out", "type": "exit", "reason": "done"},
    ]
    edges = [("in", "wait", ""), ("wait", "if", ""), ("if", "send", "yes"), ("if", "out", "no"), ("send", "out", "")]
    return {
        "kind": "journey",
        "id": f"j{i}",
        "class": "transactional",
        "exit_when": {"performed": "order_completed"}
        if trigger != "order_completed"
        else {"performed": "order_refunded"},
        "nodes": nodes,
        "edges": [{"from": a, "to": b} | ({"branch": c} if c else {}) for a, b, c in edges],
    }


def events(count: int, contacts: int, seed: int = 1, now: int = 0) -> Iterator[Entry]:
    """`count` events over `contacts` contacts."""
    rng = random.Random(seed)
    for i in range(count):
        contact = f"contact-{rng.randrange(contacts)}"
        yield Entry(EVENTS, contact, encode(_event(rng, i, contact, now)))


def _event(rng: random.Random, i: int, contact: str, now: int) -> Event:
    made = Event("track", f"m-{i}", now, user_id=contact, received_at=now)
    draw = rng.random()
    if draw < IDENTIFY_SHARE:
        made.type = "identify"
        made.traits = {
            "email": f"{contact}@example.com",
            "plan": rng.choice(["gold", "silver", "basic"]),
            "age": rng.randint(16, 80),
            "country": rng.choice(["CH", "DE", "FR"]),
        }
    elif draw < IDENTIFY_SHARE + PAGE_SHARE:
        made.type, made.properties = "page", {"path": "/p/" + str(rng.randrange(500)), "title": "A page"}
    else:
        made.event = rng.choices(NAMES, WEIGHTS)[0]
        made.properties = {"product": f"sku-{rng.randrange(1_000)}", "total": rng.randint(5, 500), "currency": "EUR"}
    return made
