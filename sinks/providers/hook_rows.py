"""What every webhook's body is read into: rows, of which one that cannot be read spoils no other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec

from flows.delivery.outcomes import ProviderEvent
from schemas.errors import UnreadableRecord


class Row(NamedTuple):
    """One entry of the body: its event, or why it could not be read; neither where it asks for nothing here."""

    raw: bytes
    event: ProviderEvent | None = None
    fault: str = ""


def row_of(raw: bytes, normalise: Callable[[dict[str, Any]], ProviderEvent | None]) -> Row:
    """The row of a JSON object; `normalise` may raise what dicts and numbers raise."""
    try:
        return Row(raw, normalise(msgspec.json.decode(raw, type=dict[str, Any])))
    except KeyError as fault:
        return Row(raw, fault=f"{fault.args[0]!r} is missing or not known")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, UnreadableRecord) as fault:
        return Row(raw, fault=str(fault))
    except (AttributeError, IndexError, OverflowError, TypeError, ValueError) as fault:
        return Row(raw, fault=f"not as documented: {fault}")
