"""A cap that is new counts what was planned before it: from ClickHouse, through a file, in the fold. Time by hand."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from api.reads import load_queries
from connectors.log_clock import Clock
from connectors.publish import CatalogueReader, publish
from flows.contact.active import Definitions
from flows.contact.replay import Replay
from flows.policy.caps import Planned
from flows.policy.reducer import planned
from infra.cap_past import CapPast
from schemas.records import Entry, Send, encode
from schemas.times import HOUR, SECOND, parse_instant
from schemas.topics import DEFINITIONS, EVENTS, SENDS
from sinks.past_query import PastQuery
from sinks.past_store import PastStore
from tests.api.reading import World, event, world
from tests.api.support import settings

START = parse_instant("2026-09-21T14:00:00Z")
CAP: dict[str, Any] = {"kind": "frequency_cap", "id": "c", "channel": "email", "max": 2, "within": "1d"}


class Installation:
    """A world whose clock is turned by hand, with the past of caps."""

    def __init__(self, there: World, folder: Path, time: list[int]):
        self.there, self.time, self.sent = there, time, 0
        self.reader, self.files = CatalogueReader(there.log), PastStore(settings(folder).files_url)
        self.caps = self.begin()

    def begin(self) -> CapPast:
        """Another process."""
        clickhouse, progress = self.there.clickhouse, load_queries()["progress"]
        return CapPast(self.there.log, clickhouse.query, progress, PastQuery(clickhouse), self.files)

    def plan(self, contact: str, outcome: str = "", channel: str = "email", **fields: Any) -> str:
        """A message is planned now, and has ended so."""
        id, at = f"s{self.sent}", self.time[0]
        self.sent += 1
        send = Send(id=id, contact=contact, at=at, expires=at + HOUR, channel=channel, journey="j", **fields)
        ends = [event(contact, outcome, f"{id}-end", at, properties={"send": id})] if outcome else []
        self.there.tell(Entry(SENDS, contact, encode(send)), *ends)
        return id

    def pass_time(self, ms: int) -> None:
        self.time[0] += ms
        self.there.tell()

    def folded(self, contact: str) -> list[Planned]:
        """What the fold counts of a contact, by all that is on the log."""
        definitions = Definitions(states_in=lambda partition, path: self.files.get(path))
        log = self.there.log
        for record in log.read(DEFINITIONS, 0, 0):
            definitions.apply(record)
        partition = log.partition_of(EVENTS, contact)
        replay = Replay(definitions)
        replay.fold.partition = partition
        for record in log.read(EVENTS, partition, 0):
            replay.pass_time(record.logged_at)
            replay.apply(record.logged_at, record.key, record.value)
        replay.pass_time(self.time[0])
        state = replay.open(contact)
        return [] if state is None else planned(state)


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    time = [START]
    with world(tmp_path, Clock(lambda: time[0], lambda: time[0])) as there:
        made = Installation(there, tmp_path, time)
        yield made
        made.files.close()


def test_what_was_planned_before_a_cap_counts_unless_it_was_skipped_failed_or_is_transactional(installation):
    told = [installation.plan("ann"), installation.plan("ann", "email_sent", campaign="spring", topic="news")]
    gone = [installation.plan("ann", "email_failed"), installation.plan("ann", "email_skipped")]
    other = installation.plan("ann", "sms_sent")  # planned as an email, it went by its fallback
    installation.plan("ann", message_class="transactional")
    publish(installation.reader, [CAP])
    assert installation.caps.round() == []  # it is not active yet
    installation.pass_time(3 * SECOND)
    assert installation.caps.round() == ["c"]
    assert installation.caps.round() == installation.begin().round() == []  # once, also after a restart
    installation.pass_time(3 * SECOND)
    assert installation.folded("ann") == [
        Planned(START, told[0], "email", "default", "j"),
        Planned(START, told[1], "email", "news", "spring"),
        Planned(START, other, "sms", "default", "j"),
    ]
    assert {p.send for p in installation.folded("ann")}.isdisjoint(gone)


def test_only_what_lies_in_the_window_is_brought_and_a_longer_one_brings_the_rest(installation):
    old = installation.plan("ann", "email_sent")
    installation.pass_time(30 * HOUR)
    young = installation.plan("ann", "email_sent")
    publish(installation.reader, [CAP])
    for expected in ([young], [old, young]):
        installation.pass_time(3 * SECOND)
        assert installation.caps.round() == ["c"]
        installation.pass_time(3 * SECOND)
        assert [p.send for p in installation.folded("ann")] == expected
        publish(installation.reader, [CAP | {"within": "2d"}])


def test_a_cap_waits_for_clickhouse_and_brings_a_merged_contacts_messages_to_its_person(installation):
    sent = installation.plan("anon")
    installation.there.tell(event("anon", "merge_claimed", "m1", START, properties={"into": "ann"}))
    installation.there.tell(event("ann", "merged", "m2", START, properties={"source": "anon", "state": ""}))
    publish(installation.reader, [CAP])
    installation.time[0] += 3 * SECOND
    late = Send(id="late", contact="ann", at=START + 1, expires=START + HOUR, channel="email", journey="j")
    installation.there.log.append([Entry(SENDS, "ann", encode(late))])
    assert installation.caps.round() == []  # ClickHouse does not have it yet
    installation.there.tell()
    assert installation.caps.round() == ["c"]
    with installation.reader.open() as catalogue:
        (path,) = {path for past in catalogue.active(1 << 62).pasts for _, path in past.files}
    assert installation.files.get(path).keys() == {"ann"}
    assert all(send.encode() in installation.files.get(path)["ann"] for send in (sent, "late"))
