"""The ids of a contact's last day."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from flows.contact.recent import LIMIT, remember
from schemas.times import DAY


def test_an_id_is_taken_once_and_refused_the_second_time():
    once = remember(b"", "m-1", 1_000)
    assert once is not None
    assert remember(once, "m-1", 2_000) is None
    assert remember(once, "m-2", 2_000) is not None


def test_an_id_is_remembered_for_a_day_to_the_millisecond():
    once = remember(b"", "m-1", 1_000)
    assert once is not None
    assert remember(once, "m-1", 1_000 + DAY - 1) is None
    assert remember(once, "m-1", 1_000 + DAY) is not None


def test_at_most_512_ids_are_kept_and_the_oldest_goes_first():
    recent: bytes | None = b""
    for i in range(LIMIT + 1):
        assert recent is not None
        recent = remember(recent, f"m-{i}", i)
    assert recent is not None
    assert len(recent) == LIMIT * 14
    assert remember(recent, "m-1", LIMIT) is None
    assert remember(recent, "m-0", LIMIT) is not None


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, DAY // 2)), max_size=40))
def test_it_agrees_with_a_plain_dictionary(steps):
    recent, seen, now = b"", {}, 0
    for number, later in steps:
        now += later
        expected = number in seen and seen[number] > now - DAY
        taken = remember(recent, f"m-{number}", now)
        assert (taken is None) == expected
        if taken is not None:
            recent, seen[number] = taken, now
