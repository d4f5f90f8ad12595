"""`waxwing journey simulate`: what it prints, and that every bad input is named with its place."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from infra.cli import app
from tests.flows.journeys.scenario import journey, message, node, pause, started_by


def simulate(folder: Path, definitions: Any, lines: list[str], *options: str) -> Result:
    (folder / "journey.json").write_text(definitions if isinstance(definitions, str) else json.dumps(definitions))
    (folder / "events.jsonl").write_text("\n".join(lines))
    command = ["journey", "simulate", str(folder / "journey.json"), "--events", str(folder / "events.jsonl")]
    return CliRunner().invoke(app, [*command, *options])


def line(at: str, contact: str = "u", **fields: Any) -> str:
    return json.dumps(
        {"type": "track", "event": "go", "userId": contact, "timestamp": f"2026-01-05T{at}:00Z", **fields}
    )


def test_it_prints_entries_visits_ends_sends_and_skips(tmp_path):
    lines = [
        line("09:00", type="identify", traits={"email": "u@example.com"}),
        line("10:00", properties={"n": 7}),
        line("10:00", "v", properties={"n": "x"}),
    ]
    body = journey(started_by(), message("a"), pause("1h"), message("b"), key="properties.n")
    done = simulate(tmp_path, body, lines, "--until", "2026-01-05T10:59:59Z")
    skip = {"contact": "v", "node": "a", "reason": "no_address", "key": "x", "at": "2026-01-05T10:00:00.000Z"}
    assert json.loads(done.stdout) == {
        "entered": 2,
        "completed": 0,
        "exited": {},
        "nodes": {"a": 2, "pause": 2, "start": 2},
        "sends": [
            {"contact": "u", "node": "a", "template": "note", "key": 7, "at": "2026-01-05T10:00:00.000Z"},
        ],
        "skips": [skip],
    }


def test_lines_are_sorted_by_their_own_logged_at(tmp_path):
    late = line("08:00", logged_at="2026-01-05T12:00:00Z")
    done = simulate(
        tmp_path, journey(started_by(), pause("1h")), [late, line("11:00")], "--until", "2026-01-05T11:30:00Z"
    )
    assert json.loads(done.stdout)["entered"] == 1


def test_a_line_that_says_when_it_was_received_is_logged_at_its_timestamp_all_the_same(tmp_path):
    late = line("11:00", receivedAt="2026-01-05T12:00:00Z")
    done = simulate(tmp_path, journey(started_by(), pause("1h")), [late], "--until", "2026-01-05T11:30:00Z")
    assert json.loads(done.stdout)["entered"] == 1


def test_before_it_is_published_nobody_enters(tmp_path):
    lines = [line("09:59"), line("10:00", "v")]
    done = simulate(tmp_path, journey(started_by(), pause("1h")), lines, "--published-at", "2026-01-05T10:00:00Z")
    assert json.loads(done.stdout)["entered"] == 1


def test_a_line_may_enter_through_the_api_trigger(tmp_path):
    body = journey({"id": "start", "type": "trigger", "on": {"api": True}}, pause("1h"))
    done = simulate(tmp_path, body, [line("10:00", type="enter", event="j")])
    assert json.loads(done.stdout)["entered"] == 1


NEXT = journey(started_by(), node("next", "action", do="start_journey", journey="k"))


@pytest.mark.parametrize(
    ("definitions", "lines", "options", "said"),
    [
        ("{", [], [], "journey.json: Expecting"),
        ([1], [], [], "journey.json: must be an object"),
        ({"kind": "journey", "id": "j", "nodes": []}, [], [], "journey j: nodes: there is no trigger"),
        ([], [], [], "which journey"),
        (journey(started_by(), pause("1h")), ["{}", "x"], [], "events.jsonl: line 2: JSON is malformed"),
        (journey(started_by(), pause("1h")), [], ["--until", "noon"], "--until: 'noon' is no instant"),
        (journey(started_by(), pause("1h"), exit_when={"segment": "s"}), [], [], "exit_when: there is no segment 's'"),
        (NEXT, [], [], "nodes.next.journey: there is no journey 'k'"),
        ([{**NEXT, "goal": {}}, {"kind": "segment", "id": []}], [], [], "nodes.next.journey: there is no journey 'k'"),
    ],
)
def test_bad_input_is_named_with_its_place(tmp_path, definitions, lines, options, said):
    done = simulate(tmp_path, definitions, lines, *options)
    assert done.exit_code == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


ADDRESSED = [line("09:00", type="identify", traits={"email": "u@example.com"}), line("10:00")]
KEYS = {"entered", "completed", "exited", "nodes", "sends", "skips"}


def test_a_report_stands_beside_the_contracts_keys_which_are_unchanged(tmp_path):
    body = journey(started_by(), message("a"), pause("1h"))
    plain = json.loads(simulate(tmp_path, body, ADDRESSED, "--until", "2026-01-06T00:00:00Z").stdout)
    found = json.loads(simulate(tmp_path, body, ADDRESSED, "--until", "2026-01-06T00:00:00Z", "--report").stdout)
    assert set(plain) == KEYS
    assert {key: found[key] for key in KEYS} == plain
    assert found["seconds"]["nodes"]["pause"] == {"runs": 1, "p50": 3_600.0, "p90": 3_600.0}


def test_rates_of_a_file_answer_the_messages(tmp_path):
    rates = tmp_path / "rates.json"
    rates.write_text('{"email": {"opened": 1}}')
    body = journey(started_by(), message("a"), pause("48h"))
    done = simulate(tmp_path, body, ADDRESSED, "--until", "2026-01-09T00:00:00Z", "--outcomes", str(rates))
    assert json.loads(done.stdout)["answers"] == {"email_delivered": 1, "email_opened": 1, "email_sent": 1}
    for bad in ('{"email": {"opened": 2}}', '{"email": {"open": 1}}', "[]"):
        rates.write_text(bad)
        refused = simulate(tmp_path, body, ADDRESSED, "--outcomes", str(rates))
        assert refused.exit_code == 2
        assert "rates.json" in refused.stderr


def test_a_draft_in_a_file_is_compared_with_the_version_that_stands(tmp_path, monkeypatch):
    monkeypatch.setenv("WAXWING_DATA", str(tmp_path / "data"))
    body = journey(started_by(), pause("1h"))
    assert simulate(tmp_path, body, ADDRESSED, "--against", "live").exit_code == 1
    (tmp_path / "live.json").write_text(json.dumps(body))
    assert CliRunner().invoke(app, ["apply", str(tmp_path / "live.json")]).exit_code == 0
    draft = journey(started_by(), pause("2h"))
    done = simulate(tmp_path, draft, ADDRESSED, "--until", "2026-01-06T00:00:00Z", "--against", "live")
    assert json.loads(done.stdout)["against"]["difference"]["seconds"]["all"] == {"p50": 3_600.0, "p90": 3_600.0}
    assert simulate(tmp_path, draft, ADDRESSED, "--against", "dead").exit_code == 2


def test_the_other_journeys_of_the_file_run_as_well_unless_it_is_alone(tmp_path):
    api = {"id": "start", "type": "trigger", "on": {"api": True}}
    first = journey(started_by(), node("next", "action", do="start_journey", journey="second"), id="first")
    both = [first, journey(api, pause("1h"), id="second")]
    for options, entered in (([], 1), (["--report"], 1), (["--alone"], 0), (["--report", "--alone"], 0)):
        done = simulate(tmp_path, both, [line("10:00")], "--id", "second", *options)
        assert json.loads(done.stdout)["entered"] == entered


def test_members_of_snapshots_are_given_by_a_file(tmp_path):
    (tmp_path / "snapshots.json").write_text('{"old": ["u"]}')
    body = journey(started_by(), pause("1h"), exit_when={"snapshot": "old"})
    assert "there is no snapshot 'old'" in simulate(tmp_path, body, [line("10:00")]).stderr
    given = ["--snapshots", str(tmp_path / "snapshots.json")]
    done = simulate(tmp_path, body, [line("10:00"), line("10:00", "v")], *given)
    assert json.loads(done.stdout)["exited"] == {"exit_when": 1}


def test_without_events_a_running_installation_is_asked(tmp_path, monkeypatch):
    monkeypatch.setenv("WAXWING_PORT", "1")
    (tmp_path / "journey.json").write_text(json.dumps(journey(started_by(), pause("1h"))))
    done = CliRunner().invoke(app, ["journey", "simulate", str(tmp_path / "journey.json")])
    assert done.exit_code != 0
    assert "no Waxwing answers" in done.stderr
