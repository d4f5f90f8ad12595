"""A conversion credits the messages that were touched before it, in the same pass."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from flows.attribution import reducer
from flows.attribution.compile import compile_attribution
from flows.attribution.touches import LATE, SECTION
from flows.definitions.catalogue import Published
from schemas.times import DAY
from tests.flows.scoring.one_contact import OneContact

NOW = 1_700_000_000_000
WINDOW = 30 * DAY


def model(id: str, version: int = 1, **body) -> Published:
    return Published("attribution_model", id, version, {"kind": "attribution_model", "id": id, **body}, 0)


def contact(*models: Published) -> OneContact:
    return OneContact([reducer], attribution=compile_attribution(models), currency="EUR")


def credited(ann: OneContact) -> list[tuple[str, str, int]]:
    return [(c.model, c.campaign, c.amount_minor) for c in ann.changes("credit")]


def test_the_last_touch_within_30_days_is_credited_where_no_model_is_published():
    ann = contact()
    ann.event("email_opened", NOW, send="s1", campaign="spring", journey="j", node="n")
    ann.event("email_clicked", NOW + 1, send="s2", campaign="autumn")
    ann.event("order_completed", NOW + 2, revenue=19.99, currency="CHF")
    (credit,) = ann.changes("credit")
    assert (credit.model, credit.version, credit.share) == ("last_touch", 0, 1.0)
    assert (credit.send, credit.campaign, credit.touch, credit.channel) == ("s2", "autumn", "clicked", "email")
    assert (credit.amount_minor, credit.currency) == (1999, "CHF")
    assert (credit.conversion, credit.event, credit.at) == ("e3", "order_completed", NOW + 2)


def test_each_touch_is_said_when_it_happens():
    ann = contact()
    ann.event("sms_replied", NOW, logged_at=NOW + 5, send="s1", campaign="spring", journey="j", node="n")
    (touch,) = ann.changes("touch")
    assert (touch.touch, touch.channel, touch.send, touch.at) == ("replied", "sms", "s1", NOW)
    assert (touch.campaign, touch.journey, touch.node) == ("spring", "j", "n")


def test_revenue_that_no_message_led_to_is_credited_to_nobody_so_that_totals_add_up():
    ann = contact()
    ann.event("email_opened", NOW - WINDOW, send="s1", campaign="spring")
    ann.event("order_completed", NOW, amount_minor=500)
    (credit,) = ann.changes("credit")
    assert (credit.send, credit.campaign, credit.amount_minor, credit.share) == ("", "", 500, 1.0)


def test_a_late_conversion_is_credited_to_what_was_touched_before_it_happened():
    ann = contact()
    ann.event("email_opened", NOW, send="s1", campaign="before")
    ann.event("email_opened", NOW + 2 * DAY, send="s2", campaign="after")
    ann.event("deal_won", NOW + DAY, logged_at=NOW + 3 * DAY, amount_minor=500)
    assert credited(ann) == [("last_touch", "before", 500)]


def test_a_late_touch_counts_for_the_conversions_that_are_folded_after_it():
    ann = contact()
    ann.event("order_completed", NOW + 1, amount_minor=1)
    ann.event("email_opened", NOW, logged_at=NOW + 2, send="s1", campaign="spring")
    ann.event("order_completed", NOW + 1, logged_at=NOW + 3, amount_minor=2)
    assert credited(ann) == [("last_touch", "", 1), ("last_touch", "spring", 2)]


def test_opens_and_clicks_by_machines_are_no_touches():
    ann = contact()
    ann.event("email_opened", NOW, send="s1", campaign="spring", machine=True)
    ann.event("order_completed", NOW + 1, amount_minor=500)
    assert ann.changes("touch") == []
    assert credited(ann) == [("last_touch", "", 500)]


def test_a_send_is_a_touch_only_where_a_model_says_so():
    ann = contact(model("seen", touches=["sent"]), model("usual"))
    ann.event("email_sent", NOW, send="s1", campaign="spring")
    ann.event("order_completed", NOW + 1, amount_minor=500)
    assert credited(ann) == [("seen", "spring", 500), ("usual", "", 500)]


def test_each_published_model_credits_every_conversion_by_its_own_rule_and_window():
    ann = contact(
        model("first", model="first_touch"),
        model("last", window="1d"),
        model("linear", model="linear", conversions=["signed_up"]),
    )
    ann.event("email_opened", NOW, send="s1", campaign="a")
    ann.event("email_opened", NOW + 3 * DAY, send="s2", campaign="b")
    ann.event("order_completed", NOW + 4 * DAY - 1, amount_minor=101)
    ann.event("order_completed", NOW + 4 * DAY, amount_minor=7)
    ann.event("signed_up", NOW + 4 * DAY, value=1.01)
    assert credited(ann) == [
        ("first", "a", 101),
        ("last", "b", 101),
        ("first", "a", 7),
        ("last", "", 7),
        ("linear", "a", 51),
        ("linear", "b", 50),
    ]


def test_history_is_credited_too_and_marked_as_such():
    ann = contact()
    ann.event("email_opened", NOW - 90 * DAY, logged_at=NOW, historical=True, send="s1", campaign="spring")
    ann.event("order_completed", NOW - 80 * DAY, logged_at=NOW, historical=True, amount_minor=500)
    assert credited(ann) == [("last_touch", "spring", 500)]
    assert all(c.historical for c in ann.changes("touch") + ann.changes("credit"))


def test_an_event_of_no_interest_does_not_open_the_section():
    ann = contact()
    assert not ann.event("page", NOW).has(SECTION)


sends = st.sampled_from(["s1", "s2", "s3", "s4"])
steps = st.lists(
    st.tuples(st.sampled_from(["email_opened", "email_clicked", "order_completed"]), sends, st.integers(0, 45 * DAY)),
    max_size=25,
)


def lived(steps, *models: Published) -> OneContact:
    ann = contact(*models)
    for i, (name, send, ago) in enumerate(steps):
        properties = {"amount_minor": i * 37 + 1} if name == "order_completed" else {"send": send, "campaign": send}
        ann.event(name, NOW - ago, logged_at=NOW + i, **properties)
    return ann


ALL = (model("f", model="first_touch"), model("l"), model("m", model="linear"))


@given(steps)
def test_for_each_model_the_credits_of_all_conversions_sum_to_what_was_sold(steps):
    ann = lived(steps, *ALL)
    sold = sum(i * 37 + 1 for i, step in enumerate(steps) if step[0] == "order_completed")
    for id in "flm":
        assert sum(c.amount_minor for c in ann.changes("credit") if c.model == id) == sold


@given(steps)
def test_a_replay_says_the_same_bytes_and_no_id_twice(steps):
    ann, again = lived(steps, *ALL), lived(steps, *ALL)
    ids = [c.id for kind in ("touch", "credit") for c in ann.changes(kind)]
    assert ann.effects == again.effects
    assert len(ids) == len(set(ids))


@given(steps)
def test_last_and_first_touch_are_what_a_look_over_all_touches_finds(steps):
    ann = lived(steps, *ALL)
    credits = {(c.conversion, c.model): c.send for c in ann.changes("credit")}
    for i, (name, _, ago) in enumerate(steps):
        if name != "order_completed":
            continue
        at = NOW - ago
        newest = max((NOW - a for touch, _, a in steps[:i] if touch != "order_completed"), default=at)
        if at < newest - LATE:
            continue  # a conversion that comes so long after newer touches may find its own gone
        before = [
            (NOW - a, n, s)
            for n, (touch, s, a) in enumerate(steps[:i])
            if touch != "order_completed" and at - WINDOW < NOW - a <= at
        ]
        conversion = f"e{i + 1}"
        assert credits[conversion, "l"] == (max(before)[2] if before else "")
        assert credits[conversion, "f"] == (min(before)[2] if before else "")
