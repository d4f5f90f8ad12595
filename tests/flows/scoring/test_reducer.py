"""Scores move with what contacts do; planned sends become labelled examples."""

from __future__ import annotations

import pytest

from flows.contact.section import Contact
from flows.definitions.catalogue import Published
from flows.scoring import reducer
from flows.scoring.features import SECTION
from flows.scoring.model import PRIOR, compile_model
from flows.scoring.pending import LIMIT
from schemas.times import DAY, HOUR, MINUTE
from tests.flows.scoring.one_contact import OneContact

NOW = 1_700_000_000_000
WINDOW = 3 * DAY


def contact(**changes) -> OneContact:
    model = compile_model(Published("model", "engagement", 4, {**PRIOR, **changes}, 0))
    return OneContact([reducer], model=model)


def score(ann: OneContact) -> float | None:
    return reducer.score_of(ann.open().get(SECTION), "engagement")


def test_an_open_moves_the_score_and_says_so_with_the_models_version():
    ann = contact()
    ann.event("email_sent", NOW, send="s1")
    before = score(ann)
    ann.event("email_opened", NOW + MINUTE, send="s1")
    said = ann.changes("score")
    assert score(ann) > before
    assert [(c.model, c.version, c.value) for c in said] == [("engagement", 4, before), ("engagement", 4, score(ann))]
    assert ann.keys == {"score:engagement"}


def test_a_score_is_told_to_one_decimal_and_only_when_that_moved():
    ann = contact(weights=[0.0] * 13)
    ann.event("email_sent", NOW)
    ann.event("email_opened", NOW)
    assert [c.value for c in ann.changes("score")] == [26.9]


def test_below_the_minimum_of_data_there_is_no_score():
    ann = contact(minimum_sends=2)
    ann.event("page", NOW)
    ann.event("email_sent", NOW)
    assert score(ann) is None
    assert ann.changes("score") == []
    ann.event("sms_sent", NOW)
    assert score(ann) is not None


def test_a_version_that_asks_for_more_data_takes_the_score_away_at_the_next_fact():
    ann = contact()
    ann.event("email_sent", NOW)
    ann.active.model = compile_model(Published("model", "engagement", 5, {**PRIOR, "minimum_sends": 9}, 0))
    ann.event("email_opened", NOW)
    assert score(ann) is None
    assert [(c.version, c.value) for c in ann.changes("score")][-1] == (5, None)


def test_opens_by_machines_move_nothing_and_label_nothing():
    ann = contact()
    ann.event("email_sent", NOW, send="s1")
    ann.decide("s1", NOW)
    before = score(ann)
    ann.event("email_opened", NOW + 1, send="s1", machine=True)
    assert (score(ann), ann.examples) == (before, [])


@pytest.mark.parametrize("answer", ["email_opened", "email_clicked", "sms_replied"])
def test_an_open_click_or_reply_within_the_window_labels_the_send_with_1_at_once(answer):
    ann = contact()
    ann.decide("s1", NOW)
    known = ann.open().get(SECTION)
    ann.event("email_sent", NOW + 1, send="s1")
    ann.event(answer, NOW + HOUR, send="s1")
    ann.wait(NOW + 2 * WINDOW)
    (example,) = ann.examples
    assert (example.label, example.at, example.labelled_at, example.version) == (1, NOW, NOW + HOUR, 4)
    assert example.features[0] == 0.0  # what was known at the decision, before this send
    assert known.sends == 0


def test_without_one_the_label_is_0_when_the_window_ends_to_the_millisecond():
    ann = contact()
    ann.decide("s1", NOW)
    ann.wait(NOW + WINDOW - 1)
    assert ann.examples == []
    ann.wait(NOW + WINDOW)
    assert [(e.label, e.labelled_at) for e in ann.examples] == [(0, NOW + WINDOW)]
    ann.event("email_opened", NOW + WINDOW + 1, send="s1")
    assert len(ann.examples) == 1
    assert ann.open().due is None


def test_at_the_same_instant_the_timer_wins_over_the_open():
    ann = contact()
    ann.decide("s1", NOW)
    ann.event("email_opened", NOW + WINDOW, send="s1")
    assert [e.label for e in ann.examples] == [0]


def test_each_send_has_its_own_label_and_window():
    ann = contact()
    ann.decide("s1", NOW)
    ann.decide("s2", NOW + HOUR)
    ann.event("email_opened", NOW + 2 * HOUR, send="s2")
    assert ann.open().due == NOW + WINDOW
    ann.wait(NOW + 2 * WINDOW)
    assert [e.label for e in ann.examples] == [1, 0]
    assert len({e.id for e in ann.examples}) == 2


@pytest.mark.parametrize("outcome", ["email_bounced", "email_failed", "email_skipped", "webhook_sent"])
def test_what_never_reached_the_contact_teaches_nothing(outcome):
    ann = contact()
    ann.decide("s1", NOW)
    ann.event(outcome, NOW + 1, send="s1")
    ann.wait(NOW + 2 * WINDOW)
    assert ann.examples == []


def test_history_builds_features_and_teaches_nothing():
    ann = contact()
    ann.event("email_sent", NOW - 9 * DAY, logged_at=NOW, historical=True)
    ann.decide("s1", NOW + 1)
    ann.event("email_opened", NOW - 8 * DAY, logged_at=NOW + 2, historical=True, send="s1")
    assert ann.examples == []
    assert ann.open().get(SECTION).opened > 0
    assert all(c.historical for c in ann.changes("score"))


def test_no_more_than_a_limit_of_decisions_wait():
    ann = contact()
    for i in range(LIMIT + 3):
        ann.decide(f"s{i}", NOW + i)
    ann.wait(NOW + 2 * WINDOW)
    assert len(ann.examples) == LIMIT


def test_examples_are_keyed_by_their_model():
    ann = contact()
    ann.decide("s1", NOW)
    ann.wait(NOW + WINDOW)
    assert [(e.topic, e.key) for e in ann.effects] == [("examples", "engagement")]


def test_the_same_history_says_the_same_bytes():
    def lived() -> list:
        ann = contact()
        ann.event("page", NOW)
        ann.event("email_sent", NOW + 1, send="s1")
        ann.decide("s2", NOW + 2)
        ann.event("email_clicked", NOW + 3, send="s2")
        return ann.effects

    assert lived() == lived()


def test_an_event_of_no_interest_does_not_open_the_section():
    ann = contact()
    state = ann.event("product_viewed", NOW)
    assert not state.has(SECTION)


def test_a_contact_who_was_never_scored_has_none():
    assert reducer.score_of(Contact(None, 7).get(SECTION), "engagement") is None
