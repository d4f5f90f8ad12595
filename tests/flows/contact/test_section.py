"""A contact's encoded state."""

from __future__ import annotations

import msgspec
import pytest

from flows.contact.section import Contact, Section, decode_head
from schemas.errors import TerminalError


class First(msgspec.Struct, array_like=True):
    count: int = 0


class Second(msgspec.Struct, array_like=True):
    names: list[str] = []


class SecondLater(msgspec.Struct, array_like=True):
    names: list[str] = []
    added: int = 7


FIRST, SECOND = Section(0, "first", First), Section(1, "second", Second)


def saved() -> bytes:
    state = Contact(None, 2)
    state.get(FIRST).count = 3
    state.get(SECOND).names.append("a")
    state.set_due(SECOND, 50)
    state.set_due(FIRST, 40)
    return state.save()


def test_what_was_saved_is_read_again():
    state = Contact(saved(), 2)
    assert (state.get(FIRST).count, state.get(SECOND).names) == (3, ["a"])


def test_the_earliest_due_of_its_sections_is_the_contacts():
    state = Contact(saved(), 2)
    assert state.due == 40
    state.set_due(FIRST, None)
    assert state.due == 50


def test_the_head_is_read_without_opening_the_state():
    assert decode_head(saved()).due == 40


def test_a_section_that_nobody_opened_is_carried_over_byte_for_byte():
    blob = saved()
    assert Contact(blob, 2).save() == blob


def test_a_state_from_before_a_section_was_added_reads_with_its_default():
    third = Section(2, "third", First)
    state = Contact(saved(), 3)
    assert state.get(third).count == 0
    assert Contact(state.save(), 3).get(FIRST).count == 3


def test_a_section_from_before_a_field_was_added_reads_with_its_default():
    assert Contact(saved(), 2).get(Section(1, "second", SecondLater)).added == 7


def test_a_state_of_another_version_is_refused_by_name():
    blob = bytearray(saved())
    assert blob[1] == 2
    blob[1] = 9
    with pytest.raises(TerminalError, match="version 9"):
        Contact(bytes(blob), 2)


def test_a_state_of_version_1_reads_alike():
    sections = [(40, [3]), (50, [["a"]]), (None, None)]
    state = Contact(msgspec.msgpack.encode([1, 40, 7, b"ids", "", sections]), 3)
    assert (state.due, state.epoch, state.recent) == (40, 7, b"ids")
    assert (state.get(FIRST).count, state.get(SECOND).names) == (3, ["a"])
    assert not state.has(Section(2, "third", First))
    assert decode_head(state.save()).version == 2
