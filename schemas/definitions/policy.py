"""When marketing may go: `frequency_cap` and `quiet_hours`. Transactional messages pass both."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from schemas.definitions.base import Body, Id, register
from schemas.definitions.simple import Duration, Zone
from schemas.definitions.waits import Weekday, Window
from schemas.times import DAY, format_duration, parse_duration

Addressed = Literal["email", "sms", "push"]  # the channels that reach a person
LONGEST: Final = 366 * DAY


def _remembered(text: str) -> str:
    if parse_duration(text) > LONGEST:
        raise ValueError(f"{text!r} is longer than {format_duration(LONGEST)}, which is the longest that is counted")
    return text


def _held_back(written: Any) -> Any:
    if written == "transactional":
        raise ValueError("transactional messages pass frequency caps and quiet hours: leave it out, or write marketing")
    return written


Class = Annotated[Literal["marketing"], BeforeValidator(_held_back)]


@register
class FrequencyCap(Body):
    """`frequency_cap`: of these messages at most `max` in any window of the length `within`.

    Without `channel` those of email, sms and push are counted together; `topic` and `campaign` (a campaign's id, or
    that of a journey whose messages name none) narrow what is counted; `per` counts each topic or campaign by itself.
    A planned message counts at its instant unless it was skipped or failed. What was planned before the cap was active
    is brought to it from ClickHouse, as a rule within some seconds; until then it does not count.
    """

    KIND: ClassVar[str] = "frequency_cap"
    kind: Literal["frequency_cap"]
    channel: Addressed | None = None
    message_class: Class = Field("marketing", alias="class")
    topic: Id | None = None
    campaign: Id | None = None
    per: Literal["topic", "campaign"] | None = None
    max: int = Field(ge=1, le=1_000)
    within: Annotated[Duration, AfterValidator(_remembered)]


@register
class QuietHours(Body):
    """`quiet_hours`: in the window, which may go over midnight, nobody is written to.

    It is the contact's own clock (its trait `timezone`, else the workspace's), or that of `timezone`. `weekdays` are
    the days on which the window starts. What comes then waits for its end (`later`), or is skipped.
    """

    KIND: ClassVar[str] = "quiet_hours"
    kind: Literal["quiet_hours"]
    channel: Addressed | None = None
    message_class: Class = Field("marketing", alias="class")
    window: Window
    weekdays: tuple[Weekday, ...] = Field((), min_length=1)
    timezone: Zone | None = None
    then: Literal["later", "skip"] = "later"
