"""A running installation is asked why and whether: explain, verify, and its schedule."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.installation import Installation, installation

GOLD = {"kind": "segment", "id": "gold", "where": {"trait": "plan", "op": "eq", "value": "gold"}}


def waxwing(there: Installation, *arguments: str) -> tuple[int, Any]:
    """The exit code and the JSON of a command that asks the installation."""
    env = {**os.environ, "WAXWING_PORT": str(there.client.base_url.port)}
    done = subprocess.run([sys.executable, "-m", "infra.cli", *arguments], env=env, capture_output=True, text=True)
    return done.returncode, json.loads(done.stdout)


@pytest.mark.slow
def test_a_membership_is_explained_and_every_segment_verified(tmp_path: Path) -> None:
    with installation(tmp_path / "data", WAXWING_VERIFY_EVERY="1s") as there:
        there.put("/v1/segments/gold", GOLD)
        there.call("identify", userId="ann", messageId="i1", traits={"plan": "gold"})

        def counted() -> bool:
            answer = there.client.get("/v1/segments/gold/count")  # 503 until ClickHouse has its tables
            return answer.is_success and answer.json()["members"] == 1

        there.eventually(counted, "ann is gold")
        code, why = waxwing(there, "explain", "segment", "gold", "ann")
        assert (code, why["member"], why["agrees"]) == (0, True, True)
        assert [event["id"] for event in why["why"]["events"]] == ["i1"]

        def verified() -> dict[str, Any] | None:
            code, found = waxwing(there, "verify")
            assert code == 0
            return found if found.get("gold", {}).get("batch") == 1 else None

        found = there.eventually(verified, "the instant that is verified is behind ann's record")
        assert found == {"gold": {"stream": 1, "batch": 1, "only_stream": [], "only_batch": []}}
        metrics = there.client.get("/metrics").text
        assert 'waxwing_verify_mismatches{segment="gold"} 0.0' in metrics
        said = tmp_path / "data" / "stderr"
        there.eventually(lambda: "verified 1 segments: 0 mismatches" in said.read_text(), "the schedule says so too")
