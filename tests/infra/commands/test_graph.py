from __future__ import annotations

import pytest

from infra.commands.graph import FLOWS, diagram
from tests.conftest import ROOT

GOLDEN = ROOT / "tests" / "golden" / "flows"


@pytest.mark.parametrize("name", FLOWS)
def test_step_ids_are_what_they_were(name: str) -> None:
    """Recovery is keyed by them: a step that is renamed silently starts from empty state."""
    assert diagram(name).splitlines() == (GOLDEN / f"{name}.mmd").read_text().splitlines()


def test_every_flow_of_the_tree_has_its_diagram() -> None:
    files = [*(ROOT / "flows").glob("*/flow.py"), *(ROOT / "connectors").glob("*_flow.py")]
    assert len(files) == len(FLOWS) == len(list(GOLDEN.glob("*.mmd")))
