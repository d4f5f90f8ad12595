"""A segment over a past that it has not seen, in an installation as a user starts it."""

from __future__ import annotations

import random
import time
from pathlib import Path
from typing import Any

import pytest

from schemas.times import DAY, format_instant
from tests.e2e.installation import installation

pytestmark = pytest.mark.slow
PEOPLE, BATCH = 2_000, 500


def calls(rng: random.Random, now: int) -> tuple[list[dict[str, Any]], set[str]]:
    """Segment calls of the last weeks, and who bought at least twice within 30 days; nobody near the edge."""
    made, often = [], set()
    for i in range(PEOPLE):
        days = [rng.choice((1, 12, 28, 32, 45)) for _ in range(rng.randrange(5))]
        for n, ago in enumerate(days):
            happened = format_instant(now - ago * DAY)
            made.append(
                {"type": "track", "userId": f"c{i}", "event": "buy", "messageId": f"{i}-{n}", "timestamp": happened}
            )
        if sum(ago < 30 for ago in days) >= 2:
            often.add(f"c{i}")
    return made, often


def test_its_members_are_exact_soon_after_it_is_published(tmp_path: Path) -> None:
    made, often = calls(random.Random(4), int(time.time() * 1_000))
    with installation(tmp_path) as waxwing:
        for first in range(0, len(made), BATCH):
            waxwing.call("batch", batch=made[first : first + BATCH])
        where = {"performed": "buy", "count": {"op": "gte", "value": 2}, "within": "30d"}
        waxwing.put("/v1/segments/often", {"kind": "segment", "id": "often", "where": where})
        assert waxwing.get("/v1/segments/often")["status"] == "warming"

        def members() -> set[str] | None:
            if (waxwing.get("/v1/segments/often/count") or {}).get("members", 0) < len(often):
                return None
            found, cursor = set[str](), ""
            while True:
                page = waxwing.get("/v1/segments/often/members", limit=500, cursor=cursor)
                found |= {member["contact"] for member in page["members"]}
                if not page["next"]:
                    return found
                cursor = page["next"]

        waxwing.eventually(lambda: waxwing.get("/v1/segments/often")["status"] == "active", "the switch")
        assert waxwing.eventually(members, "the members") == often
        assert waxwing.get("/v1/segments/often/count")["members"] == len(often)
