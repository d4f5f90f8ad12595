"""README says what the code says: its table of settings is the one that `waxwing settings` prints."""

from __future__ import annotations

import re

import pytest

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
