"""A history that fills every part of a state, for what a release leaves behind.

    python -m tests.upgrade.history tests/upgrade/0.1.0     writes it, once a release, with that release's code

The folder then holds what that release had on the log and in its stores, and is never written again:

    definitions.json   what was published before all else
    records.jsonl      every record of one partition, `[logged_at, key, value]`, in its order
    states.json        key -> its state (base64) after the first half of the records
    said.json          ids of all effects of the second half, by topic
    full.state         a state in which no section is empty
"""

from __future__ import annotations

import base64
import json
import random
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

import msgspec
import yaml

from flows.campaigns import reducer as campaigns
from flows.contact import spans
from flows.contact.active import Definitions
from flows.contact.fold import SECTIONS
from flows.contact.partition import PartitionFold
from flows.contact.replay import Replay, definition_records
from flows.contact.section import Contact
from schemas.records import Entry, Event, Record, encode
from tests.recovery.history import cart_journey, often_journey, segments

START, HOUR = 1_790_000_000_000, 3_600_000
SAMPLES = Path(__file__).resolve().parents[2] / "infra" / "samples" / "demo"


class Recording(Replay):
    """A replay that keeps each record that it applies."""

    def __init__(self, definitions: Definitions):
        super().__init__(definitions)
        self.taken: list[tuple[int, str, bytes]] = []

    def _fold(self, at: int, contact: str, value: bytes) -> list[Entry]:
        self.taken.append((at, contact, value))
        return super()._fold(at, contact, value)


def bodies() -> list[dict[str, Any]]:
    rng = random.Random(1)
    model = yaml.safe_load((SAMPLES / "model.yaml").read_text())
    sequence = {"sequence": [{"performed": "cart"}, {"performed": "order_completed"}], "within": "2d"}
    regular = {"regularly": "cart", "period": "1d", "periods": 4, "at_least": 2}
    last = {"last_performed": "order_completed", "has": [{"property": "total", "op": "gt", "value": 40}]}
    likely = {"score": model["id"], "op": "gte", "value": 30}
    more = {
        "bought": sequence,
        "regular": regular,
        "large": last,
        "likely": likely,
        "first": {"first_performed": "cart"},
    }
    return [
        model,
        *segments(rng),
        *({"kind": "segment", "id": id, "where": where} for id, where in more.items()),
        cart_journey(rng, 0),
        often_journey(rng, 0),
        {"kind": "holdout", "id": "control", "share": 20},
    ]


def event(rng: random.Random, n: int, at: int) -> tuple[str, Event]:
    contact = f"c{rng.randrange(8)}"
    made = Event("track", f"e{n}", at, user_id=contact, received_at=at)
    kinds = ["cart", "order_completed", "noise", "identify", "consent_changed", "email_clicked", "group"]
    made.event = rng.choices(kinds, [8, 4, 3, 2, 1, 3, 1])[0]
    match made.event:
        case "order_completed":
            made.properties = {"order_id": f"o{n}", "total": rng.randint(10, 90), "currency": "EUR"}
        case "identify":
            made.type, made.event = "identify", ""
            made.traits = {"email": f"{contact}@example.com", "plan": rng.choice(["gold", "silver", None])}
        case "group":
            made.type, made.event = "group", ""
            made.group_id, made.traits = "acme", {"size": n}
        case "consent_changed":
            made.type, made.event = "consent_changed", ""
            made.properties = {"channel": "email", "status": rng.choice(["subscribed", "subscribed", "unsubscribed"])}
        case "email_clicked":
            made.type, made.event = "email_clicked", ""
            made.properties = {"send": f"s{n}", "campaign": "spring", "journey": "cart"}
        case _:
            made.properties = {"product": f"p{rng.randrange(5)}"}
    return contact, made


def definitions_of(found: list[dict[str, Any]]) -> Definitions:
    definitions = Definitions()
    for record in definition_records(found, START):
        definitions.apply(record)
    return definitions


def fold_on(fold: PartitionFold, taken: list[tuple[int, str, bytes]]) -> dict[str, list[str]]:
    """Fold the records, which begin at the fold's next offset; the ids of what it says, by topic, sorted."""
    said: dict[str, set[str]] = defaultdict(set)
    fold.push([Record(fold.next_offset + n, at, key, value) for n, (at, key, value) in enumerate(taken)])
    while fold.busy:
        for entry in fold.work(10_000):
            said[entry.topic].add(msgspec.json.decode(entry.value).get("id") or entry.value.decode())
    return {topic: sorted(ids) for topic, ids in sorted(said.items())}


def full(states: dict[str, bytes]) -> bytes:
    """A contact's state with a section of each kind: no one contact comes to have them all by itself."""
    most = max(states, key=lambda key: len(states[key]))
    state = Contact(states[most], SECTIONS)
    state.get(campaigns.SECTION).launches["autumn"] = START
    span = next(key for key in states if spans.is_span(key))
    state._live[spans.SECTION.index] = Contact(states[span], SECTIONS).get(spans.SECTION)
    return state.save()


def main(folder: Path) -> None:
    rng, run = random.Random(7), Recording(definitions_of(bodies()))
    for n in range(400):
        at = START + 5_000 + n * HOUR // 4
        run.pass_time(at)
        contact, made = event(rng, n, at)
        run.apply(at, contact, encode(made))
    half = len(run.taken) // 2
    fold = PartitionFold(0, definitions_of(bodies()), {}, 0)
    fold_on(fold, run.taken[:half])
    states = dict(fold.states)
    folder.mkdir(parents=True)
    (folder / "definitions.json").write_text(json.dumps(bodies(), indent=1) + "\n")
    lines = (json.dumps([at, key, value.decode()]) + "\n" for at, key, value in run.taken)
    (folder / "records.jsonl").write_text("".join(lines))
    encoded = {key: base64.b64encode(state).decode() for key, state in sorted(states.items())}
    (folder / "states.json").write_text(json.dumps(encoded, indent=1) + "\n")
    (folder / "said.json").write_text(json.dumps(fold_on(fold, run.taken[half:]), indent=1) + "\n")
    (folder / "full.state").write_bytes(full(states))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
