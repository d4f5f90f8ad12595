"""Which touches are kept and which count: windows to the millisecond, ties by the log, a bound."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from flows.attribution.touches import LATE, LIMIT, Touch, Touches, record, within
from schemas.times import DAY

NOW, WINDOW = 1_700_000_000_000, 30 * DAY
KINDS = frozenset({"opened", "clicked"})


def kept(*touches: Touch, window: int = WINDOW) -> Touches:
    found = Touches()
    for touch in touches:
        record(found, touch, window)
    return found


def opened(at: int, send: str = "s") -> Touch:
    return Touch(at, "opened", "email", send)


def test_a_touch_exactly_as_old_as_the_window_is_out_at_that_very_millisecond():
    touches = kept(opened(NOW))
    assert within(touches, NOW + WINDOW - 1, WINDOW, KINDS) == [opened(NOW)]
    assert within(touches, NOW + WINDOW, WINDOW, KINDS) == []


def test_a_touch_at_the_instant_of_the_conversion_counts_and_a_later_one_does_not():
    touches = kept(opened(NOW, "now"), opened(NOW + 1, "later"))
    assert [t.send for t in within(touches, NOW, WINDOW, KINDS)] == ["now"]


def test_of_two_at_the_same_instant_the_later_in_the_log_is_the_later():
    touches = kept(opened(NOW, "first"), opened(NOW, "second"))
    assert [t.send for t in within(touches, NOW, WINDOW, KINDS)] == ["first", "second"]


def test_only_the_kinds_that_a_model_asks_for_count():
    touches = kept(opened(NOW), Touch(NOW + 1, "sent", "email", "s"))
    assert within(touches, NOW + 2, WINDOW, KINDS) == [opened(NOW)]


instants = st.lists(st.integers(0, 100 * DAY).map(lambda ago: NOW - ago), min_size=1, max_size=80, unique=True)


@given(instants, st.randoms(use_true_random=False))
def test_what_is_kept_does_not_depend_on_the_order_of_arrival(instants, dice):
    shuffled = dice.sample(instants, len(instants))
    assert kept(*map(opened, instants)).kept == kept(*map(opened, shuffled)).kept


@given(instants)
def test_what_is_kept_is_the_newest_of_the_window_and_the_time_that_a_record_may_be_late(instants):
    newest = max(instants)
    recent = sorted(at for at in instants if at > newest - WINDOW - LATE)
    assert [t.at for t in kept(*map(opened, instants)).kept] == recent[-LIMIT:]


@given(instants, st.integers(0, LATE))
def test_a_conversion_that_comes_late_finds_all_touches_of_its_window(instants, late):
    at = max(instants) - late
    expected = sorted(t for t in instants if at - WINDOW < t <= at)
    found = [t.at for t in within(kept(*map(opened, instants)), at, WINDOW, KINDS)]
    assert found == expected or len(instants) > LIMIT


def test_imported_touches_without_a_send_are_told_apart_by_campaign_journey_and_node():
    assert opened(NOW, "s1").message == "s1"
    assert Touch(NOW, "opened", "email", "", "spring").message != Touch(NOW, "opened", "email", "", "autumn").message
