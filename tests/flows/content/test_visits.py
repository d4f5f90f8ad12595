"""Who follows a link."""

from __future__ import annotations

import pytest

from flows.content.visits import Visit, judge

IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148"
GMAIL = "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)"


@pytest.mark.parametrize(
    ("visit", "why"),
    [
        (Visit("GET", IPHONE), ""),
        (Visit("GET", GMAIL, since=60_000), ""),  # fetched when a person opens it
        (Visit("GET", IPHONE, since=3_000), ""),
        (Visit("GET", IPHONE, since=2_999), "too_soon"),
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
    assert (verdict.why, verdict.machine, verdict.version) == (why, bool(why), 2)
