"""Kind `crm_mapping`, id `default`: how the CRM's change records become events. Without one the built-in stands."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import Field

from schemas.definitions.base import Body, register
from schemas.definitions.mapping import Rule

Entity = Literal["contact", "account", "deal", "activity", "task"]
Op = Literal["created", "updated", "deleted"]


class CrmRule(Rule):
    """A rule for records of an entity; paths begin at the record: `id op at data.… previous.…`."""

    entity: Entity
    op: Annotated[tuple[Op, ...], Field(min_length=1)] = ("created", "updated")


@register
class CrmMapping(Body):
    """Each record is tried on every rule, in order; each that fits makes an event."""

    KIND: ClassVar[str] = "crm_mapping"
    kind: Literal["crm_mapping"]
    rules: Annotated[tuple[CrmRule, ...], Field(min_length=1, max_length=500)]


def _consent(channel: str) -> dict[str, Any]:
    """A field `<channel>_consent` that is a status, or true and false."""
    field = f"data.{channel}_consent"
    names = {"true": "subscribed", "false": "unsubscribed"}
    properties: dict[str, Any] = {
        "channel": {"const": channel},
        "topic": {"const": "default"},
        "source": {"const": "crm"},
    }
    properties["status"] = {"from": field, "names": names}
    statuses = ["subscribed", "unsubscribed", "pending", True, False]
    tests = [{"field": field, "op": "changed"}, {"field": field, "op": "in", "value": statuses}]
    return {
        "entity": "contact",
        "when": tests,
        "to": {"type": "consent_changed", "user": "id", "properties": properties},
    }


def _withdrawn(channel: str) -> dict[str, Any]:
    properties = {"channel": channel, "topic": "default", "status": "unsubscribed", "source": "crm"}
    to = {"type": "consent_changed", "user": "id", "properties": {k: {"const": v} for k, v in properties.items()}}
    return {"entity": "contact", "op": ["deleted"], "to": to}


def _deal(event: str, tests: list[dict[str, Any]]) -> dict[str, Any]:
    properties = {
        "deal_id": "id",
        "stage": "data.stage",
        "product": "data.product",
        "amount_minor": {"from": "data.amount", "money": "data.currency"},
        "currency": "data.currency",
    }
    known = {"field": "data.contact_id", "op": "exists"}
    to = {"type": "track", "event": event, "user": "data.contact_id", "properties": properties}
    return {"entity": "deal", "when": [known, *tests], "to": to}


def _reached(*stages: str) -> list[dict[str, Any]]:
    field = {"field": "data.stage"}
    return [field | {"op": "in", "value": list(stages)}, field | {"op": "changed"}]


_CONSENTS: Final = [f"{channel}_consent" for channel in ("email", "sms", "push")]
_OF_CONTACT: Final = [{"field": "data.contact_id", "op": "exists"}]

BUILT_IN: Final[dict[str, Any]] = {
    "kind": "crm_mapping",
    "id": "default",
    "name": "Built in",
    "rules": [
        {
            "entity": "contact",
            "to": {"type": "identify", "user": "id", "spread": "data", "omit": _CONSENTS},
        },
        *(_consent(channel) for channel in ("email", "sms", "push")),
        {
            "entity": "contact",
            "when": [{"field": "data.account_id", "op": "exists"}, {"field": "data.account_id", "op": "changed"}],
            "to": {"type": "group", "user": "id", "group": "data.account_id"},
        },
        {
            "entity": "contact",
            "op": ["deleted"],
            "to": {"type": "track", "event": "contact_deleted", "user": "id"},
        },
        *(_withdrawn(channel) for channel in ("email", "sms", "push")),
        {
            "entity": "account",
            "when": _OF_CONTACT,
            "to": {
                "type": "group",
                "user": "data.contact_id",
                "group": "id",
                "spread": "data",
                "omit": ["contact_id"],
            },
        },
        _deal("deal_won", _reached("closed_won", "closedwon", "won")),
        _deal("deal_lost", _reached("closed_lost", "closedlost", "lost")),
        _deal("deal_stage_changed", [{"field": "data.stage", "op": "changed"}]),
        {
            "entity": "activity",
            "when": [*_OF_CONTACT, {"field": "data.type", "op": "exists"}],
            "to": {
                "type": "track",
                "event": {"from": "data.type", "names": {"call": "call_logged", "meeting": "meeting_held"}},
                "user": "data.contact_id",
                "spread": "data",
                "omit": ["contact_id", "type"],
                "properties": {"activity_id": "id"},
            },
        },
        {
            "entity": "task",
            "when": [*_OF_CONTACT, {"field": "data.status", "op": "in", "value": ["completed", "done"]}],
            "to": {
                "type": "track",
                "event": "task_completed",
                "user": "data.contact_id",
                "spread": "data",
                "omit": ["contact_id"],
                "properties": {"task_id": "id"},
            },
        },
    ],
}
