"""Send planning: whether a message may go, decided in the fold, and said either way (DESIGN §2, rule 2)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple


class Intent(NamedTuple):
    """A message that a journey's action node or a campaign wants to go now.

    `channels` is the order of fallback, `occurrence` counts this node's visits in this run (from 0), `entry_properties`
    are the properties of the event that opened the run, `expires_ms` overrides the class's default where it is not 0.
    """

    journey: str
    version: int
    run: str
    entry: str
    node: str
    occurrence: int
    channels: tuple[str, ...]
    template: str
    topic: str = "default"
    message_class: Literal["marketing", "transactional"] = "marketing"
    campaign: str = ""
    variant: str = ""
    expires_ms: int = 0
    entry_properties: Mapping[str, Any] = {}
