"""Files that people write: YAML and JSON, read so that nothing is bent on the way.

YAML 1.1 would turn the key `on` into true, 12:30 into 750 and a bare date into an object of Python's. Here, as in YAML
1.2's core schema, only true and false are booleans, and a time or date stays the text that it is. A key that stands
twice is a fault.
"""

from __future__ import annotations

import json
import re
from collections.abc import Hashable, Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import yaml

from schemas.errors import Violation

SUFFIXES: Final = (".json", ".yaml", ".yml")


class Document(NamedTuple):
    """One object of a file. `place` names it: the file, and its number where it is not alone."""

    place: str
    body: dict[str, Any]


class _Loader(yaml.SafeLoader):
    """SafeLoader with the core schema of YAML 1.2: https://yaml.org/spec/1.2.2/#103-core-schema"""

    yaml_implicit_resolvers = {}  # noqa: RUF012 - as PyYAML keeps them: by first character

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[Hashable] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, str):
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key!r} is no string", key_node.start_mark
                )
            if key in seen:
                raise yaml.constructor.ConstructorError(None, None, f"{key!r} stands twice", key_node.start_mark)
            seen.add(key)
        return super().construct_mapping(node, deep)


for _tag, _pattern, _first in (
    ("null", "~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", "true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", "[-+]?(0|[1-9][0-9]*)", list("-+0123456789")),
    ("float", r"[-+]?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?", list("-+0123456789")),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(f"^(?:{_pattern})$"), _first)


def files_of(path: Path) -> list[Path]:
    """The file itself, or all files of a folder and the folders in it, in order. FileNotFoundError for neither."""
    if path.is_dir():
        return sorted(p for p in path.rglob("*") if p.suffix in SUFFIXES and p.is_file())
    if not path.exists():
        raise FileNotFoundError(2, "there is no such file or folder", str(path))
    return [path]


def read_documents(path: Path) -> tuple[list[Document], list[Violation]]:
    """Every object of a file (one, a list, or YAML's several documents), and what is wrong with it."""
    try:
        text = path.read_text("utf-8")
        found = [json.loads(text, object_pairs_hook=_once)] if path.suffix == ".json" else list(_parse(text))
    except (yaml.YAMLError, ValueError, RecursionError) as fault:
        return [], [Violation(str(path), _in_one_line(fault))]
    bodies = [body for document in found for body in (document if isinstance(document, list) else [document])]
    documents, faults = [], []
    for number, body in enumerate(bodies, 1):
        place = str(path) if len(bodies) == 1 else f"{path}[{number}]"
        if isinstance(body, dict):
            documents.append(Document(place, body))
        else:
            faults.append(Violation(place, f"must be an object with kind and id, not {type(body).__name__}"))
    return documents, faults


def _parse(text: str) -> Iterator[Any]:
    """YAML's documents. An empty one is none."""
    for document in yaml.load_all(text, _Loader):
        if document is not None:
            yield document


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object, refused where a key stands twice."""
    made = dict(pairs)
    if len(made) < len(pairs):
        keys = [key for key, _ in pairs]
        raise ValueError(f"{next(k for k in keys if keys.count(k) > 1)!r} stands twice")
    return made


def _in_one_line(fault: Exception) -> str:
    if isinstance(fault, yaml.MarkedYAMLError) and fault.problem_mark is not None:
        mark = fault.problem_mark
        return f"line {mark.line + 1}, column {mark.column + 1}: {fault.problem}"
    return " ".join(str(fault).split()) or "is nested too deeply"
