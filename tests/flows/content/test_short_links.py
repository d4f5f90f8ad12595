"""Short links of text messages."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.content.links import BadToken, Links
from flows.content.short_links import Short, code_of, read_code, shorten
from flows.content.sms import length_of
from flows.content.template import compile_template, render
from flows.delivery.origin import Origin

KEY = b"k" * 32
LINKS = Links("https://m.example", KEY, Origin("s1", "ann", "sms", "spring"), "2:77")
places = st.builds(Short, st.integers(0, 511), st.integers(0, 2**40), st.integers(0, 99))


@given(places)
def test_a_code_says_the_place_and_number_that_were_signed(short: Short):
    assert read_code(KEY, code_of(KEY, short)) == short


@given(places)
def test_a_code_made_with_another_key_is_refused(short: Short):
    with pytest.raises(BadToken):
        read_code(b"other", code_of(KEY, short))


@pytest.mark.parametrize("code", ["", "a", "====", "ä", "x" * 65, "AAAA" * 5])
def test_what_was_not_signed_here_is_refused(code: str):
    with pytest.raises(BadToken):
        read_code(KEY, code)


def test_links_are_replaced_in_place_and_the_punctuation_around_them_stays():
    text, targets = shorten(
        "Look (https://a.example/x?y=1), or http://b.example. Again https://a.example/x?y=1!", LINKS, {}
    )
    first, second = (f"https://m.example/s/{code_of(KEY, Short(2, 77, number))}" for number in (0, 1))
    assert text == f"Look ({first}), or {second}. Again {first}!"
    assert targets == ("https://a.example/x?y=1", "http://b.example")


def test_what_is_no_link_and_our_own_links_stay_as_they_are():
    text = "Call +41 44 000 00 00, write to a@b.example or see https://m.example/u/abc"
    assert shorten(text, LINKS, {}) == (text, ())


def test_a_link_takes_some_20_characters_beside_the_host():
    text, _ = shorten("https://a.example/" + "long/" * 40, LINKS, {})
    assert len(text) - len("https://m.example/s/") <= 20
    assert length_of(text).segments == 1


def test_a_text_message_is_rendered_with_short_links_that_carry_the_utm_parameters():
    body = {"kind": "sms_template", "id": "t", "body": "Your code: {{ url }}", "utm": {"source": "crm"}}
    rendered = render(compile_template(body), {"url": "https://a.example/p"}, "", LINKS)
    assert rendered.text == f"Your code: https://m.example/s/{code_of(KEY, Short(2, 77, 0))}"
    assert rendered.links == ("https://a.example/p?utm_medium=sms&utm_campaign=spring&utm_source=crm",)
