"""Universal holdouts in the reads: the history of the draws, and what marketing does, as counted by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from schemas.ids import bucket
from schemas.times import DAY, HOUR
from tests.api.living import Living, living
from tests.flows.holdouts.test_holdouts import CONTACTS, held, holdout
from tests.flows.journeys.scenario import journey, message, started_by


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory):
    """Forty contacts, a fourth held out; then others; those who are reached buy more often."""
    with living(Path(tmp_path_factory.mktemp("holdouts"))) as made:
        made.say("c0", "track", "before", event="bought")
        made.settle(HOUR)
        made.publish(holdout())
        for contact in CONTACTS:
            made.say(contact, "track", f"came-{contact}", event="came")
        made.settle(HOUR)
        for contact in CONTACTS:
            if _buys(contact):
                made.say(contact, "track", f"bought-{contact}", event="bought")
                made.say(contact, "track", f"again-{contact}", event="bought")
        made.settle()
        yield made


def _buys(contact: str) -> bool:
    return bucket("buys", contact) < (20 if contact in held() else 60)


def test_what_marketing_does_is_the_difference_of_the_two(there: Living):
    found = there.get("/v1/reports/holdouts", holdout="h", event="bought")
    for name, group in (("held_out", held()), ("reached", [c for c in CONTACTS if c not in held()])):
        bought = [c for c in group if _buys(c)]
        assert (found[name]["contacts"], found[name]["converted"]) == (len(group), len(bought))
        assert found[name]["low"] < found[name]["rate"] < found[name]["high"]
    assert found["difference"] == pytest.approx(found["reached"]["rate"] - found["held_out"]["rate"])
    assert found["low"] < found["difference"] < found["high"]
    assert found["salt"] == "h"


def test_the_contact_says_what_holds_it_out(there: Living):
    contact = held()[0]
    assert [h["holdout"] for h in there.get(f"/v1/contacts/{contact}")["holdouts"]] == ["h"]
    other = next(c for c in CONTACTS if c not in held())
    assert there.get(f"/v1/contacts/{other}")["holdouts"] == []
    moments = there.get(f"/v1/contacts/{contact}/timeline")["timeline"]
    assert [m["detail"] for m in moments if m["kind"] == "holdout_entered"] == [{"holdout": "h", "value": '"h"'}]


def test_a_message_that_a_holdout_kept_back_says_so(there: Living):
    contact = held()[0]
    there.publish(holdout(applies_to=["sends"]) | {"version": 2})
    there.publish(journey(started_by("greet"), message("mail"), class_="marketing"))
    there.say(contact, "identify", "has-address", traits={"email": "a@example.com"})
    there.say(contact, "track", "greeted", event="greet")
    there.settle()
    (skip,) = [m for m in there.get(f"/v1/contacts/{contact}/timeline")["timeline"] if m["kind"] == "send_skipped"]
    found = there.get(f"/v1/sends/{skip['detail']['send']}")
    assert (found["status"], found["reason"]) == ("skipped", "holdout")
    asked = [(v["check"], v["passed"], v["value"]) for v in found["verdicts"] if v["check"] == "holdout"]
    assert asked == [("holdout", False, "h")]


def test_what_is_not_there_is_said(there: Living):
    assert there.client.get("/v1/reports/holdouts", params={"holdout": "no", "event": "x"}).status_code == 404
    asked = {"holdout": "h", "event": "x", "salt": "no"}
    assert there.client.get("/v1/reports/holdouts", params=asked).status_code == 404
    assert there.get("/v1/holdouts/no/history")["salts"] == []


def test_each_draw_is_kept(there: Living):
    there.publish(holdout(salt="q2") | {"version": 3})
    there.settle(DAY)
    salts = there.get("/v1/holdouts/h/history")["salts"]
    assert [(s["salt"], s["held"], s["let_go"]) for s in salts] == [("q2", len(held("q2")), 0), ("h", 0, len(held()))]
    old = there.get("/v1/reports/holdouts", holdout="h", event="bought", salt="h")
    assert old["held_out"]["contacts"] == len(held())
