"""What earlier releases left on the log and in their stores is read by this code, and folded on.

Each release has a folder (`tests.upgrade.history` says what is in it) that is written once and never changed.
"""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from flows.attribution import touches
from flows.campaigns import reducer as campaigns
from flows.consent import reducer as consent
from flows.contact import profile, spans
from flows.contact.fold import SECTIONS
from flows.contact.partition import PartitionFold
from flows.contact.section import Contact, Section
from flows.holdouts import reducer as holdouts
from flows.journeys import run as journeys
from flows.scoring import features
from flows.segments import engine
from schemas import records
from tests.upgrade.history import definitions_of, fold_on

RELEASES = sorted(path for path in Path(__file__).parent.iterdir() if (path / "said.json").exists())
release = pytest.mark.parametrize("folder", RELEASES, ids=lambda folder: folder.name)
EVERY: tuple[Section[Any], ...] = tuple(
    module.SECTION for module in (profile, consent, engine, features, touches, journeys, spans, holdouts, campaigns)
)
KINDS = {
    "event": records.Event,
    "tick": records.Event,
    "crm": records.CrmRecord,
    "crm_command": records.CrmCommand,
    "definition": records.Definition,
    "change": records.Change,
    "send": records.Send,
    "attempt": records.Attempt,
    "example": records.Example,
    "dead_letter": records.DeadLetter,
}


def taken(folder: Path) -> list[tuple[int, str, bytes]]:
    lines = (json.loads(line) for line in (folder / "records.jsonl").read_text().splitlines())
    return [(at, key, value.encode()) for at, key, value in lines]


def states_of(folder: Path) -> dict[str, bytes]:
    return {key: base64.b64decode(text) for key, text in json.loads((folder / "states.json").read_text()).items()}


def folds_of(folder: Path) -> tuple[PartitionFold, PartitionFold]:
    """One that begins at the log's beginning, one that goes on from the release's states; both at the half."""
    definitions = json.loads((folder / "definitions.json").read_text())
    first = taken(folder)[: len(taken(folder)) // 2]
    whole = PartitionFold(0, definitions_of(definitions), {}, 0)
    fold_on(whole, first)
    upgraded = PartitionFold(0, definitions_of(definitions), states_of(folder), len(first), first[-1][0])
    return whole, upgraded


def members(fold: PartitionFold) -> dict[str, list[str]]:
    opened = {key: Contact(state, SECTIONS).get(engine.SECTION) for key, state in fold.states.items()}
    return {key: sorted(section.members) for key, section in opened.items()}


def test_there_is_a_release_to_upgrade_from() -> None:
    assert [folder.name for folder in RELEASES][:1] == ["0.1.0"]


@release
def test_every_section_of_a_state_is_read_and_kept(folder: Path) -> None:
    stored = (folder / "full.state").read_bytes()
    state = Contact(stored, SECTIONS)
    written = msgspec.msgpack.decode(stored)[-1]
    for section in EVERY[: len(written)]:
        assert state.get(section) != section.kind(), f"{section.name} is empty"
    again = Contact(state.save(), SECTIONS)
    assert all(again.get(section) == state.get(section) for section in EVERY)
    assert (again.due, again.epoch, again.recent) == (state.due, state.epoch, state.recent)


@release
def test_a_partition_is_folded_on_from_its_states_and_says_what_the_release_said(folder: Path) -> None:
    rest = taken(folder)[len(taken(folder)) // 2 :]
    whole, upgraded = folds_of(folder)
    said = fold_on(upgraded, rest)
    assert said == fold_on(whole, rest)
    assert members(upgraded) == members(whole)
    for topic, ids in json.loads((folder / "said.json").read_text()).items():
        assert set(ids) <= set(said[topic]), topic


@release
def test_every_kind_of_record_is_read_and_nothing_of_it_is_lost(folder: Path) -> None:
    for path in sorted((folder / "records").glob("*.json")):
        then = json.loads(path.read_text())
        record = msgspec.json.decode(path.read_bytes(), type=KINDS[path.stem])
        now = json.loads(records.encode(record))
        assert {key: now.get(key) for key in then} == then, path.stem
