"""Signed links."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.content.links import BadToken, Links, Purpose, Token, sign, verify
from flows.delivery.origin import Origin

KEY = b"k" * 32
ORIGIN = Origin("s1", "ann", "email", "spring", "welcome", 3, "hello", "t", "news", "sandbox", "A")
LINKS = Links("https://m.example", KEY, ORIGIN, "2:77")


@given(st.text(max_size=300), st.sampled_from(["o", "c", "u", "m"]))
def test_a_token_says_what_was_signed(extra: str, purpose: Purpose):
    token = Token(purpose, ORIGIN, extra)
    assert verify(KEY, purpose, sign(KEY, token)) == token


@given(st.integers(0, 10_000), st.integers(1, 255))
def test_a_token_with_any_byte_changed_is_refused(place: int, by: int):
    text = sign(KEY, Token("c", ORIGIN, "https://a.example/"))
    i = place % (len(text) - 1)  # the last character carries unused bits
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    other = alphabet[(alphabet.index(text[i]) + 1 + by % 62) % 64]
    if other != text[i]:
        with pytest.raises(BadToken):
            verify(KEY, "c", text[:i] + other + text[i + 1 :])


@pytest.mark.parametrize("text", ["", "a", "====", "ä", "x" * 9000, "AAAA" * 20])
def test_what_was_not_signed_here_is_refused(text: str):
    with pytest.raises(BadToken):
        verify(KEY, "o", text)


def test_a_token_is_good_for_its_purpose_and_its_key_alone():
    token = sign(KEY, Token("u", ORIGIN))
    with pytest.raises(BadToken, match="purpose"):
        verify(KEY, "c", token)
    with pytest.raises(BadToken):
        verify(b"other", "u", token)


def test_web_links_are_tracked_and_others_left_alone():
    html = (
        '<body><a href="https://a.example/?x=1&amp;y=2">a</a><a class="b" href=\'http://b.example\'>b</a>'
        f'<a href="mailto:x@y.example">m</a><a href="#top">t</a><a href="{LINKS.unsubscribe_url}">u</a></body>'
    )
    tracked, targets = LINKS.track(html)
    assert targets == ("https://a.example/?x=1&y=2", "http://b.example")
    hrefs = re.findall(r"<a[^>]*href=[\"']([^\"']*)", tracked)
    clicks = [h for h in hrefs if urlsplit(h).path.startswith("/c/")]
    assert [verify(KEY, "c", h.rpartition("/")[2]).extra for h in clicks] == list(targets)
    assert set(hrefs) - set(clicks) == {"mailto:x@y.example", "#top", LINKS.unsubscribe_url}


def test_the_open_pixel_is_the_last_thing_in_the_body():
    tracked, _ = LINKS.track("<html><body>hi</body></html>")
    pixel = re.search(r'<img src="https://m.example/o/([^"]+)"[^>]*></body></html>$', tracked)
    assert pixel is not None
    assert verify(KEY, "o", pixel[1]).origin == ORIGIN
