"""The wire form of each record kind is pinned: what is on the log must be readable for ever."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from schemas import records

GOLDEN = Path(__file__).resolve().parents[1] / "golden" / "records"

EXAMPLES: dict[str, Any] = {
    "event": records.Event(
        type="track",
        id="m-1",
        at=1_767_225_600_000,
        event="order_completed",
        properties={"order_id": "o-1", "total": 49.9, "currency": "EUR"},
        user_id="ann",
        received_at=1_767_225_600_250,
        context={"library": {"name": "analytics.js"}},
    ),
    "tick": records.Event("tick"),
    "crm": records.CrmRecord(
        "deal", "updated", "d-1", "2026-01-01T00:00:00Z", {"stage": "closed_won"}, {"stage": "open"}
    ),
    "definition": records.Definition(
        "segment", "gold", "publish", 3, {"kind": "segment", "id": "gold", "where": {"everyone": True}}, "ann"
    ),
    "change": records.Change(
        "c-1",
        "credit",
        "ann",
        1_767_225_600_000,
        conversion="m-1",
        event="order_completed",
        model="default",
        send="s-1",
        campaign="spring",
        channel="email",
        amount_minor=4_990,
        currency="EUR",
        share=1.0,
    ),
    "send": records.Send(
        "s-1",
        "ann",
        1_767_225_600_000,
        1_767_268_800_000,
        "email",
        ["sms"],
        "ann@example.com",
        "welcome",
        2,
        "de",
        journey="welcome",
        version=2,
        run="r-1",
        node="hello",
        data={"first_name": "Ann"},
    ),
    "send_fallback": records.Send(
        "s-2",
        "ann",
        1_767_225_600_000,
        1_767_268_800_000,
        "push",
        ["sms"],
        "token-1",
        "welcome",
        quiet=[records.Quiet(1_767_250_800_000, 1_767_283_200_000)],
        fallback=[records.Fallback("sms", "+41790000000", 1, {"first_name": "Ann"}, [records.Quiet(1, 2, True)])],
    ),
    "send_recall": records.Send("s-3", "ann", 1_767_225_600_000, 0, "email", topic="news", recall="unsubscribed"),
    "attempt_retry": records.Attempt(
        "s-1", "ann", 1, "retry", 1_767_225_600_100, "email", "sandbox", reason="429", due=1_767_225_630_100
    ),
    "attempt": records.Attempt("s-1", "ann", 1, "accepted", 1_767_225_600_100, "email", "sandbox", "p-1"),
    "example": records.Example("x-1", "engagement", "ann", 1_767_225_600_000, [0.5, 1.0], 1, 1_767_225_700_000, 500),
    "crm_command": records.CrmCommand("k-1", "ann", 1_767_225_600_000, "add_tag", "welcome", 2, "tag", {"tag": "keen"}),
    "dead_letter": records.DeadLetter("l-1", "events", "is no JSON", b"\xff{", 1_767_225_600_000, "ann", 2, 17),
}


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_the_record_stands_on_the_log_as_pinned(name: str):
    assert records.encode(EXAMPLES[name]).decode() + "\n" == (GOLDEN / f"{name}.json").read_text()


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_what_is_pinned_reads_as_the_same_record(name: str):
    example = EXAMPLES[name]
    assert msgspec.json.decode((GOLDEN / f"{name}.json").read_bytes(), type=type(example)) == example


def test_every_kind_of_record_is_pinned():
    kinds = {
        kind
        for kind in vars(records).values()
        if isinstance(kind, type) and issubclass(kind, msgspec.Struct) and kind is not msgspec.Struct
    }
    parts = {records.Quiet, records.Fallback}  # of a send
    assert kinds - parts == {type(example) for example in EXAMPLES.values()}
