"""The sample campaign of the rewards programme over its history, by the command as it is typed; the judge is DuckDB.

The first people here; the whole history takes half a minute (`WAXWING_WHOLE=1`).
"""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path
from typing import Any

import duckdb
import pytest
from typer.testing import CliRunner

from infra.cli import app

pytestmark = pytest.mark.data

SAMPLES = Path(__file__).resolve().parents[2] / "infra" / "samples" / "starbucks"
PEOPLE = 17_000 if os.environ.get("WAXWING_WHOLE") else 250

# A wait hears what is logged after it began, and before its timer, which comes first at the same instant.
ORACLE = """
WITH looked AS (
  SELECT r.n, r.person, r.offer, o.type, o.days, r.hour, min_by(struct_pack(hour := v.hour, n := v.n), v.n) AS view
  FROM t AS r JOIN o ON o.id = r.offer LEFT JOIN t AS v
    ON v.kind = 'viewed' AND (v.person, v.offer) = (r.person, r.offer) AND v.n > r.n AND v.hour < r.hour + 24 * o.days
  WHERE r.kind = 'received' GROUP BY ALL
), ended AS (
  SELECT any_value(l.view) AS view, any_value(l.type) AS type, any_value(l.hour + 24 * l.days) AS expired,
    count(*) FILTER (c.hour < l.view.hour + 48) > 0 AS early,
    count(*) FILTER (c.hour >= l.view.hour + 48 AND c.hour < l.view.hour + 120) > 0 AS late
  FROM looked AS l LEFT JOIN t AS c
    ON c.kind = 'completed' AND (c.person, c.offer) = (l.person, l.offer) AND c.n > l.view.n
  GROUP BY l.n
), u AS (SELECT max(hour) AS until FROM t_all)
SELECT count(*) AS entered,
  count_if(view IS NULL AND expired <= until) AS unseen,
  count_if(view IS NOT NULL AND type = 'informational') AS informed,
  count_if(view IS NOT NULL AND type != 'informational' AND early) AS bought,
  count_if(view IS NOT NULL AND type != 'informational' AND NOT early AND view.hour + 48 <= until) AS reminders,
  count_if(view IS NOT NULL AND type != 'informational' AND NOT early AND late) AS "bought after the reminder",
  count_if(view IS NOT NULL AND type != 'informational' AND NOT early AND NOT late AND view.hour + 120 <= until) AS lost
FROM ended, u
"""


@pytest.fixture(scope="module")
def folder(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The transcript of the first people, in the order of the file, beside the offers."""
    source, made = shared / "data" / "starbucks", tmp_path_factory.mktemp("offers")
    people: set[str] = set()
    with gzip.open(source / "transcript.json.gz", "rt") as lines, (made / "transcript.json").open("w") as kept:
        for line in filter(str.strip, lines):
            person = json.loads(line)["person"]
            if person in people or len(people) < PEOPLE:
                people.add(person)
                kept.write(line)
    (made / "portfolio.json").write_bytes((source / "portfolio.json").read_bytes())
    return made


def test_the_sample_can_be_published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("WAXWING_DATA", str(tmp_path))
    done = CliRunner().invoke(app, ["apply", "--check", str(SAMPLES / "offers.yaml")])
    assert (done.exit_code, done.stdout) == (0, "2 definitions, no fault\n"), done.stderr


def simulated(folder: Path, *options: str) -> dict[str, Any]:
    command = ["journey", "simulate", str(SAMPLES / "offers.yaml"), "--events", str(folder / "transcript.json")]
    done = CliRunner().invoke(app, [*command, "--mapping", str(SAMPLES / "mapping.yaml"), *options])
    assert done.exit_code == 0, done.output
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.fixture(scope="module")
def found(folder: Path) -> dict[str, Any]:
    """What the command says, with a report."""
    return simulated(folder, "--report")


def counted(folder: Path) -> dict[str, int]:
    with duckdb.connect() as sql:
        sql.execute(
            "CREATE TABLE t_all AS SELECT row_number() OVER () AS n, person, replace(event, 'offer ', '') AS kind,"
            " coalesce(value->>'offer id', value->>'offer_id') AS offer, time AS hour"
            " FROM read_json(?, columns = {person: 'TEXT', event: 'TEXT', value: 'JSON', time: 'BIGINT'})",
            [str(folder / "transcript.json")],
        )
        sql.execute("CREATE VIEW t AS SELECT * FROM t_all WHERE offer IS NOT NULL")
        sql.execute(
            "CREATE TABLE o AS SELECT id, offer_type AS type, duration AS days FROM read_json(?)",
            [str(folder / "portfolio.json")],
        )
        cursor = sql.execute(ORACLE)
        names = [column[0] for column in cursor.description or ()]
        return dict(zip(names, cursor.fetchone() or (), strict=True))


def test_its_counts_are_those_of_sql(folder: Path, found: dict[str, Any]):
    expected = counted(folder)
    entered, reminders = expected.pop("entered"), expected.pop("reminders")
    assert (found["entered"], len(found["sends"]), found["nodes"]["remind"]) == (entered, reminders, reminders)
    assert found["exited"] == {reason: count for reason, count in expected.items() if count}
    assert found["completed"] == sum(expected.values())
    assert found["active"] == entered - found["completed"]
    assert min(expected.values()) > 0
    assert sum(found["sends_a_day"].values()) == reminders
    by_node = {edge["from"]: 0 for edge in found["edges"]}
    for edge in found["edges"]:
        by_node[edge["from"]] += edge["runs"]
    assert by_node["received"] == by_node["days"] == entered
    assert by_node["informational"] == entered - expected["unseen"] - waiting_for_a_view(found)


def waiting_for_a_view(found: dict[str, Any]) -> int:
    """Those who came to such a wait and did not leave it."""
    left = sum(edge["runs"] for edge in found["edges"] if edge["from"].startswith("viewed-"))
    return int(sum(count for node, count in found["nodes"].items() if node.startswith("viewed-")) - left)


def test_without_a_report_the_figures_are_the_same(folder: Path, found: dict[str, Any]):
    plain = simulated(folder)
    assert set(plain) == {"entered", "completed", "exited", "nodes", "sends", "skips"}
    assert plain.items() <= found.items()
