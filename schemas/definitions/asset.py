"""`asset`: a file that messages show or link to. Uploading makes it; its bytes lie under the hash of their content."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, StringConstraints

from schemas.definitions.base import Body, register

FILE_PATTERN = r"^[0-9a-f]{64}\.[a-z0-9]{2,5}$"
File = Annotated[str, StringConstraints(pattern=FILE_PATTERN)]


@register
class Asset(Body):
    """`file` is SHA-256 of the bytes and the ending of their type; `size` in bytes; `width`, `height` of an image."""

    KIND: ClassVar[str] = "asset"
    kind: Literal["asset"]
    file: File
    content_type: str = Field(min_length=3, max_length=100)
    size: int = Field(ge=1)
    width: int = Field(default=0, ge=0)
    height: int = Field(default=0, ge=0)
    alt: str = Field(default="", max_length=1000)
