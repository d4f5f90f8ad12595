"""`waxwing replay`: the log folded again in one go says what it said step by step."""

from __future__ import annotations

from pathlib import Path

from infra.replaying import replay
from schemas.records import Entry, Send, encode
from schemas.topics import SENDS
from tests.api.living import living

NOTE = {"kind": "email_template", "id": "note", "subject": "Hello", "html": "<p>Hello</p>"}
SPRING = {
    "kind": "campaign",
    "id": "spring",
    "type": "one_time",
    "audience": {"everyone": True},
    "content": {"channel": "email", "template": "note"},
}


def test_what_is_due_after_a_pass_over_everyone_at_the_very_end_is_folded_too(tmp_path: Path):
    with living(tmp_path) as there:
        there.publish(NOTE, SPRING)
        for contact in ("ann", "bob", "cyd"):  # without an address: nothing but time touches them after the launch
            there.say(contact, "identify", f"i-{contact}", traits={"plan": "gold"})
        there.settle()
        there.post("/v1/campaigns/spring/launch", {})
        for _ in range(10):
            there.settle()
        assert there.get("/v1/campaigns/spring")["skips"] == {"no_address": 3}
        verdict = replay(there.log, tmp_path / "state", there.store.get, there.past)
        assert verdict.is_equal, verdict.as_json()
        assert verdict.topics["changes"].again >= 3


def test_a_message_that_was_sent_to_try_a_template_is_none_that_the_fold_should_have_planned(tmp_path: Path):
    with living(tmp_path) as there:
        there.publish(NOTE)
        tried = Send(
            "t-1", "test", there.now, there.now, "email", to="me@example.com", template="note", campaign="test"
        )
        there.log.append([Entry(SENDS, "test", encode(tried))])
        assert replay(there.log, tmp_path / "state", there.store.get, there.past).is_equal
        made_up = Send("t-2", "ann", there.now, there.now, "email", journey="hello")
        there.log.append([Entry(SENDS, "ann", encode(made_up))])
        verdict = replay(there.log, tmp_path / "state", there.store.get, there.past)
        assert verdict.topics["sends"].extra == ["t-2"]
