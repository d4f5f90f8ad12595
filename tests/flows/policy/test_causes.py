"""The reason of a skip is its cause: with the named one away the message goes, or the next one is named."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.ids import address_hash
from schemas.records import Event, decode_change
from schemas.topics import CHANGES
from tests.flows.journeys.scenario import Scenario, event, journey, message, started_by, traits
from tests.flows.policy.test_caps import ALWAYS, cap, yes
from tests.flows.policy.test_quiet import quiet

CAUSES = (
    "no_address",
    "suppressed",
    "holdout",
    "no_consent",
    "unsubscribed",
    "quiet_hours",
    "frequency_cap",
)  # as asked


def reason_with(causes: set[str]) -> str:
    """Why the message at 12:00 is skipped where these causes are there; empty where it goes."""
    body = journey(started_by(), message("mail", topic="news"), **ALWAYS)
    others = []
    if "quiet_hours" in causes:
        others.append(quiet(window=("11:00", "13:00"), then="skip"))
    if "holdout" in causes:
        others.append({"kind": "holdout", "id": "h", "share": 100, "applies_to": ["sends"]})
    scenario = Scenario(body, cap(max=1, within="1d"))
    scenario.at("00:10", yes("email", "news"), yes("email"))
    if "frequency_cap" in causes:
        scenario.at("09:00", event("go"))
    for other in others:
        scenario.publish("10:00", other)
    scenario.at("10:30", *_said(causes)).at("12:00", event("go"))
    last = [decode_change(e.value) for e in scenario.entries if e.topic == CHANGES]
    skips = [c.reason for c in last if c.kind == "send_skipped"]
    assert len(skips) <= 1
    return skips[0] if skips else ""


def _said(causes: set[str]) -> list[Event]:
    said = []
    if "suppressed" in causes:
        listed = {"channel": "email", "address_hash": address_hash("u@example.com"), "reason": "bounced"}
        said.append(Event("address_suppressed", properties=listed, user_id="u"))
    if "no_address" in causes:
        said.append(traits(email=None))
    for cause, topic in (("no_consent", "news"), ("unsubscribed", "default")):
        if cause in causes:
            withdrawn = yes("email", topic)
            withdrawn.properties["status"] = "unsubscribed"
            said.append(withdrawn)
    return said


@settings(max_examples=25, deadline=None)
@given(st.sets(st.sampled_from(CAUSES)))
def test_taking_away_the_named_cause_alone_names_the_next_and_at_last_the_message_goes(causes: set[str]):
    named = []
    left = set(causes)
    while reason := reason_with(left):
        named.append(reason)
        left.remove(reason)
    assert named == [cause for cause in CAUSES if cause in causes]
