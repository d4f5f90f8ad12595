"""README says what the code says: its settings are those, its example can be published, its paths are there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from connectors.documents import read_documents
from connectors.publish import validate
from infra.commands.settings import settings_table
from infra.settings import Settings
from tests.walls.sources import ROOT


@pytest.mark.parametrize("name", Settings.model_fields)
def test_a_setting_says_what_it_is(name: str) -> None:
    assert Settings.model_fields[name].description


def test_the_readme_holds_the_table_of_settings() -> None:
    found = re.search(r"<!-- settings -->\n(.*?)\n?<!-- /settings -->", (ROOT / "README.md").read_text(), re.S)
    assert found, "README.md keeps the table between <!-- settings --> and <!-- /settings -->"
    assert found.group(1) == settings_table(), "put what `waxwing settings` prints into README.md"


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)


def test_the_definitions_in_the_readme_can_be_published(tmp_path: Path) -> None:
    (tmp_path / "readme.yaml").write_text("".join(blocks("yaml")))
    documents, faults = read_documents(tmp_path / "readme.yaml")
    bodies = [document.body for document in documents]
    assert faults == []
    assert {body["kind"] for body in bodies} == {"segment", "journey", "email_template"}
    assert validate(bodies) == []


def test_the_readmes_python_compiles() -> None:
    for block in blocks("python"):
        compile(block, "README.md", "exec")


def test_what_the_readme_points_at_is_there() -> None:
    named = re.findall(r"`((?:\w+/)+[\w.*]*)`", (ROOT / "README.md").read_text())
    assert len(named) > 15
    assert [path for path in named if not list(ROOT.glob(path.rstrip("/")))] == []
