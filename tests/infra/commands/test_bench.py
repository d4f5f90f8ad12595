"""`waxwing bench`: what is counted is what ran; how fast is for no test to say."""

from __future__ import annotations

import json

from typer.testing import CliRunner

from infra.cli import app


def test_every_run_makes_six_steps_and_one_json_line_is_printed():
    done = CliRunner().invoke(app, ["bench", "journeys", "--runs", "300", "--storm", "0", "--waiting", "0"])
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert (found["bench"], found["unit"]) == ("journeys", "steps/s")
    assert (found["details"]["steps"]["runs"], found["details"]["steps"]["steps"]) == (300, 1_800)


def test_ingest_is_measured_as_fast_as_it_goes_and_at_a_steady_rate():
    asked = ["--events", "2000", "--batch", "100", "--clients", "2", "--rate", "1000", "--seconds", "1"]
    done = CliRunner().invoke(app, ["bench", "ingest", *asked])
    assert done.exit_code == 0, done.output  # it counts by itself what is in the log
    found = json.loads(done.stdout)
    assert (found["bench"], found["unit"], found["details"]["offered_per_s"]) == ("ingest", "events/s", 1_000)
    assert 0 < found["p50_ms"] <= found["p99_ms"] <= found["details"]["max_ms"]
