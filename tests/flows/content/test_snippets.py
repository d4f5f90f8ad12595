"""Snippets, layouts, dynamic blocks, and templates that cannot be used."""

from __future__ import annotations

from typing import Any

import pytest

from flows.content.library import Library
from flows.content.lint import PREVIEW
from flows.content.template import RenderFailed, compile_template, render
from schemas.definitions import parse
from schemas.errors import InvalidInput
from schemas.ids import bucket
from schemas.records import Definition, Record, encode


def email(**parts: Any) -> dict[str, Any]:
    body = {"kind": "email_template", "id": "t", "subject": "Hi", "html": "<p>Hi</p>", "class": "transactional"} | parts
    parse(body)
    return body


def snippet(id: str, **parts: Any) -> dict[str, Any]:
    body = {"kind": "snippet", "id": id} | parts
    parse(body)
    return {id: body}


def test_a_snippet_is_put_in_by_the_form_and_the_locale_of_the_part():
    shared = snippet(
        "sign", html="<b>{{ name }}</b>", text="Bye", locales={"de": {"html": "<b>Herzlich, {{ name }}</b>"}}
    )
    template = compile_template(
        email(html='<p>{% include "sign" %}</p>', text='{% include "sign" %}', locales={"de": {"subject": "Hallo"}}),
        shared,
    )
    assert template.names == {"name"}
    assert render(template, {"name": "A&B"}).html == "<p><b>A&amp;B</b></p>"
    german = render(template, {"name": "Bo"}, "de-CH")
    assert (german.html, german.text) == ("<p><b>Herzlich, Bo</b></p>", "Bye\n")


def test_a_layout_holds_the_message():
    shared = snippet("base", html='<body><i>{% include "content" %}</i></body>')
    template = compile_template(email(layout="base", html="{{ x }}"), shared)
    assert render(template, {"x": 1}).html == "<body><i>1</i></body>"


@pytest.mark.parametrize(
    ("body", "shared", "fault"),
    [
        (email(html='{% include "none" %}'), {}, "there is no snippet 'none'"),
        (email(layout="none"), {}, "there is no snippet 'none'"),
        (email(layout="s"), snippet("s", html="x"), "is no layout"),
        (email(html='{% include "s" %}'), snippet("s", text="x"), "has no html"),
        (email(html='{% include "s" %}'), snippet("s", html='{% include "s" %}'), "does it include itself"),
        (email(html='{% include "content" %}'), {}, "by a layout alone"),
        ({"kind": "email_template", "id": "t", "subject": "x"}, {}, "html"),
        ({"kind": "email_template", "id": "t", "subject": "{% if %}", "html": "x"}, {}, "Expected an expression"),
        ({"kind": "sms_template", "id": "t", "body": "x", "when": {"a": {"nonsense": 1}}}, {}, "when.a"),
        ({"kind": "owl_template", "id": "t"}, {}, "owl"),
        ({}, {}, ""),
    ],
)
def test_a_body_that_cannot_be_used_says_why_instead_of_raising(
    body: dict[str, Any], shared: dict[str, Any], fault: str
):
    template = compile_template(body, shared)
    assert fault in template.fault
    with pytest.raises(RenderFailed):
        render(template, {})


def test_includes_that_multiply_are_stopped():
    shared: dict[str, Any] = {}
    for n in range(7):
        shared |= snippet(f"s{n}", html=f'{{% include "s{n + 1}" %}}' * 20)
    shared |= snippet("s7", html="x" * 100)
    assert "more than" in compile_template(email(html='{% include "s0" %}'), shared).fault


def test_a_block_shows_where_its_condition_holds():
    when = {
        "gold": {"or": [{"trait": "plan", "op": "eq", "value": "gold"}, {"trait": "account.vip", "op": "exists"}]},
        "big": {"entry": "properties.total", "op": "gte", "value": 100},
        "half": {"bucket": [0, 50], "salt": "x"},
    }
    source = "{% if when.gold %}G{% endif %}{% if when.big %}B{% endif %}{% if when.half %}H{% endif %}."
    template = compile_template(email(html=source, when=when))
    assert template.names == {"plan", "account", "entry", "contact"}
    half = "H" if bucket("x", "ann") < 50 else ""
    ann = {"contact": {"id": "ann"}}
    assert render(template, ann | {"plan": "gold", "entry": {"total": 100}}).html == f"GB{half}."
    assert render(template, ann | {"account": {"vip": 1}, "entry": {"total": 99}}).html == f"G{half}."
    assert render(template, ann).html == f"{half}."


@pytest.mark.parametrize("condition", [{"performed": "x"}, {"segment": "x"}, {"trait": "a", "op": "anniversary"}])
def test_a_block_may_not_ask_for_history_or_time(condition: dict[str, Any]):
    with pytest.raises(InvalidInput, match="branch"):
        email(when={"x": condition})


def test_marketing_without_a_way_out_gets_one_in_its_language():
    body = email(html="<body>x</body>", text="x") | {"class": "marketing", "locales": {"de": {"subject": "Hallo"}}}
    rendered = render(compile_template(body), {}, "de", PREVIEW, track=False)
    assert f'<a href="{PREVIEW.unsubscribe_url}"' in rendered.html
    assert rendered.html.endswith("Abmelden</a></p></body>")
    assert f"Abmelden: {PREVIEW.unsubscribe_url}" in rendered.text
    assert "unsubscribe" not in render(compile_template(email()), {}, "", PREVIEW).html


def webhook(body: str, **parts: Any) -> dict[str, Any]:
    made = {"kind": "webhook_template", "id": "w", "body": body} | parts
    parse(made)
    return made


def test_what_is_put_into_a_json_body_stays_a_value():
    source = (
        '{"name": "{{ name }}", "n": {{ n }}, "list": {{ tags | json }}, "text": {{ name | json }}, "none": {{ x }}}'
    )
    rendered = render(compile_template(webhook(source)), {"name": 'A","admin":"1\n', "n": 7, "tags": ["ä"], "x": None})
    assert rendered.text == (
        '{"name": "A\\",\\"admin\\":\\"1\\n", "n": 7, "list": ["ä"], "text": "A\\",\\"admin\\":\\"1\\n", "none": null}'
    )
    assert rendered.data == {"Content-Type": "application/json"}


def test_a_body_that_is_no_json_and_a_header_that_begins_another_are_not_sent():
    with pytest.raises(RenderFailed, match="no JSON"):
        render(compile_template(webhook("{{ name }}")), {"name": "x"})
    injected = webhook("{}", headers={"X-Name": "{{ name }}"})
    with pytest.raises(RenderFailed, match="line break"):
        render(compile_template(injected), {"name": "a\r\nX-Admin: 1"})


def test_a_send_has_the_snippets_of_its_moment():
    library = Library()
    acts = [
        (0, Definition("snippet", "s", "publish", 1, {"kind": "snippet", "id": "s", "html": "old"})),
        (0, Definition("email_template", "t", "publish", 1, email(html='{% include "s" %}'))),
        (10_000, Definition("snippet", "s", "publish", 2, {"kind": "snippet", "id": "s", "html": "new"})),
    ]
    for offset, (at, act) in enumerate(acts):
        library.apply(Record(offset, at, "", encode(act)))
    said = []
    for at in (5_000, 20_000):
        template = library.find("email", "t", 1, at)
        assert template is not None
        said.append(render(template, {}).html)
    assert said == ["old", "new"]
