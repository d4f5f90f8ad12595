"""Which of a contact's events decided a leaf's truth: found in its history, since states keep instants alone."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Final

from flows.consent.reducer import ADDRESS_TRAITS, DEFAULT_TOPIC
from flows.contact import profile
from flows.contact.view import ContactView
from flows.segments.leaf import EventLeaf, Leaf
from schemas.definitions import conditions as spec
from schemas.facts import ACCOUNT_TRAITS, ADDRESS_SUPPRESSED, CONSENT_CHANGED
from schemas.ids import address_hash
from schemas.records import Event

INSTANTS: Final = ("at", "first", "last", "steps")  # what leaves over events tell of those that count

History = Sequence[Event]  # of one contact, each event once, in the order of the log


def deciding(
    node: spec.Leaf | None, leaf: Leaf, told: Mapping[str, Any], history: History, view: ContactView, at: int
) -> list[Event]:
    """The events, in the order of their `at`. `told` is what the leaf explains; `node` None for a static segment.

    Of a leaf that only counts, or adds up, these are all that it took. What no event of the contact's decided (a score,
    a bucket, another segment) has none.
    """
    return sorted(_deciding(node, leaf, told, history, view, at), key=lambda event: event.at)


def _deciding(
    node: spec.Leaf | None, leaf: Leaf, told: Mapping[str, Any], history: History, view: ContactView, at: int
) -> list[Event]:
    match node:
        case spec.Trait():
            return _assertion(history, node.path, told.get("since"))
        case spec.Consent():
            return _said(history, node.channel, node.topic)
        case spec.Suppressed():
            return [*_address(history, node.channel), *_suppression(history, node.channel, view)]
        case spec.Reachable():
            found = [*_address(history, node.channel), *_suppression(history, node.channel, view)]
            return [*found, *_said(history, node.channel, DEFAULT_TOPIC)]
        case _ if isinstance(leaf, EventLeaf):
            taken = [event for event in history if leaf.observe(None, event, at) is not None]
            counted = _instants(told)
            return taken if counted is None else [event for event in taken if event.at in counted]
        case _:
            return []


def _instants(told: Mapping[str, Any]) -> Collection[int] | None:
    """The instants of the events that count, of whatever form; None where the leaf keeps none."""
    kept = [told[name] for name in INSTANTS if name in told]
    return set(_flat(kept)) if kept else None


def _flat(value: Any) -> Iterator[int]:
    if isinstance(value, list):
        for part in value:
            yield from _flat(part)
    elif isinstance(value, int):
        yield value


def _latest(found: Sequence[tuple[int, Event]]) -> list[Event]:
    """The event of the latest assertion; of two at one instant the later in the log."""
    return [max(enumerate(found), key=lambda item: (item[1][0], item[0]))[1][1]] if found else []


def _assertion(history: History, path: str, since: int | None = None) -> list[Event]:
    """The event that said last what the trait is; and of a trait that has held `since`, the one that began it."""
    found = [(at, event) for event in history for at, said in _assertions(event) if _concerns(said, path)]
    began = [event for at, event in found if at == since]
    latest = _latest(found)
    return [*(e for e in began[:1] if e not in latest), *latest]


def _assertions(event: Event) -> Iterator[tuple[int, str]]:
    """What an event says of traits: the instant and the path."""
    match event.type:
        case "identify":
            yield from ((event.at, path) for path, _ in profile.flatten(event.traits))
        case "group":
            yield event.at, f"{profile.ACCOUNT}.id"
        case _ if event.type == ACCOUNT_TRAITS:
            yield from ((at, f"{profile.ACCOUNT}.{path}") for path, at, *_ in event.properties.get("claims", ()))


def _concerns(said: str, path: str) -> bool:
    return said == path or said.startswith(f"{path}.") or path.startswith(f"{said}.")


def _said(history: History, channel: str, topic: str) -> list[Event]:
    """The event that said last what the consent is."""
    found = [(e.at, e) for e in history if e.type == CONSENT_CHANGED and e.properties.get("channel") == channel]
    return _latest([(at, e) for at, e in found if e.properties.get("topic", DEFAULT_TOPIC) == topic])


def _address(history: History, channel: str) -> list[Event]:
    return _assertion(history, ADDRESS_TRAITS[channel]) if channel in ADDRESS_TRAITS else []


def _suppression(history: History, channel: str, view: ContactView) -> list[Event]:
    """The first event that put the contact's present address on the list."""
    address = view.trait(ADDRESS_TRAITS.get(channel, ""))
    if not isinstance(address, str) or not address.strip():
        return []
    digest = address_hash(address)
    listed = (e for e in history if e.type == ADDRESS_SUPPRESSED and e.properties.get("channel") == channel)
    return [e for e in listed if str(e.properties.get("address_hash")).lower() == digest][:1]
