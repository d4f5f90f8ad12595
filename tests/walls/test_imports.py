"""Who may import whom (DESIGN §4), and that a fold reads neither clock nor dice (rule 2)."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.walls.sources import PACKAGES, imports, is_pure, is_wiring, modules, tree

IMPURE_MODULES = {
    "bytewax",
    "time",
    "random",
    "secrets",
    "socket",
    "httpx",
    "requests",
    "sqlite3",
    "subprocess",
    "asyncio",
}
IMPURE_CALLS = {"now", "utcnow", "today", "uuid1", "uuid4", "urandom"}

MAY_IMPORT = {
    "schemas": {"schemas"},
    "flows": {"schemas", "flows"},
    "connectors": {"schemas", "flows", "connectors"},
    "sinks": {"schemas", "flows", "connectors", "sinks"},
    "api": {"schemas", "flows", "connectors", "sinks", "api"},
    "infra": set(PACKAGES),
}
FOR_WIRING = {"connectors", "sinks"}
INSTALLATION = ("infra.settings.", "infra.link_key.")  # what installations differ in: for all but pure modules

PURE = [path for path in modules("schemas", "flows") if is_pure(path)]


@pytest.mark.parametrize("path", PURE, ids=str)
def test_a_pure_module_imports_no_engine_no_clock_and_no_dice(path: Path) -> None:
    found = [(line, name) for line, name in imports(path) if name.split(".")[0] in IMPURE_MODULES]
    assert found == []


@pytest.mark.parametrize("path", PURE, ids=str)
def test_a_pure_module_asks_for_no_moment_and_no_new_id(path: Path) -> None:
    calls = [node for node in ast.walk(tree(path)) if isinstance(node, ast.Call)]
    names = [node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "") for node in calls]
    assert sorted(IMPURE_CALLS.intersection(names)) == []


@pytest.mark.parametrize("path", modules(*PACKAGES), ids=str)
def test_a_module_imports_only_what_lies_below_it(path: Path) -> None:
    allowed = set(MAY_IMPORT[path.parts[0]])
    if is_wiring(path):
        allowed |= FOR_WIRING
    ours = [(line, name) for line, name in imports(path) if name.split(".")[0] in PACKAGES]
    wrong = [f"line {line}: {name}" for line, name in ours if name.split(".")[0] not in allowed]
    if not is_pure(path):
        wrong = [fault for fault in wrong if not any(name in fault for name in INSTALLATION)]
    assert wrong == []


@pytest.mark.parametrize("path", modules(*PACKAGES), ids=str)
def test_imports_are_absolute_and_nothing_shipped_imports_a_test(path: Path) -> None:
    assert [(line, name) for line, name in imports(path) if name.startswith(".") or name.split(".")[0] == "tests"] == []
