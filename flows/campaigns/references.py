"""Whether what a campaign names is there: templates of its channels, topics, segments, snapshots. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from flows.campaigns.journey import as_journey
from flows.definitions.catalogue import Published
from flows.journeys.journey import compile_journey
from schemas.definitions import parse
from schemas.definitions.campaign import Campaign
from schemas.definitions.condition_tree import Condition, InSegment, InSnapshot, leaves
from schemas.definitions.conditions import parse_condition
from schemas.errors import InvalidInput, Violation

Bodies = Mapping[tuple[Any, Any], Mapping[str, Any]]  # (kind, id) -> body


def read_campaign(body: Mapping[str, Any]) -> Campaign:
    """The campaign of a valid body."""
    made = parse(body)
    assert isinstance(made, Campaign)
    return made


def conditions(campaign: Campaign) -> dict[str, Condition]:
    """Its audience and exclusions, each by its path."""
    asked = {} if campaign.audience is None else {"audience": campaign.audience}
    asked |= {f"exclusions.{number}": written for number, written in enumerate(campaign.exclusions)}
    return {path: parse_condition(written, path) for path, written in asked.items()}


def campaign_faults(body: Mapping[str, Any], there: Bodies) -> list[Violation]:
    """Everything that the campaign names and that is not there, or does not fit; of an invalid body nothing."""
    try:
        campaign = read_campaign(body)
    except InvalidInput:
        return []
    faults = missing(campaign, there)
    try:
        compile_journey(as_journey(Published("campaign", campaign.id, 1, body, 0)))
    except InvalidInput as fault:
        faults += fault.violations
    return faults


def missing(campaign: Campaign, there: Bodies) -> list[Violation]:
    """Everything that the campaign names and that is not there."""
    return [*_templates(campaign, there), *_topic(campaign, there), *_conditions(campaign, there)]


def _templates(campaign: Campaign, there: Bodies) -> Iterator[Violation]:
    for path, template in campaign.content.templates().items():
        for channel in campaign.content.order:
            found = there.get((f"{channel}_template", template))
            if found is None:
                yield Violation(path, f"there is no {channel}_template {template!r}")
            elif (
                channel != "webhook"
                and found.get("class", "marketing") == "marketing"
                and campaign.message_class == "transactional"
            ):
                yield Violation(path, f"{channel}_template {template!r} is marketing, the campaign transactional")


def _topic(campaign: Campaign, there: Bodies) -> Iterator[Violation]:
    topic = campaign.content.topic
    if topic != "default" and ("topic", topic) not in there:
        yield Violation("content.topic", f"there is no topic {topic!r}")


def _conditions(campaign: Campaign, there: Bodies) -> Iterator[Violation]:
    segment = getattr(campaign.trigger, "segment", None)
    if segment is not None and ("segment", segment) not in there:
        yield Violation("trigger.segment", f"there is no segment {segment!r}")
    for path, condition in conditions(campaign).items():
        for leaf in leaves(condition):
            match leaf:
                case InSegment(id) if ("segment", id) not in there:
                    yield Violation(path, f"there is no segment {id!r}")
                case InSnapshot(id) if ("snapshot", id) not in there:
                    yield Violation(path, f"there is no snapshot {id!r}")
                case _:
                    pass
