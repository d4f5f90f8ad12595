"""Templates: what they read, what they say in which words, and what they refuse."""

from __future__ import annotations

from typing import Any

import pytest

from flows.content.filters import FILTERS
from flows.content.template import RenderFailed, compile_template, render
from schemas.definitions import markup, parse
from schemas.errors import InvalidInput


def email(**parts: Any) -> dict[str, Any]:
    return {"kind": "email_template", "id": "t", "subject": "Hi", "html": "<p>Hi</p>"} | parts


def sms(body: str) -> dict[str, Any]:
    return {"kind": "sms_template", "id": "t", "body": body}


def said(source: str, locale: str = "en", **data: Any) -> str:
    body = sms(source) | {"locale": locale.partition("-")[0]}
    parse(body)
    return render(compile_template(body), data, locale).text


def test_the_names_are_the_top_level_variables_of_all_parts_and_locales():
    body = email(
        subject="{{ first_name }}",
        html="{% for o in orders %}{{ o.total }}{% endfor %}{{ account.name }}{{ unsubscribe_url }}",
        locales={"de": {"subject": "{{ last_name }}"}},
    )
    assert compile_template(body).names == {"first_name", "orders", "account", "last_name"}


def test_a_missing_variable_is_named():
    with pytest.raises(RenderFailed, match=r"^'first_name' is missing$"):
        said("Hi {{ first_name }}")


def test_a_fallback_stands_in_for_a_missing_variable():
    assert said("Hi {{ first_name | default('you') }}") == "Hi you"


@pytest.mark.parametrize(
    ("wanted", "subject"),
    [("de", "Hallo"), ("de-CH", "Grüezi"), ("de_ch", "Grüezi"), ("de-AT", "Hallo"), ("fr", "Hi"), ("", "Hi")],
)
def test_the_words_are_those_of_the_locale_its_language_or_the_template_itself(wanted: str, subject: str):
    body = email(locales={"de": {"subject": "Hallo"}, "de-CH": {"subject": "Grüezi"}})
    parse(body)
    assert render(compile_template(body), {}, wanted).subject == subject


@pytest.mark.parametrize(
    ("source", "locale", "expected"),
    [
        ("{{ 129900 | money('CHF') }}", "de-CH", "CHF 1’299.00"),
        ("{{ 129900 | money('EUR') }}", "de-DE", "1.299,00 €"),
        ("{{ 1500 | money('JPY') }}", "en", "¥1,500"),
        ("{{ '2026-01-31' | date }}", "de", "31. Januar 2026"),
        ("{{ '2026-01-31T23:30:00Z' | date('long', 'Europe/Zurich') }}", "en", "February 1, 2026"),
        ("{{ '2026-01-31T23:30:00Z' | time('HH:mm', 'Europe/Zurich') }}", "en", "00:30"),
        ("{{ 1234567.5 | number }}", "fr", "1 234 567,5"),
        ("{{ 0.0165 | percent }}", "en", "1.65%"),
        ("{{ ['a', 'b'] | join }} {{ 'x' ~ 1 }} {{ 'Ann' | upper }}", "en", "a, b x1 ANN"),
    ],
)
def test_filters_write_as_the_locale_does(source: str, locale: str, expected: str):
    spaces = str.maketrans({"\xa0": " ", "\u202f": " "})
    assert said(source, locale).translate(spaces) == expected


def test_the_language_names_exactly_the_filters_that_there_are():
    assert FILTERS.keys() == markup.FILTERS


def test_data_is_escaped_in_html_and_plain_in_text():
    body = email(html="<p>{{ name }}</p>", subject="{{ name }}")
    rendered = render(compile_template(body), {"name": "<b>Ann & Co</b>"})
    assert "<p>&lt;b&gt;Ann &amp; Co&lt;/b&gt;</p>" in rendered.html
    assert (rendered.subject, rendered.text) == ("<b>Ann & Co</b>", "<b>Ann & Co</b>\n")


def test_html_from_people_is_cleaned():
    body = email(html="<p>{{ bio | clean }}</p>")
    rendered = render(compile_template(body), {"bio": "<i>hi</i><script>alert(1)</script>"})
    assert rendered.html == "<p><i>hi</i></p>"
    assert rendered.text == "hi\n"


@pytest.mark.parametrize("name", ["Ann\r\nBcc: all@example.com", "Ann\nX: y", "Ann\x00", "Ann\u2028Bcc: x"])
def test_a_subject_that_would_begin_another_header_is_refused(name: str):
    with pytest.raises(RenderFailed, match="line break"):
        render(compile_template(email(subject="Hi {{ name }}")), {"name": name})


