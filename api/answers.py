"""Answers that hold conditions: these nest without limit, and pydantic's way to JSON ends at 255 levels."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from fastapi import Response
from pydantic import BaseModel


def deep(model: BaseModel, headers: Mapping[str, str], status: int = 200) -> Response:
    """The model as JSON."""
    return Response(msgspec.json.encode(model.model_dump()), status, headers, "application/json")
