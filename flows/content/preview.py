"""Looking at templates before they are sent: rendering for a contact or many, and what differs between versions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from difflib import unified_diff
from typing import Any, NamedTuple

import yaml

from flows.content.lint import PREVIEW
from flows.content.sms import length_of
from flows.content.template import Rendered, RenderFailed, Template, render


class Failure(NamedTuple):
    """A contact whose message would be skipped, and why."""

    contact: str
    reason: str


def shown(template: Template, rendered: Rendered) -> dict[str, Any]:
    """A rendering for people: its parts, and the segments of an SMS."""
    parts: dict[str, Any] = {name: value for name, value in rendered._asdict().items() if value}
    if template.channel == "sms":
        parts["sms"] = length_of(rendered.text)._asdict()
    return parts


def data_of(template: Template, contact: str, traits: Mapping[str, Any], extra: Mapping[str, Any]) -> dict[str, Any]:
    """What a send to the contact would carry: the traits that the template names; `extra` stands in for `entry`."""
    own = {"contact": {"id": contact}} | dict(traits) | dict(extra)
    return {name: own[name] for name in template.names if own.get(name) is not None}


def failures(
    template: Template, contacts: Iterable[tuple[str, Mapping[str, Any]]], extra: Mapping[str, Any], locale: str = ""
) -> Iterator[Failure]:
    """Of (contact, traits), those for whom the template cannot be rendered, in the locale or each in its own."""
    for contact, traits in contacts:
        wanted = locale or str(traits.get("locale") or "")
        try:
            render(template, data_of(template, contact, traits, extra), wanted, PREVIEW, track=False)
        except RenderFailed as fault:
            yield Failure(contact, str(fault))


def difference(before: Mapping[str, Any], after: Mapping[str, Any], names: tuple[str, str]) -> str:
    """A unified diff of two versions' YAML, long texts line by line; empty where they are equal."""
    old, new = (_lines(body) for body in (before, after))
    return "".join(unified_diff(old, new, *names))


def _lines(body: Mapping[str, Any]) -> list[str]:
    return yaml.dump(dict(body), Dumper=_Dumper, allow_unicode=True, sort_keys=True, width=120).splitlines(True)


class _Dumper(yaml.SafeDumper):
    """Texts of several lines as such."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style)


_Dumper.add_representer(str, _text)
