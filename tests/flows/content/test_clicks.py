"""Who clicked, as conditions come to know it: nobody's click is told before it is known to be a person's."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from flows.contact.active import Definitions
from flows.contact.replay import Line, Replay, definition_records
from flows.content.clicks import AT_ONCE_MS, HOLD_MS, SECTION
from schemas.facts import LINK_FOLLOWED
from schemas.records import Change, Entry, Event, decode_change, decode_event
from schemas.topics import CHANGES, EVENTS

T = 1_800_000_000_000
CLICKERS = {
    "kind": "segment",
    "id": "clickers",
    "where": {"message": "clicked", "channel": "email", "campaign": "spring", "within": "30d"},
}


class World:
    """A partition with one segment of people who clicked, and what was said of them with its instant."""

    def __init__(self) -> None:
        definitions = Definitions()
        for record in definition_records([CLICKERS], T - 10_000):
            definitions.apply(record)
        self.said: list[tuple[int, Entry]] = []
        self.replay = Replay(definitions, lambda at, entry: self.said.append((at, entry)))

    def follow(
        self, at: int, url: str, send: str = "s", contact: str = "ann", logged: int = 0, machine: str = ""
    ) -> None:
        said: dict[str, Any] = {"channel": "email", "send": send, "campaign": "spring", "url": url}
        said |= {"machine": True, "reason": machine} if machine else {"reason": "person v2"}
        event = Event(LINK_FOLLOWED, f"{send}/{url}/{at}", T + at, properties=said, user_id=contact)
        self.replay.run([Line(T + (logged or at), contact, event)])

    def until(self, at: int) -> World:
        self.replay.pass_time(T + at)
        return self

    def events(self, type: str) -> list[tuple[int, Event]]:
        found = [(at - T, decode_event(e.value)) for at, e in self.said if e.topic == EVENTS]
        return [(at, event) for at, event in found if event.type == type]

    @property
    def clicks(self) -> dict[str, str]:
        """Url -> the verdict; what was told twice is there once."""
        return {e.properties["url"]: e.properties["reason"] for _, e in self.events("email_clicked")}

    @property
    def flips(self) -> list[Change]:
        changes = [decode_change(e.value) for _, e in self.said if e.topic == CHANGES]
        return [c for c in changes if c.kind.startswith("segment")]


# followed   a                   the segment
#            |------ HOLD -------|
def test_a_person_s_click_is_told_after_a_moment_and_counts_from_when_it_was():
    world = World()
    world.follow(0, "a")
    assert world.until(HOLD_MS - 1).clicks == {}
    [(told_at, click)] = world.until(HOLD_MS).events("email_clicked")
    assert (told_at, click.at - T, click.user_id) == (HOLD_MS, 0, "ann")
    assert click.properties == {"send": "s", "campaign": "spring", "url": "a", "reason": "person v2"}
    assert [(f.kind, f.at - T) for f in world.flips] == [("segment_entered", HOLD_MS)]


# followed   a     b    c
#            |-- all within AT_ONCE of a neighbour
def test_of_links_that_are_followed_at_once_the_first_is_a_machine_s_too_and_no_condition_sees_one():
    world = World()
    for n, url in enumerate("abc"):
        world.follow(n * (AT_ONCE_MS - 1), url)
    world.until(20_000)
    assert world.clicks == dict.fromkeys("abc", "at_once v2")
    assert all(click.properties["machine"] is True for _, click in world.events("email_clicked"))
    assert world.flips == []


def test_one_link_that_is_followed_again_and_links_of_two_messages_are_a_person_s():
    world = World()
    world.follow(0, "a")
    world.follow(1_001, "a")
    world.follow(1_002, "b", send="other")
    world.until(20_000)
    assert world.clicks == dict.fromkeys("ab", "person v2")


def test_a_machine_s_visit_is_told_at_once_and_tells_on_what_was_followed_with_it():
    world = World()
    world.follow(0, "a")
    world.follow(1_000, "b", machine="program v2")
    assert world.clicks == {"b": "program v2"}
    assert world.until(20_000).clicks == {"a": "at_once v2", "b": "program v2"}
    assert world.flips == []


def test_what_is_written_late_still_tells_on_its_neighbour():
    world = World()
    world.follow(0, "a", logged=100)
    world.follow(1_400, "b", logged=2_050)
    assert world.until(20_000).clicks == dict.fromkeys("ab", "at_once v2")


def test_what_an_anonymous_contact_followed_is_told_once_where_it_has_become_a_part_of_another():
    world = World()
    world.follow(0, "a", contact="anon")
    world.replay.run([Line(T + 500, "ann", Event("identify", "i", T + 500, user_id="ann", anonymous_id="anon"))])
    world.until(20_000)
    assert [e.properties["url"] for _, e in world.events("email_clicked")] == ["a"]
    assert [(f.kind, f.contact) for f in world.flips] == [("segment_entered", "ann")]


def test_nothing_is_kept_of_what_was_told():
    world = World()
    world.follow(0, "a")
    world.until(60_000)
    state = world.replay.open("ann")
    assert state is not None
    assert (state.get(SECTION).followed, state.due_of(SECTION)) == ([], None)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 12_000), st.sampled_from("abc"), st.sampled_from("st")), max_size=12))
def test_a_click_is_a_person_s_where_no_other_link_of_its_message_was_followed_around_it(
    visits: list[tuple[int, str, str]],
):
    world = World()
    for at, url, send in sorted(visits):
        world.follow(at, url, send)
    world.until(60_000)
    told = {(e.at - T, e.properties["url"], e.properties["send"]): e for _, e in world.events("email_clicked")}
    assert told.keys() == set(visits)
    for (at, url, send), click in told.items():
        others = [o for o in visits if o[2] == send and o[1] != url and abs(o[0] - at) < AT_ONCE_MS]
        assert (click.properties.get("machine") is True) == bool(others)
    assert bool(world.flips) == any("machine" not in e.properties for e in told.values())
