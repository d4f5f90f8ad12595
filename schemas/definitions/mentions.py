"""What a journey, a segment or a campaign names that must be defined elsewhere, each with the place where it is named.

Read from the body as it was written, so that one with faults of its own is looked through as well: what cannot be read
is left out here, for it is a fault already.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, Literal, NamedTuple, TypeVar, assert_never

from pydantic import ValidationError

from schemas.definitions import actions, nodes, split, triggers, waits
from schemas.definitions.campaign import Campaign
from schemas.definitions.condition_tree import InSegment, InSnapshot, Percentile, Rfm
from schemas.definitions.conditions import readable

NAMING: Final = ("segment", "journey", "campaign")  # the kinds that are looked through
DEFAULT_TOPIC: Final = "default"  # stands for the channel itself, and needs no definition
M = TypeVar("M")


class Mention(NamedTuple):
    """`path` is where it is said; `must` what has to hold of what is named, beside that it is there."""

    path: str
    kind: str
    id: str
    must: Literal["", "start by api", "be static"] = ""


def mentions(body: Mapping[str, Any]) -> list[Mention]:
    """Everything that the body of a journey, a segment or a campaign names, in its order."""
    if body.get("kind") == "segment":
        return list(of_condition("where", body.get("where")))
    if body.get("kind") == "campaign":
        campaign = _sound(body, Campaign.model_validate)
        return list(_of_audience(body) if campaign is None else of_campaign(campaign))
    found = [*of_condition("exit_when", body.get("exit_when")), *of_condition("goal", body.get("goal"))]
    raw = body.get("nodes")
    for node in raw if isinstance(raw, Sequence) and not isinstance(raw, str) else ():
        read = _sound(node, nodes.read_node)
        found += _of_faulty(node) if read is None else _of_node(f"nodes.{read.id}", read)
    return found


def _sound(raw: Any, read: Callable[[Any], M]) -> M | None:
    """What is read of it, if need be without its faulty fields; None where it cannot be without them."""
    try:
        return read(raw)
    except ValidationError as faults:
        faulty = {fault["loc"][0] for fault in faults.errors(include_url=False) if fault["loc"]}
    try:
        return read({field: value for field, value in raw.items() if field not in faulty})
    except (ValidationError, AttributeError):
        return None


def _of_faulty(node: Any) -> Iterator[Mention]:
    """What the conditions of a faulty node name."""
    if not isinstance(node, Mapping):
        return
    path, branches = f"nodes.{node.get('id')}", node.get("branches")
    yield from of_condition(f"{path}.if", node.get("if"))
    for branch in branches if isinstance(branches, list | tuple) else ():
        if isinstance(branch, Mapping):
            yield from of_condition(f"{path}.branches.{branch.get('name')}", branch.get("if"))


def _of_audience(campaign: Mapping[str, Any]) -> Iterator[Mention]:
    yield from of_condition("audience", campaign.get("audience"))
    exclusions = campaign.get("exclusions")
    for number, exclusion in enumerate(exclusions if isinstance(exclusions, list | tuple) else ()):
        yield from of_condition(f"exclusions.{number}", exclusion)


def of_campaign(campaign: Campaign) -> Iterator[Mention]:
    """What its content, trigger, audience and exclusions name."""
    for path, template in campaign.content.templates().items():
        for channel in campaign.content.order:
            yield Mention(path, f"{channel}_template", template)
    if campaign.content.topic != DEFAULT_TOPIC:
        yield Mention("content.topic", "topic", campaign.content.topic)
    if isinstance(campaign.trigger, triggers.OnSegment | triggers.OnSchedule):
        yield Mention("trigger.segment", "segment", campaign.trigger.segment)
    yield from _of_audience({"audience": campaign.audience, "exclusions": campaign.exclusions})


def enters_by_api(body: Mapping[str, Any]) -> bool:
    """Whether an `enter` record opens a run of the journey."""
    ons = (node.get("on") for node in body.get("nodes", ()) if isinstance(node, Mapping))
    return any(isinstance(on, Mapping) and on.get("api") is True for on in ons)


def _of_node(path: str, node: nodes.AnyNode) -> Iterator[Mention]:
    match node:
        case triggers.Trigger():
            if isinstance(node.on, triggers.OnSegment | triggers.OnSchedule):
                yield Mention(f"{path}.on.segment", "segment", node.on.segment)
        case waits.WaitForSegment():
            yield Mention(f"{path}.for_segment", "segment", node.for_segment)
        case actions.SendAction():
            for channel in node.channels or (node.channel,):
                yield Mention(f"{path}.template", f"{channel}_template", node.template)
            if node.topic != DEFAULT_TOPIC:
                yield Mention(f"{path}.topic", "topic", node.topic)
        case actions.WebhookAction():
            yield Mention(f"{path}.template", "webhook_template", node.template)
        case actions.AddToSegmentAction():
            yield Mention(f"{path}.segment", "segment", node.segment, "be static")
        case actions.StartJourneyAction():
            yield Mention(f"{path}.journey", "journey", node.journey, "start by api")
        case nodes.If():
            yield from of_condition(f"{path}.if", node.if_)
        case nodes.Branches():
            for branch in node.of:
                yield from of_condition(f"{path}.branches.{branch.name}", branch.if_)
        case actions.TagAction() | actions.SetTraitAction() | actions.CreateTaskAction():
            pass
        case split.Split() | nodes.Exit():
            pass
        case waits.Wait():
            pass
        case _:
            assert_never(node)


def of_condition(path: str, condition: Any) -> Iterator[Mention]:
    """What a condition names, as far as it can be read; nothing where there is none."""
    if condition is None:
        return
    for place, leaf in readable(condition, path):
        match leaf:
            case InSegment(segment):
                yield Mention(place, "segment", segment)
            case InSnapshot(snapshot):
                yield Mention(place, "snapshot", snapshot)
            case Percentile(ranking) | Rfm(ranking):
                yield Mention(place, "ranking", ranking)
            case _:
                pass
