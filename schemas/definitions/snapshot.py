"""`snapshot`: the members of a segment as they once were. Taking one makes it; its members lie in an immutable file."""

from __future__ import annotations

from typing import Annotated, ClassVar, Final, Literal

from pydantic import AwareDatetime, Field, StringConstraints

from schemas.definitions.base import Body, Id, register

KIND: Final = "snapshot"
FILE_PATTERN: Final = r"^[0-9a-f]{64}\.json$"


@register
class Snapshot(Body):
    """`file` is named by the SHA-256 of its bytes: a JSON array of the contacts' ids, sorted. `members` is how many."""

    KIND: ClassVar[str] = KIND
    kind: Literal["snapshot"]
    segment: Id
    version: int = Field(ge=0, description="the segment's version whose members these were; 0 where it was deleted")
    at: AwareDatetime = Field(description="everything logged before this instant had been counted")
    members: int = Field(ge=0)
    file: Annotated[str, StringConstraints(pattern=FILE_PATTERN)]
