"""`waxwing bench journeys`: what is counted is what ran; how fast is for no test to say."""

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
