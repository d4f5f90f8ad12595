"""Random definitions and events for the recovery suite: short waits and windows, so that time matters every moment."""

from __future__ import annotations

import random
from itertools import pairwise
from typing import Any

from schemas.ids import uuid5
from schemas.records import Definition, Entry, Event, encode
from schemas.topics import DEFINITIONS, EVENTS


def ms(rng: random.Random, low: int, high: int) -> str:
    return f"{rng.randint(low, high)}ms"


def segment(id: str, where: dict[str, Any]) -> dict[str, Any]:
    return {"kind": "segment", "id": id, "name": id, "where": where}


def segments(rng: random.Random) -> list[dict[str, Any]]:
    often = {"performed": "cart", "count": {"op": "gte", "value": 2}, "within": ms(rng, 500, 2_500)}
    spent = {"performed": "order_completed", "sum": {"property": "total", "op": "gte", "value": 90}, "within": "3s"}
    quiet = {"not": {"performed": "noise", "within": ms(rng, 300, 1_500)}}
    return [
        segment("often", often),
        segment("buyer", {"or": [spent, {"trait": "plan", "op": "eq", "value": "gold"}]}),
        segment("quiet-often", {"and": [quiet, {"segment": "often"}]}),
    ]


def send(id: str, template: str) -> dict[str, Any]:
    return {"id": id, "type": "action", "do": "send", "channel": "email", "template": template}


def chain(*ids: str) -> list[dict[str, str]]:
    return [{"from": a, "to": b} for a, b in pairwise(ids)]


def cart_journey(rng: random.Random, n: int) -> dict[str, Any]:
    """cart -> wait -> send -> wait -> send, ended by an order; waits of zero among them."""
    return {
        "kind": "journey",
        "id": "cart",
        "class": "transactional",
        "exit_when": {"performed": "order_completed"},
        "nodes": [
            {"id": "in", "type": "trigger", "on": {"event": "cart"}},
            {"id": "w1", "type": "wait", "for": ms(rng, 300, 2_000) if rng.random() < 0.8 else "0s"},
            send("s1", f"reminder-{n}"),
            {"id": "w2", "type": "wait", "for": ms(rng, 200, 1_500) if rng.random() < 0.7 else "0s"},
            send("s2", f"last-{n}"),
            {"id": "out", "type": "exit", "reason": "done"},
        ],
        "edges": chain("in", "w1", "s1", "w2", "s2", "out"),
    }


def often_journey(rng: random.Random, n: int) -> dict[str, Any]:
    """Entered by a membership that comes and goes by time; marketing, so consent decides; sets a tag by the log."""
    return {
        "kind": "journey",
        "id": "often",
        "nodes": [
            {"id": "in", "type": "trigger", "on": {"segment": "often", "change": "entered"}},
            {"id": "tag", "type": "action", "do": "add_tag", "tag": f"often-{n % 3}"},
            {"id": "w", "type": "wait", "for": ms(rng, 200, 900)},
            {"id": "if", "type": "condition", "if": {"segment": "buyer"}},
            send("yes", f"thanks-{n}"),
            send("no", f"offer-{n}"),
            {"id": "out", "type": "exit", "reason": "done"},
        ],
        "edges": [
            *chain("in", "tag", "w", "if"),
            {"from": "if", "to": "yes", "branch": "yes"},
            {"from": "if", "to": "no", "branch": "no"},
            *chain("yes", "out"),
            *chain("no", "out"),
        ],
    }


class Definitions:
    """Publishes random next versions."""

    def __init__(self, rng: random.Random):
        self.rng, self.versions = rng, dict[tuple[str, str], int]()

    def entry(self, body: dict[str, Any]) -> Entry:
        key = (body["kind"], body["id"])
        version = self.versions[key] = self.versions.get(key, 0) + 1
        record = Definition(body["kind"], body["id"], "publish", version, body)
        return Entry(DEFINITIONS, f"{body['kind']}/{body['id']}", encode(record))

    def first(self) -> list[Entry]:
        rng = self.rng
        return [self.entry(b) for b in (*segments(rng), cart_journey(rng, 0), often_journey(rng, 0))]

    def another(self, n: int) -> list[Entry]:
        rng = self.rng
        made = [cart_journey(rng, n), often_journey(rng, n), rng.choice(segments(rng))]
        if self.versions["journey", "cart"] > 1:
            made.append(self.migration(n))
        return [self.entry(rng.choice(made))]

    def migration(self, n: int) -> dict[str, Any]:
        """Carts in flight to another version, forth or back, some of them to an earlier place; or one taken back."""
        rng, versions = self.rng, range(1, self.versions["journey", "cart"] + 1)
        source, target = rng.sample(versions, 2)
        body = {"kind": "journey_migration", "id": f"m{n}", "journey": "cart", "from": source, "to": target}
        nodes = rng.choice([{"w1": "w1", "w2": "w2"}, {"w1": "w2"}, {"w2": "w1"}, {"w1": "s2", "w2": "out"}])
        earlier = [key[1] for key in self.versions if key[0] == "journey_migration"]
        back = {"reverses": rng.choice(earlier)} if earlier and rng.random() < 0.3 else {}
        return body | {"nodes": nodes, "unmapped": rng.choice(["stay", "exit"])} | back


def event(rng: random.Random, contact: str, id: str, now: int) -> Entry:
    """One random fact, sometimes late, sometimes about the past."""
    at = now - (rng.randint(0, 3_000) if rng.random() < 0.2 else 0)
    kind = rng.choices(
        ["cart", "order_completed", "noise", "identify", "consent_changed", "email_clicked"], [6, 2, 3, 2, 1, 2]
    )[0]
    made = Event("track", id, at, kind, user_id=contact, received_at=now)
    match kind:
        case "order_completed":
            made.properties = {"total": rng.randint(10, 90), "currency": "EUR"}
        case "identify":
            made.type, made.event = "identify", ""
            made.traits = {"email": f"{contact}@example.com", "plan": rng.choice(["gold", "silver", None])}
        case "consent_changed":
            made.type, made.event = kind, ""
            made.properties = {"channel": "email", "status": rng.choice(["subscribed", "unsubscribed"])}
        case "email_clicked":
            made.type, made.event = kind, ""
            made.properties = {"send": uuid5(contact, rng.randrange(3)), "campaign": rng.choice(["spring", "summer"])}
    return Entry(EVENTS, contact, encode(made))
