"""Who follows a link."""

from __future__ import annotations

import pytest

from flows.content.visits import REMEMBERED, Recent, Visit, judge

IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148"
GMAIL = "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)"


@pytest.mark.parametrize(
    ("visit", "why"),
    [
        (Visit("GET", IPHONE), ""),
        (Visit("GET", GMAIL, since=60_000), ""),  # fetched when a person opens it
        (Visit("GET", IPHONE, since=3_000), ""),
        (Visit("GET", IPHONE, since=2_999), "too_soon"),
        (Visit("GET", IPHONE, since=60_000, at_once=True), "at_once"),
        (Visit("HEAD", IPHONE), "head_request"),
        (Visit("GET", ""), "no_agent"),
        (Visit("GET", "Mozilla/5.0"), "apple_mpp"),
        (Visit("GET", IPHONE, purpose="prefetch;anonymous-client-ip"), "prefetch"),
        (Visit("GET", "Mozilla/5.0 (compatible; Googlebot/2.1)"), "program"),
        (Visit("GET", "python-requests/2.32"), "program"),
        (Visit("GET", "Barracuda Sentinel (EE)"), "program"),
    ],
)
def test_a_visit_is_judged_by_the_first_rule_that_fits(visit: Visit, why: str):
    verdict = judge(visit)
    assert (verdict.why, verdict.machine, verdict.version) == (why, bool(why), 1)


def test_a_second_link_of_one_message_at_once_is_told_a_repetition_and_a_later_one_are_not():
    recent = Recent()
    assert not recent.follow("s", "a", 0)
    assert not recent.follow("s", "a", 10)
    assert recent.follow("s", "b", 20)
    assert not recent.follow("s", "a", 1_520)
    assert not recent.follow("other", "b", 1_521)


def test_only_so_many_messages_are_remembered():
    recent = Recent()
    for n in range(REMEMBERED + 1):
        recent.follow(str(n), "a", 0)
    assert not recent.follow("0", "b", 1)
    assert recent.follow(str(REMEMBERED), "b", 1)