@pytest.mark.parametrize(
    "source",
    [
        "{% for a in range(9999) %}{% for b in range(9999) %}x{% endfor %}{% endfor %}",
        "{% for a in 'x' | join %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
        "{% set a = '0123456789' %}" + "{% set a = a ~ a %}" * 40 + "{{ a }}",
        "{% set a = '0123456789' %}" + "{% set a = a + a %}" * 40 + "{{ a }}",
        "{% set a = 'aaaaaaaaaa' %}" + "{% set a = a | replace('a', a) %}" * 40 + "{{ a }}",
        "{% set a = 'aaaaaaaaaa' %}" + "{% set a = a | join(a) %}" * 40 + "{{ a }}",
        "{% set a = 99999 %}" + "{% set a = a * a %}" * 40 + "{{ a }}",
        "{{ 'a' * 999999999 }}",
        "{{ [1] * 999999999 }}",
        "{{ '%999999999d' % 1 }}",
        "{% for a in range(9000) %}" + "x" * 100 + "{% endfor %}",
    ],
)
def test_a_template_that_works_or_writes_without_end_is_stopped(source: str):
    parse(sms(source))
    with pytest.raises(RenderFailed):
        said(source)


@pytest.mark.parametrize(
    "source",
    [
        "{{ ''.__class__ }}",
        "{{ x.format(1) }}",
        "{{ x() }}",
        "{{ cycler }}{{ lipsum() }}",
        "{{ x | attr('y') }}",
        "{{ x | safe }}",
        "{{ 2 ** 9 }}",
        "{% include x %}",
        "{% include '../x' %}",
        "{% import 'x' as y %}",
        "{% extends 'x' %}",
        "{% macro f() %}{% endmacro %}",
        "{{ _budget }}",
    ],
)
def test_what_reaches_for_more_than_data_is_refused_when_it_is_published(source: str):
    with pytest.raises(InvalidInput, match="line 1"):
        parse(sms(source))


def test_internals_are_out_of_reach_by_other_ways_too():
    with pytest.raises(RenderFailed, match="unsafe"):
        said("{{ x['__class__'] }}", x="a")


def test_a_fault_is_told_with_its_place_and_line():
    with pytest.raises(InvalidInput) as refused:
        parse(email(subject="a\nb", html="one\n{% if %}"))
    assert {(v.path, v.message.partition(":")[0]) for v in refused.value.violations} == {
        ("subject", "must be a single line"),
        ("html", "line 2"),
    }


@pytest.mark.parametrize("mjml", ["<mjml><mj-body>", "hello", "<mjml><mj-body><mj-foo/></mj-body></mjml>"])
def test_mjml_that_cannot_be_read_is_refused(mjml: str):
    body = email(mjml=mjml)
    del body["html"]
    with pytest.raises(InvalidInput, match="MJML cannot be read"):
        parse(body)


def test_an_email_has_one_body():
    with pytest.raises(InvalidInput, match="mjml or as html"):
        parse(email(mjml="<mjml><mj-body></mj-body></mjml>"))


def test_mjml_becomes_html_and_text_with_branches_loops_and_links_in_place():
    body = email(
        preheader="Look, {{ name }}",
        mjml="<mjml><mj-body><mj-section><mj-column>{% if total < 10 %}<mj-text>few</mj-text>{% else %}"
        "<mj-text>{% for i in items_ %}{{ i }},{% endfor %}</mj-text>{% endif %}"
        '<mj-button href="https://x.example/{{ name | urlencode }}">Go</mj-button>'
        "</mj-column></mj-section></mj-body></mjml>",
    )
    del body["html"]
    parse(body)
    rendered = render(compile_template(body), {"name": "A&B", "total": 10, "items_": [1, 2]})
    assert 'href="https://x.example/A%26B"' in rendered.html
    assert "few" not in rendered.html
    assert "Look, A&amp;B</div>" in rendered.html
    assert rendered.text == "1,2,\n\nGo (https://x.example/A%26B)\n"


def test_a_push_has_title_text_and_data():
    body = {"kind": "push_template", "id": "p", "title": "Hi {{ n }}", "body": "b", "data": {"screen": "/o/{{ n }}"}}
    parse(body)
    rendered = render(compile_template(body), {"n": 7})
    assert (rendered.subject, rendered.text, rendered.data) == ("Hi 7", "b", {"screen": "/o/7"})


def test_data_of_the_wrong_kind_costs_this_message_alone():
    with pytest.raises(RenderFailed, match="money takes an amount"):
        said("{{ name | money('CHF') }}", name="Ann")


def test_a_loop_around_sections_in_a_wrapper_is_refused_because_outlook_would_show_half_of_it():
    section = "<mj-section><mj-column><mj-text>{{ a }}</mj-text></mj-column></mj-section>"
    loop = f"{{% for a in b %}}{section}{{% endfor %}}"
    markup.mjml_to_html(f"<mjml><mj-body>{loop}</mj-body></mjml>")
    with pytest.raises(ValueError, match=r"no place for \{% for a in b %\} here"):
        markup.mjml_to_html(f"<mjml><mj-body><mj-wrapper>{loop}</mj-wrapper></mj-body></mjml>")
