"""What all definitions share: a closed pydantic model a kind, a registry, parsing that reports every fault at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, TypeVar

from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

from schemas.definitions.deep import lift
from schemas.errors import InvalidInput, Violation
from schemas.faults import ID_PATTERN, violations_of

Id = Annotated[str, StringConstraints(pattern=ID_PATTERN)]


class Strict(BaseModel):
    """A part of a definition: unknown fields are faults, values are immutable, and JSON types are not bent."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, populate_by_name=True)


class Body(Strict):
    """A definition as a person writes it. Subclasses set `KIND` and register themselves."""

    KIND: ClassVar[str]
    kind: str
    id: Id
    name: str = ""
    description: str = ""


KINDS: dict[str, type[Body]] = {}
B = TypeVar("B", bound=Body)


def register(model: type[B]) -> type[B]:
    """Class decorator: makes a kind known to `parse`, `waxwing apply`, the API and `/v1/schemas/{kind}`."""
    KINDS[model.KIND] = model
    return model


def parse(body: Mapping[str, Any]) -> Body:
    """The validated definition; InvalidInput with every violation and its path."""
    kind, id = body.get("kind"), body.get("id")
    model = KINDS.get(kind) if isinstance(kind, str) else None
    what = f"{kind or 'definition'} {id or '(without id)'}"
    if model is None:
        raise InvalidInput(what, [Violation("kind", f"{kind!r} is none of {', '.join(sorted(KINDS))}")])
    try:
        return model.model_validate_json(lift(body))  # JSON's own types: lists may be tuples
    except ValidationError as e:
        raise InvalidInput(what, violations_of(e)) from None
