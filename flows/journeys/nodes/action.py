"""Actions. What changes the contact is said by a record of topic `events`, so that state changes by the log alone.

Every record's id comes from (run, node, occurrence, part): emitted again after a crash it is the same record.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, assert_never

from flows.delivery.planning import Intent, Later, plan, skip
from flows.journeys.nodes.base import Leave, Rest, Result, Visit
from schemas.definitions import actions as written
from schemas.definitions import nodes
from schemas.facts import ENTER, SEGMENT_ADDED
from schemas.ids import uuid5
from schemas.records import CrmCommand, Event, encode
from schemas.times import format_instant, parse_duration
from schemas.topics import CRM_COMMANDS

PASSED_BEFORE: Final = "passed_before"  # the reason of a skip: a run that was moved had passed the node already


def occurrence(visit: Visit, node: str) -> int:
    """Which visit of the run to the node this is, from 0."""
    return visit.run.visits[node] - 1


def _effect_id(visit: Visit, node: str, part: str) -> str:
    return uuid5("action", visit.run.id, node, occurrence(visit, node), part)


def _say(visit: Visit, node: str, event: Event) -> None:
    scope = visit.scope
    event.id, event.at, event.received_at = _effect_id(visit, node, event.type), scope.at, scope.at
    event.user_id = scope.contact
    event.context = {"journey": visit.run.journey, "version": visit.run.version, "node": node}
    scope.record(event, scope.contact)


def _command(visit: Visit, node: str, name: str, data: dict[str, Any]) -> None:
    run, scope = visit.run, visit.scope
    id = _effect_id(visit, node, name)
    command = CrmCommand(id, scope.contact, scope.at, name, run.journey, run.version, node, data)
    scope.emit(CRM_COMMANDS, encode(command))


@dataclass(frozen=True, slots=True)
class Send:
    """A message on the first of its channels that may be used; a skipped one takes the branch `skipped`.

    In quiet hours the run rests here, so what ends it meanwhile ends the message too, and what follows counts from when
    it went.
    """

    id: str
    channels: tuple[str, ...]
    template: str
    topic: str = "default"
    campaign: str = ""
    expires: int = 0

    def enter(self, visit: Visit) -> Result:
        """Plan it; planning says why, where it may not go. A run that was moved is not sent it twice."""
        if visit.run.visits[self.id] > 1 and self.id not in visit.journey.repeated:
            skip(visit.scope, self.intent(visit), PASSED_BEFORE)
            return Leave("skipped")
        return self._plan(visit)

    def wake(self, visit: Visit) -> Result:
        """Ask again when the quiet hours are over."""
        due = visit.run.due
        return Rest(due) if due is None or due > visit.scope.at or visit.scope.quiet else self._plan(visit)

    def _plan(self, visit: Visit) -> Result:
        planned = plan(visit.scope, self.intent(visit))
        if isinstance(planned, Later):
            return Rest(planned.until, {"quiet_hours": planned.quiet})
        return Leave("skipped" if planned else "")

    def intent(self, visit: Visit) -> Intent:
        """The message that is meant."""
        run, journey = visit.run, visit.journey
        return Intent(
            journey=run.journey,
            version=run.version,
            run=run.id,
            entry=run.entry,
            node=self.id,
            occurrence=occurrence(visit, self.id),
            channels=self.channels,
            template=self.template,
            topic=self.topic,
            message_class=journey.message_class,
            campaign=self.campaign,
            variant=run.variant,
            expires_ms=self.expires,
            meant_at=run.since,
            entry_properties=run.opened.get("properties", {}),
        )


@dataclass(frozen=True, slots=True)
class SetTrait:
    """Says a trait by an `identify`, and asks the CRM by `command`."""

    id: str
    traits: Mapping[str, Any]
    command: str
    data: Mapping[str, Any]

    def enter(self, visit: Visit) -> Result:
        """The trait stands once the record is read back."""
        _say(visit, self.id, Event("identify", traits=dict(self.traits)))
        _command(visit, self.id, self.command, dict(self.data))
        return Leave()


@dataclass(frozen=True, slots=True)
class CreateTask:
    """A task in the CRM."""

    id: str
    title: str
    due: int | None
    data: Mapping[str, Any] = field(default_factory=dict)

    def enter(self, visit: Visit) -> Result:
        """Ask for it; `due` counts from now."""
        data = {**self.data, "title": self.title}
        if self.due is not None:
            data["due_at"] = format_instant(visit.scope.at + self.due)
        _command(visit, self.id, "create_task", data)
        return Leave()


@dataclass(frozen=True, slots=True)
class AddToSegment:
    """Adds the contact to a static segment."""

    id: str
    segment: str

    def enter(self, visit: Visit) -> Result:
        """Member once the record is read back."""
        _say(visit, self.id, Event(SEGMENT_ADDED, properties={"segment": self.segment}))
        _command(visit, self.id, "add_to_segment", {"segment": self.segment})
        return Leave()


@dataclass(frozen=True, slots=True)
class StartJourney:
    """Enters the contact into another journey, with the properties that opened this run."""

    id: str
    journey: str

    def enter(self, visit: Visit) -> Result:
        """It enters once the record is read back."""
        _say(visit, self.id, enter_event(self.journey, visit.run.opened.get("properties", {})))
        return Leave()


Action = Send | SetTrait | CreateTask | AddToSegment | StartJourney


def enter_event(journey: str, properties: Mapping[str, Any]) -> Event:
    """The record that enters a contact through a journey's `api` trigger: `event` names the journey."""
    return Event(ENTER, event=journey, properties=dict(properties))


def compile_action(node: nodes.AnyAction) -> Action:
    """One of the closed set."""
    match node:
        case written.SendAction():
            channels = node.channels or (node.channel or "email",)
            return Send(node.id, channels, node.template, node.topic, node.campaign, _expires(node))
        case written.WebhookAction():
            return Send(node.id, ("webhook",), node.template, campaign=node.campaign, expires=_expires(node))
        case written.TagAction():
            value = True if node.do == "add_tag" else None
            return SetTrait(node.id, {"tags": {node.tag: value}}, node.do, {"tag": node.tag})
        case written.SetTraitAction():
            data = {"field": node.trait, "value": node.value}
            return SetTrait(node.id, _nested(node.trait, node.value), "set_field", data)
        case written.CreateTaskAction():
            return CreateTask(node.id, node.title, None if node.due is None else parse_duration(node.due), node.data)
        case written.AddToSegmentAction():
            return AddToSegment(node.id, node.segment)
        case written.StartJourneyAction():
            return StartJourney(node.id, node.journey)
        case _:
            assert_never(node)


def _expires(node: written.Message) -> int:
    return 0 if node.expires is None else parse_duration(node.expires)


def _nested(path: str, value: Any) -> dict[str, Any]:
    for part in reversed(path.split(".")):
        value = {part: value}
    found: dict[str, Any] = value
    return found
