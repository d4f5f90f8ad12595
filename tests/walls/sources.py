"""The checkout as the walls see it: which files belong to it, and what each of its modules imports."""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("schemas", "flows", "connectors", "sinks", "api", "infra")
# besides each flow.py: they do I/O
EDGES = {f"flows/delivery/{name}.py" for name in ("runner", "handover", "office", "desk", "book", "together")}


@cache
def tracked() -> tuple[Path, ...]:
    """The files that git tracks and that are there, relative to the root."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("this is no git checkout: what belongs to it cannot be told")
    return tuple(Path(name) for name in listed.stdout.split("\0") if name and (ROOT / name).is_file())


def modules(*packages: str) -> list[Path]:
    """The Python files of the packages, relative to the root."""
    return sorted(path.relative_to(ROOT) for package in packages for path in (ROOT / package).rglob("*.py"))


def is_pure(path: Path) -> bool:
    """Whether the file must be free of engine, clock and dice."""
    return path.parts[0] in ("schemas", "flows") and not is_wiring(path)


def is_wiring(path: Path) -> bool:
    """Whether the file wires pure modules to engine, log and stores."""
    return path.name in ("flow.py", "ingest_flow.py") or path.as_posix() in EDGES


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse((ROOT / path).read_text(), str(path))


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """(line, dotted name) of everything imported, wherever in the file: `a.b` and, for `from a import b`, `a.b`."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            yield from ((node.lineno, f"{module}.{alias.name}") for alias in node.names)
