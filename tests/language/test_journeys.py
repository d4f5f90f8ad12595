"""LANGUAGE.md on journeys: a simulation prints what was derived from each sentence by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.language.journeys import CASES
from tests.language.told import Told, simulate, wanted


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.says)
def test_a_simulation_prints_what_the_sentence_says(tmp_path: Path, case: Told) -> None:
    assert simulate(case, tmp_path) == wanted(case)
