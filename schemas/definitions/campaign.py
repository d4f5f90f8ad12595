"""`campaign`: one message to an audience: once, again and again, or when something happens. Nothing goes before launch.

What a contact's `{{ entry }}` is in its templates: `content.data`; of a triggered campaign the event that triggered it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Annotated, Any, ClassVar, Final, Literal, TypeAlias

from pydantic import AfterValidator, Field, PlainValidator, ValidationError, model_validator

from schemas.definitions.base import Body, Id, Strict, register
from schemas.definitions.conditions import SegmentCondition
from schemas.definitions.journey import Reentry
from schemas.definitions.node import EntryPath, by_field, invalid, read
from schemas.definitions.simple import Channel, Duration, check_zone
from schemas.definitions.split import Arm, Bandit, Winner
from schemas.definitions.triggers import AnyOn, Cron, read_on
from schemas.errors import Violation
from schemas.faults import violations_of
from schemas.moments import read_moment

CONTACT: Final = "contact"  # the `timezone` of a schedule in each contact's own
LONGEST_ID: Final = 60  # of a launch's id it is the first part
_ONLY: Final = {  # which types a field belongs to
    "audience": ("one_time", "recurring", "triggered"),
    "schedule": ("one_time", "recurring"),
    "rate": ("one_time", "recurring"),
    "trigger": ("triggered",),
    "key": ("triggered",),
    "reentry": ("triggered",),
}
_NEEDS: Final = {
    "one_time": ("audience",),
    "recurring": ("audience", "schedule"),
    "triggered": ("trigger",),
}


def _zone(name: str) -> str:
    return name if name == CONTACT else check_zone(name)


def _moment(text: str) -> str:
    if read_moment(text) is None:
        raise ValueError(f"{text!r} is no time; write ISO 8601, as in 2026-12-01T09:00")
    return text


ZoneOrContact = Annotated[str, AfterValidator(_zone)]
Moment = Annotated[str, AfterValidator(_moment)]  # an instant, or a local time without an offset


class Variant(Arm):
    """An arm and its template."""

    template: Id


class Content(Strict):
    """What is said, and by which channel, or the first of `channels` that may be used; by `arms` where it is tested."""

    channel: Channel | None = None
    channels: tuple[Channel, ...] = ()
    template: Id | None = None
    arms: tuple[Variant, ...] = ()
    winner: Winner | None = None
    bandit: Bandit | None = None
    topic: Id = "default"
    data: dict[str, Any] = Field({}, description="what templates find in `entry`")

    @property
    def order(self) -> tuple[str, ...]:
        """The channels, in the order of fallback."""
        return self.channels or (self.channel or "email",)

    def templates(self) -> dict[str, str]:
        """Every template by where it is named."""
        named = {f"content.arms.{n}.template": arm.template for n, arm in enumerate(self.arms)}
        return named | ({"content.template": self.template} if self.template else {})

    @model_validator(mode="after")
    def _is_whole(self) -> Content:
        faults = []
        if (self.channel is None) == (not self.channels):
            faults.append("write either `channel` or `channels`, an order of fallback")
        if (self.template is None) == (not self.arms):
            faults.append("write either `template` or `arms`, each with its own")
        if (self.winner or self.bandit) and not self.arms:
            faults.append("`winner` and `bandit` are for `arms`")
        if self.winner and self.bandit:
            faults.append("give either `winner` or `bandit`, not both")
        if any(rule and rule.metric == "goal" for rule in (self.winner, self.bandit)):
            faults.append("a campaign has no `goal`; measure opened, clicked or an event")
        faults += self._arm_faults() if self.arms else []
        if faults:
            raise invalid([Violation("", fault) for fault in faults])
        return self

    def _arm_faults(self) -> list[str]:
        names, total = [arm.name for arm in self.arms], sum(arm.share for arm in self.arms)
        faults = ["a test has at least two arms"] if len(self.arms) < 2 else []
        if abs(total - 100) > 1e-9:
            faults.append(f"the shares sum to {total:g}; they must sum to 100")
        if twice := {name for name in names if names.count(name) > 1}:
            faults.append(f"two of the arm names are {', '.join(sorted(twice))!r}")
        return faults


class Once(Strict):
    """When a launched broadcast begins: an instant with an offset, or a local time in a zone or each contact's own.

    Without `timezone` a local time is in the workspace's zone. What is past begins at once.
    """

    at: Moment
    timezone: ZoneOrContact | None = None

    @model_validator(mode="after")
    def _is_one_instant(self) -> Once:
        moment = read_moment(self.at)
        if moment is not None and moment.tzinfo is not None and self.timezone is not None:
            raise ValueError("`at` has an offset: leave that or `timezone` out")
        return self


class Recurring(Strict):
    """At each local time of a cron expression, in one zone (the workspace's, if none is said) or each contact's own.

    A firing later than `grace`, as after a downtime, was missed: `skip` it, make up for all of them `once`, or send
    `all`. What would have fired during a pause is never made up for.
    """

    cron: Cron
    timezone: ZoneOrContact | None = None
    missed: Literal["skip", "once", "all"] = "skip"
    grace: Duration = "15m"


AnySchedule: TypeAlias = Once | Recurring
_SCHEDULES: Final[dict[str, type[AnySchedule]]] = {"at": Once, "cron": Recurring}


def _read_schedule(raw: Any) -> AnySchedule:
    return by_field(raw, _SCHEDULES)


class Rate(Strict):
    """At most so many messages in any such length of time."""

    messages: int = Field(ge=1, le=1_000_000_000)
    per: Literal["second", "minute", "hour"] = "minute"


class Limits(Strict):
    """The percentages of what was handed over at which a campaign pauses itself, once `after` messages have ended.

    `errors` counts refusals, bounces and unknown ends.
    """

    errors: float | None = Field(None, gt=0, le=100, strict=False)
    complaints: float | None = Field(None, gt=0, le=100, strict=False)
    after: int = Field(100, ge=1)


@register
class Campaign(Body):
    """`campaign`: `one_time`, `recurring` or `triggered`. `exclusions`: whoever one of them holds for gets nothing."""

    KIND: ClassVar[str] = "campaign"
    kind: Literal["campaign"]
    id: Annotated[Id, Field(max_length=LONGEST_ID)]
    type: Literal["one_time", "recurring", "triggered"]
    message_class: Literal["marketing", "transactional"] = Field("marketing", alias="class")
    audience: SegmentCondition | None = None
    exclusions: tuple[SegmentCondition, ...] = Field((), strict=False)
    content: Annotated[Content, PlainValidator(partial(read, form=Content), json_schema_input_type=Content)]
    schedule: Annotated[AnySchedule, PlainValidator(_read_schedule, json_schema_input_type=AnySchedule)] | None = None
    trigger: Annotated[AnyOn, PlainValidator(read_on, json_schema_input_type=AnyOn)] | None = None
    key: EntryPath | None = None
    reentry: Reentry | None = None
    rate: Rate | None = None
    limits: Limits | None = None
    expires: Duration | None = None

    @model_validator(mode="wrap")
    @classmethod
    def _whole(cls, data: Any, handler: Callable[[Any], Campaign]) -> Campaign:
        """The faults of the parts and of how they fit together, all at once."""
        faults: list[Violation] = []
        try:
            campaign = handler(data)
        except ValidationError as e:
            faults = violations_of(e)
        if isinstance(data, dict):
            faults += _misfits(data)
        if faults:
            raise invalid(faults)
        return campaign


def _misfits(data: dict[str, Any]) -> list[Violation]:
    """What does not go with the type."""
    type_ = data.get("type")
    if type_ not in _NEEDS:
        return []
    faults = [Violation(field, f"a {type_} campaign needs it") for field in _NEEDS[type_] if data.get(field) is None]
    for field, types in _ONLY.items():
        if data.get(field) is not None and type_ not in types:
            faults.append(Violation(field, f"is for {' and '.join(types)} campaigns, this one is {type_}"))
    schedule, form = data.get("schedule"), {"one_time": "at", "recurring": "cron"}.get(type_)
    if isinstance(schedule, dict) and form and form not in schedule and not {"at", "cron"}.isdisjoint(schedule):
        faults.append(Violation("schedule", f"a {type_} campaign is scheduled by `{form}`"))
    content, trigger = data.get("content"), data.get("trigger")
    if type_ == "triggered" and isinstance(content, dict) and content.get("data"):
        faults.append(Violation("content.data", "a triggered campaign's `entry` is the event that triggers it"))
    if isinstance(trigger, dict) and trigger.get("current"):
        faults.append(Violation("trigger.current", "those who are members now are the audience of a one_time campaign"))
    return faults
