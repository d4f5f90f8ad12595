"""The library of ready templates: each says the same today as when it was last looked at, in three languages.

`WAXWING_UPDATE_GOLDEN=1` writes the files anew; look at what changed in a browser before keeping it.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from connectors.documents import files_of, read_documents
from connectors.publish import validate
from flows.content.lint import GMAIL_CLIPS, PREVIEW, lint
from flows.content.template import compile_template, render

ROOT = Path(__file__).resolve().parents[3]
GOLDEN = ROOT / "tests" / "golden" / "templates"
BODIES: list[dict[str, Any]] = [
    d.body for file in files_of(ROOT / "infra" / "samples" / "templates") for d in read_documents(file)[0]
]
SNIPPETS = {body["id"]: body for body in BODIES if body["kind"] == "snippet"}
TEMPLATES = {body["id"]: body for body in BODIES if body["kind"] != "snippet"}
LOCALES = ("en", "de-CH", "fr")


def test_there_are_ten_and_all_are_valid():
    assert len(TEMPLATES) == 10
    assert validate(BODIES) == []


@pytest.mark.parametrize("id", TEMPLATES)
def test_lint_finds_nothing(id: str):
    assert lint(TEMPLATES[id], SNIPPETS) == []


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("id", TEMPLATES)
def test_it_renders_as_it_was_last_seen(id: str, locale: str):
    template = compile_template(TEMPLATES[id], SNIPPETS)
    rendered = render(template, TEMPLATES[id]["sample"], locale, PREVIEW, track=False)
    for ending, said in (("html", rendered.html), ("txt", f"{rendered.subject}\n\n{rendered.text}")):
        path = GOLDEN / f"{id}.{locale}.{ending}"
        if os.environ.get("WAXWING_UPDATE_GOLDEN"):
            path.write_text(said, "utf-8")
        assert said == path.read_text("utf-8")
    assert len(rendered.html.encode()) < GMAIL_CLIPS / 4


@pytest.mark.parametrize("id", TEMPLATES)
def test_each_language_has_words_of_its_own(id: str):
    template = compile_template(TEMPLATES[id], SNIPPETS)
    said = {render(template, TEMPLATES[id]["sample"], locale, PREVIEW).text for locale in LOCALES}
    assert len(said) == len(LOCALES)
