"""Cases about journeys: definitions, a file of lines, and what `waxwing journey simulate` has to print of it.

They go through the functions behind the command. What is expected was derived from the text, never from a run.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from flows.definitions.catalogue import Published
from flows.journeys.trial import Trial
from infra.history import read_lines
from schemas.definitions import parse
from schemas.definitions.journey import Journey
from schemas.times import format_instant, parse_instant
from tests.language.lines import Line, at


class Told(NamedTuple):
    """`says`: the words of LANGUAGE.md that it holds. The first definition is the journey that is simulated.

    `expect` names some of `entered completed exited nodes sends skips`. A send is `contact node instant` or
    `contact node key=… instant`, a skip `contact node reason instant`.
    """

    says: str
    definitions: Sequence[Mapping[str, Any]]
    lines: Sequence[Line]
    expect: Mapping[str, Any]
    until: str = ""
    published_at: str = ""


def simulate(case: Told, folder: Path) -> dict[str, Any]:
    """What is printed, of it what the case names, in the case's own way to write it."""
    file = folder / "events.jsonl"
    file.write_text("\n".join(map(json.dumps, case.lines)))
    journey = parse(case.definitions[0])
    assert isinstance(journey, Journey)
    for body in case.definitions[1:]:
        parse(body)
    tried, *others = (Published(body["kind"], body["id"], 1, dict(body), 0) for body in case.definitions)
    end, active_from = (at(text) if text else None for text in (case.until, case.published_at))
    printed = Trial(tried, others).run(read_lines(file), end, active_from).summary
    printed["sends"] = [_shown(send, "node") for send in printed["sends"]]
    printed["skips"] = [_shown(skip, "node", "reason") for skip in printed["skips"]]
    return {name: printed[name] for name in case.expect}


def wanted(case: Told) -> dict[str, Any]:
    """The expectation, instants written alike."""
    return {
        name: [_written(said) for said in value] if name in ("sends", "skips") else value
        for name, value in case.expect.items()
    }


def _shown(said: Mapping[str, Any], *names: str) -> str:
    key = [f"key={said['key']}"] if "key" in said else []
    return " ".join([said["contact"], *(said[name] for name in names), *key, format_instant(parse_instant(said["at"]))])


def _written(said: str) -> str:
    """`u a 01-05 10:00` with its instant in full."""
    words = said.split()
    begins = next(i for i, word in enumerate(words) if word[0].isdigit())
    return " ".join([*words[:begins], format_instant(at(" ".join(words[begins:])))])
