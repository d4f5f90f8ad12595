"""The JSON Schema of a kind of definition, conditions to any depth included (https://json-schema.org/draft/2020-12).

What a schema cannot say (that ids are there, that a pattern is RE2's) publishing still checks.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any, Final

from pydantic.json_schema import models_json_schema

from schemas.definitions.base import KINDS
from schemas.definitions.condition_leaves import FORMS
from schemas.definitions.conditions import IN_JOURNEY, IN_SEGMENT

_LEAF: Final = "leaf."
_IN_JOURNEYS_ONLY: Final = ("entry",)


def schema_of(kind: str) -> dict[str, Any]:
    """The schema of a kind; KeyError for an unknown one."""
    schema = KINDS[kind].model_json_schema()
    asked = {node["$comment"] for node in _nodes(schema) if node.get("$comment") in (IN_SEGMENT, IN_JOURNEY)}
    for node in list(_nodes(schema)):
        if node.get("$comment") in asked:
            node["$ref"] = f"#/$defs/{node.pop('$comment')}"
    if asked:
        schema.setdefault("$defs", {}).update(_leaves() | {name: _condition(name) for name in sorted(asked)})
    return schema


def _nodes(schema: Any) -> Iterator[dict[str, Any]]:
    """Every object within a schema."""
    waiting = [schema]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            yield part
            waiting += part.values()
        elif isinstance(part, list):
            waiting += part


@cache
def _leaves() -> dict[str, Any]:
    """The leaves' schemas and what they refer to, under names that no definition's own part has."""
    models = [(form, "validation") for form in FORMS.values()]
    _, found = models_json_schema(models, ref_template=f"#/$defs/{_LEAF}{{model}}")  # type: ignore[arg-type]
    return {f"{_LEAF}{name}": schema for name, schema in found["$defs"].items()}


def _condition(name: str) -> dict[str, Any]:
    """A group of conditions, or a leaf."""
    one = {"$ref": f"#/$defs/{name}"}
    several = {"type": "array", "minItems": 1, "items": one}
    groups = [_group("and", several), _group("or", several), _group("not", one)]
    known = [form for key, form in FORMS.items() if name == IN_JOURNEY or key not in _IN_JOURNEYS_ONLY]
    return {"anyOf": [*groups, *({"$ref": f"#/$defs/{_LEAF}{form.__name__}"} for form in known)]}


def _group(name: str, holds: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "required": [name], "properties": {name: holds}, "additionalProperties": False}
