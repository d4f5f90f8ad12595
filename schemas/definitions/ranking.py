"""`ranking`: where a contact stands among all who did something, by recency, frequency and monetary value (RFM).

It needs everyone at once, so it is computed in batch, on a schedule; between two computations it stands. What was
computed is a definition of kind `ranking_result`, made by Waxwing alone, which names files of contacts and places.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Final, Literal

from pydantic import Field, StringConstraints

from schemas.definitions import condition_tree as tree
from schemas.definitions.base import Body, register
from schemas.definitions.condition_forms import EventName, Path, Properties, Windowed, read_event_name, read_where
from schemas.definitions.simple import Zone
from schemas.definitions.triggers import Cron

KIND: Final = "ranking"
RESULT: Final = "ranking_result"
File = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}\.msgpack$")]


class Ranked(Windowed):
    """`{"performed": "order_completed", "where": […], "within": "365d"}`: the events that rank."""

    performed: EventName
    where: Properties = ()

    def read(self) -> tree.Performed:
        """The leaf that counts them."""
        return tree.Performed(read_event_name(self.performed), read_where(self.where), window=self.window())


@register
class Ranking(Body):
    """Ranks whoever has at least one of the events `of`; `value` is the property whose sum is the monetary value.

    `schedule` is a cron expression in `timezone`, the workspace's where it is left out.
    """

    KIND: ClassVar[str] = KIND
    kind: Literal["ranking"]
    of: Ranked
    value: Path | None = None
    schedule: Cron = "0 3 * * *"
    timezone: Zone | None = None


@register
class RankingResult(Body):
    """One computation: of which version of the ranking, as of which instant (ms), until which the next one is due.

    `ranked` is how many were ranked; `files`: partition of `events` -> file of contact -> place.
    """

    KIND: ClassVar[str] = RESULT
    kind: Literal["ranking_result"]
    ranking_version: int = Field(ge=1)
    at: int
    next: int
    ranked: int = Field(ge=0)
    files: dict[str, File] = Field(default_factory=dict)
