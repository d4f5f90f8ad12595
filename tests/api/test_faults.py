"""A definition with ten faults gets ten messages, each with its path."""

from __future__ import annotations

from pathlib import Path

from tests.api.support import ADMIN, api

FAULTY = {
    "colour": "red",
    "where": {
        "and": [
            {"trait": "plan", "op": "equals", "value": "gold"},
            {"trait": "plan", "op": "matches", "value": "(?=a)"},
            {"performed": "bought", "count": {"op": "gte", "value": "3"}},
            {"performed": "bought", "within": "30 days"},
            {"segment": "no such id!"},
            {"or": []},
            {"bucket": [20, 10]},
            {"trait": "age", "op": "gt", "value": "ten"},
            {"nonsense": True},
        ]
    },
}
PATHS = {
    "colour",
    "where.and.0.op",
    "where.and.1.value",
    "where.and.2.count.value",
    "where.and.3.within",
    "where.and.4.segment",
    "where.and.5.or",
    "where.and.6.bucket",
    "where.and.7.value",
    "where.and.8",
}


def test_ten_faults_are_ten_messages_with_their_paths(tmp_path: Path) -> None:
    with api(tmp_path) as (client, _):
        answer = client.put("/v1/segments/s", json=FAULTY, headers=ADMIN)
    errors = answer.json()["errors"]
    assert answer.status_code == 422
    assert sorted(e["path"] for e in errors) == sorted(PATHS)
    (of_op,) = (e["message"] for e in errors if e["path"] == "where.and.0.op")
    assert "'eq'" in of_op
    assert "'anniversary'" in of_op
