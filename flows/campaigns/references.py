"""Whether what a campaign names is there: templates of its channels, topics, segments, snapshots, rankings. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flows.campaigns.journey import as_journey
from flows.definitions.catalogue import Published
from flows.journeys.journey import compile_journey
from schemas.definitions import parse
from schemas.definitions.campaign import Campaign
from schemas.definitions.condition_tree import Condition
from schemas.definitions.conditions import parse_condition
from schemas.definitions.mentions import Mention, mentions, of_campaign
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
    """Everything that the campaign names and that is not there, or does not fit; of a faulty body what can be read."""
    try:
        campaign = read_campaign(body)
    except InvalidInput:
        named = [mention for mention in mentions(body) if (mention.kind, mention.id) not in there]
        return [Violation(mention.path, f"there is no {mention.kind} {mention.id!r}") for mention in named]
    faults = missing(campaign, there)
    try:
        compile_journey(as_journey(Published("campaign", campaign.id, 1, body, 0)))
    except InvalidInput as fault:
        faults += fault.violations
    return faults


def missing(campaign: Campaign, there: Bodies) -> list[Violation]:
    """Everything that the campaign names and that is not there, or is for marketing where the campaign is not."""
    named = of_campaign(campaign)
    return [Violation(mention.path, fault) for mention in named if (fault := _fault(mention, campaign, there))]


def _fault(mention: Mention, campaign: Campaign, there: Bodies) -> str:
    kind, id = mention.kind, mention.id
    found = there.get((kind, id))
    if found is None:
        return f"there is no {kind} {id!r}"
    is_addressed = kind in ("email_template", "sms_template", "push_template")
    if is_addressed and found.get("class", "marketing") == "marketing" and campaign.message_class == "transactional":
        return f"{kind} {id!r} is marketing, the campaign transactional"
    return ""
