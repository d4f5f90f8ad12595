"""What lint finds, and how long an SMS is."""

from __future__ import annotations

from typing import Any

import pytest

from flows.content.links import with_utm
from flows.content.lint import link_fault, lint
from flows.content.sms import length_of


def codes(**parts: Any) -> set[str]:
    body = {
        "kind": "email_template",
        "id": "t",
        "subject": "Hi",
        "preheader": "News",
        "html": '<p>Words enough for a text.</p><a href="{{ unsubscribe_url }}">leave</a>',
    }
    return {finding.code for finding in lint(body | parts)}


GOOD = '<p>Words enough for a text.</p><a href="{{ unsubscribe_url }}">leave</a>'


@pytest.mark.parametrize(
    ("parts", "code"),
    [
        ({"html": GOOD + "x" * 103 * 1024}, "too_large"),
        ({"html": GOOD + '<img src="https://a.example/x.png">'}, "no_alt"),
        ({"html": GOOD + '<img src="x.png" alt="">'}, "broken_image"),
        ({"html": GOOD + '<a href="www.example.com">x</a>'}, "broken_link"),
        ({"html": GOOD + "<script>1</script>"}, "unsupported"),
        ({"html": GOOD + "{first_name}"}, "broken_merge_tag"),
        ({"html": GOOD + "*|FNAME|*"}, "broken_merge_tag"),
        ({"html": "<p>Words enough for a text.</p>"}, "no_unsubscribe"),
        ({"subject": "x" * 61}, "long_subject"),
        ({"subject": "Hi {{ first_name }}"}, "does_not_render"),
        ({"preheader": ""}, "no_preheader"),
        ({"layout": "none"}, "unusable"),
    ],
)
def test_lint_finds_it(parts: dict[str, Any], code: str):
    assert code in codes(**parts)


def test_lint_finds_nothing_in_a_good_template():
    assert codes() == set()
    assert codes(subject="Hi {{ first_name }}", sample={"first_name": "Ann"}) == set()


def test_a_finding_names_the_locale():
    body = {"kind": "sms_template", "id": "t", "body": "Hi", "locales": {"de": {"body": "Grüezi ✓"}}}
    assert [(f.code, f.locale) for f in lint(body)] == [("ucs2", "de")]


@pytest.mark.parametrize("href", ["https://a.example", "http://localhost:1/x", "mailto:a@b.example", "tel:+41", "#top"])
def test_a_link_that_works(href: str):
    assert link_fault(href) == ""


@pytest.mark.parametrize(
    "href", ["", "#", "a.example", "javascript:alert(1)", "https://", "http:/a", "https://[x", "/x"]
)
def test_a_link_that_does_not(href: str):
    assert link_fault(href)


@pytest.mark.parametrize(
    ("text", "encoding", "units", "segments"),
    [
        ("", "GSM-7", 0, 1),
        ("a" * 160, "GSM-7", 160, 1),
        ("a" * 161, "GSM-7", 161, 2),
        ("a" * 306, "GSM-7", 306, 2),
        ("a" * 307, "GSM-7", 307, 3),
        ("a" * 158 + "€", "GSM-7", 160, 1),
        ("a" * 152 + "€" + "a" * 152, "GSM-7", 306, 3),  # the euro's two septets do not part
        ("ç" * 70, "UCS-2", 70, 1),
        ("ç" * 71, "UCS-2", 71, 2),
        ("😀" * 35, "UCS-2", 70, 1),
        ("😀" * 66, "UCS-2", 132, 2),
        ("😀" * 67, "UCS-2", 134, 3),  # 33 fit into a segment of 67
    ],
)
def test_an_sms_is_as_long_as_carriers_count_it(text: str, encoding: str, units: int, segments: int):
    assert length_of(text)[:3] == (encoding, units, segments)


@pytest.mark.parametrize(
    ("url", "tagged"),
    [
        ("https://a.example", "https://a.example?utm_source=n"),
        ("https://a.example/?x=%C3%A4#y", "https://a.example/?x=%C3%A4&utm_source=n#y"),
        ("https://a.example/?utm_source=mine", "https://a.example/?utm_source=mine"),
    ],
)
def test_utm_parameters_are_added_where_they_are_not_yet(url: str, tagged: str):
    assert with_utm(url, {"utm_source": "n"}) == tagged
