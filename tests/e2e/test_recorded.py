"""A journey that ran, in an installation as a user starts it: its history folded again gives its recorded steps.

Its rows of `journey_steps` are asked of ClickHouse once the installation has ended; in between it is simulated over its
own history, and its runs in flight are moved by the command and taken back.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest

from connectors.sqlite_log import SqliteLog
from flows.contact.active import Definitions
from flows.contact.partition import PartitionFold
from schemas.records import LEAD_MS, decode_change
from schemas.topics import CHANGES, DEFINITIONS, EVENTS
from tests.e2e.installation import Installation, installation
from tests.flows.journeys.scenario import journey, message, node, pause, started_by

pytestmark = pytest.mark.slow

PEOPLE = [f"p{n}" for n in range(24)]
TEMPLATE = {"kind": "email_template", "id": "note", "class": "transactional", "subject": "s", "html": "<p>x</p>"}
JOURNEY = journey(
    started_by(),
    node("arms", "split", arms=[{"name": "A", "share": 50}, {"name": "B", "share": 50}]),
    message("mail"),
    pause("500ms", id="short"),
    node("look", "wait", for_event={"event": "seen"}, timeout="1s"),
    node("gold", "condition", if_={"trait": "plan", "op": "eq", "value": "gold"}),
    pause("30d", id="long"),
    edges=[
        "start -> arms",
        "arms -> mail: A",
        "arms -> short: B",
        "mail -> look",
        "short -> look",
        "look -> gold: happened",
        "look -> long: timeout",
        "gold -> done: yes",
        "gold -> long: no",
        "long -> done",
    ],
)


def live(made: Installation) -> None:
    """Everybody enters; some see it in time, and some of those are gold."""
    made.put("/v1/templates/note", TEMPLATE)
    made.put("/v1/journeys/j", JOURNEY)
    active = time.monotonic() + 1.5 * LEAD_MS / 1_000
    made.eventually(lambda: time.monotonic() > active, "it is active")
    for n, person in enumerate(PEOPLE):
        traits = {"email": f"{person}@example.com", "plan": ("gold", "free")[n % 2]}
        made.call("identify", userId=person, traits=traits)
        made.call("track", userId=person, event="go")
    for person in PEOPLE[::3]:
        made.call("track", userId=person, event="seen")


def in_flight(made: Installation) -> int:
    """How many rest at the long wait, once nobody rests elsewhere."""
    asked = made.client.post("/v1/journeys/j/migrate", json={"from": 1, "to": 2, "dry_run": True})
    nodes = {row["node"]: row["runs"] for row in asked.json().get("nodes", [])}
    return nodes["long"] if set(nodes) == {"long"} else 0


def waxwing(made: Installation, *arguments: str) -> Any:
    """A command against the installation, as a person types it."""
    env = {**os.environ, "WAXWING_PORT": str(made.client.base_url.port)}
    done = subprocess.run(
        [sys.executable, "-m", "infra.cli", *arguments], capture_output=True, text=True, env=env, check=True
    )
    return json.loads(done.stdout)


def test_a_history_gives_the_recorded_steps_and_runs_move_and_return(tmp_path: Path):
    data = tmp_path / "data"
    with installation(data, WAXWING_ADMIN_KEY="") as made:
        live(made)
        made.put("/v1/journeys/j", {**JOURNEY, "name": "the same again"})
        resting = made.eventually(lambda: in_flight(made), "all rest at the long wait, or are done")
        (tmp_path / "draft.json").write_text(json.dumps(JOURNEY))
        tried = waxwing(made, "journey", "simulate", str(tmp_path / "draft.json"), "--against", "live")
        assert (tried["entered"], tried["against"]["difference"]) == (len(PEOPLE), {})
        assert tried["active"] == resting
        (tmp_path / "map.yaml").write_text("long: long\n")
        move = ("journey", "migrate", "j", "--from", "1", "--to", "2", "--map", str(tmp_path / "map.yaml"))
        assert waxwing(made, *move, "--dry-run")["runs"] == resting
        moved = waxwing(made, *move)
        made.eventually(lambda: on_version(made, 2) == resting, "all are on version 2")
        waxwing(made, "journey", "migrate", "j", "--reverse", moved["id"])
        made.eventually(lambda: on_version(made, 1) == resting, "all are on version 1 again")
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as other:
        recorded = other.submit(steps_recorded, data / "clickhouse").result()
    assert len(recorded) > 4 * len(PEOPLE)
    assert steps_again(data / "log.db") == recorded


def on_version(made: Installation, version: int) -> int:
    other = 3 - version
    asked = made.client.post("/v1/journeys/j/migrate", json={"from": version, "to": other, "dry_run": True})
    return int(asked.json()["runs"])


Step = tuple[str, str, str, int, int, str, str, bool]


def steps_recorded(folder: Path) -> set[Step]:
    """What ClickHouse holds."""
    from sinks.clickhouse import ClickHouse

    clickhouse = ClickHouse(folder)
    rows = clickhouse.query(
        "SELECT id, run, contact, version, toUnixTimestamp64Milli(at) AS at, node, branch, waits FROM journey_steps"
    )
    clickhouse.close()
    return {tuple(row.values()) for row in rows}  # type: ignore[misc]


def steps_again(path: Path) -> set[Step]:
    """What the production fold says of the log's records from their start."""
    log, definitions = SqliteLog(path), Definitions()
    while records := log.read(DEFINITIONS, 0, definitions.catalogue.next_offset):
        for record in records:
            definitions.apply(record)
    said = []
    for partition in range(log.partitions(EVENTS)):
        fold = PartitionFold(partition, definitions, {}, 0)
        fold.push(log.read(EVENTS, partition, 0, 1_000_000))
        said += fold.work(1 << 60)
        while fold.busy:
            said += fold.work(1 << 60)
    log.close()
    changes = [decode_change(entry.value) for entry in said if entry.topic == CHANGES]
    return {
        (c.id, c.run, c.contact, c.version, c.at, c.node, c.branch, c.reason == "waiting")
        for c in changes
        if c.kind == "journey_step"
    }
