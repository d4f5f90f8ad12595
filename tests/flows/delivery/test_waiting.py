"""What waits, in which order, and how far everything is done."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from flows.delivery.ledger import NEVER, Standing, fold
from flows.delivery.waiting import Lanes, Waiting
from schemas.records import Attempt
from tests.flows.delivery.support import send


def test_transactional_goes_first_and_each_lane_keeps_its_order():
    lanes: Lanes[int] = Lanes()
    for offset, kind in enumerate(["marketing", "transactional", "marketing", "transactional"]):
        lanes.put(send(offset, message_class=kind), (0, offset), offset)
    assert lanes.urgent
    assert [lanes.take() for _ in range(4)] == [1, 3, 0, 2]
    assert not lanes.urgent


@settings(deadline=None)
@given(st.lists(st.booleans(), max_size=30), st.randoms(use_true_random=False))
def test_progress_is_the_lowest_offset_that_is_not_settled(kinds: list[bool], rng):
    waiting, left = Waiting(5), list[int]()
    for offset, is_send in enumerate(kinds, 5):
        if is_send:
            waiting.add(offset, send(offset))
            left.append(offset)
        else:
            waiting.passed(offset)
    end = 5 + len(kinds)
    assert waiting.lowest == min(left, default=end)
    for offset in rng.sample(left, len(left)):
        waiting.settle(offset, send(offset))
        left.remove(offset)
        assert waiting.lowest == min(left, default=end)


def test_of_two_sends_of_a_run_that_wait_the_earlier_is_superseded():
    waiting, first, second = Waiting(0), send(1, run="r", at=1), send(2, run="r", at=2)
    waiting.add(0, first)
    assert not waiting.superseded(first)
    waiting.add(1, second)
    assert (waiting.superseded(first), waiting.superseded(second)) == (True, False)
    waiting.settle(1, second)
    assert not waiting.superseded(first)


def test_sends_planned_at_one_instant_or_in_other_runs_do_not_supersede():
    waiting, sends = Waiting(0), [send(1, run="r"), send(2, run="r"), send(3, run="s", at=9_999), send(4)]
    for offset, s in enumerate(sends):
        waiting.add(offset, s)
    assert not any(waiting.superseded(s) for s in sends)


def test_what_has_ended_stays_as_it_ended():
    standing = NEVER
    for number, status in ((1, "started"), (1, "retry"), (2, "started"), (2, "accepted"), (3, "refused")):
        standing = fold(standing, Attempt("s", "c", number, status, number * 10))
    assert standing == Standing("accepted", 2, 20)
