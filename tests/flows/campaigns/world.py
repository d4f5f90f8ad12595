"""Launches on the production fold: contacts, a campaign, and acts at instants, with time turned by hand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from flows.campaigns.acts import Files, going_on, planned, stopped
from flows.campaigns.launch import Launch, read_launch
from flows.campaigns.release import Rate, released
from flows.contact.active import Definitions
from flows.contact.replay import Replay
from flows.segments.hydration import unpack
from schemas.ids import content_hash
from schemas.records import LEAD_MS, Change, Definition, Entry, Event, Record, Send, decode_change, decode_send, encode
from schemas.topics import CHANGES, SENDS

T = 1_790_000_000_000
TEMPLATE = {"kind": "email_template", "id": "note", "class": "marketing", "subject": "Hello", "html": "<p>Hello</p>"}
NEWS = {"kind": "topic", "id": "default", "default": "subscribed"}


def campaign(id: str = "spring", **fields: Any) -> dict[str, Any]:
    body = {"kind": "campaign", "id": id, "type": "one_time", "audience": {"everyone": True}}
    return body | {"content": {"channel": "email", "template": "note"}} | fields


class World(Replay):
    """`files` are the files of launches; the log's time is `now`."""

    def __init__(self, *bodies: dict[str, Any], partition: int = 0):
        self.files: dict[str, bytes] = {}
        self.records: list[Record] = []
        self.published: list[Record] = []
        self.said: list[Entry] = []
        super().__init__(self.definitions(), lambda at, entry: self.said.append(entry))
        self.access = Files(self._put, self._read, lambda contact: partition)
        for body in (TEMPLATE, NEWS, *bodies):
            self.act(T - 10_000, Definition(body["kind"], body["id"], "publish", 1, body))
        self.now = T - 10_000
        self.contacts = 0

    def definitions(self) -> Definitions:
        return Definitions(states_in=lambda partition, path: self._read(path))

    def _put(self, data: bytes) -> str:
        name = content_hash(data)
        self.files[name] = data
        return name

    def _read(self, path: str) -> Mapping[str, bytes]:
        return unpack(self.files[path])

    def _fold(self, at: int, contact: str, value: bytes) -> list[Entry]:
        self.records.append(Record(self.fold.next_offset, at, contact, value))
        return super()._fold(at, contact, value)

    def act(self, at: int, definition: Definition) -> bool:
        record = Record(len(self.published), at, f"{definition.kind}/{definition.id}", encode(definition))
        self.published.append(record)
        return self.fold.definitions.apply(record)

    def say(self, contact: str, event: Event, at: int) -> None:
        event.user_id = contact
        event.at = event.received_at = at
        self.pass_time(at)
        self.apply(at, contact, encode(event))

    def people(self, *contacts: str, **traits: Any) -> None:
        for contact in contacts:
            said = {"email": f"{contact}@example.com", **traits}
            self.say(contact, Event("identify", f"i-{contact}-{self.now}", traits=said), max(self.now, T - 5_000))

    def launch(
        self,
        at: int,
        wanted: Mapping[str, int],
        rate: Rate | None = None,
        id: str = "spring",
        version: int = 1,
        **more: Any,
    ) -> Launch:
        """Launched at an instant; active a second later."""
        self.pass_time(at)
        name = more.pop("name", id)
        launch = Launch(name, id, version, "one_time", audience=len(wanted), **more)
        launch = planned(launch, released(wanted, rate, name), self.access)
        assert self.act(at, Definition("launch", name, "publish", 1, launch.body()))
        return launch

    def stop(self, at: int, state: str, id: str = "spring", reason: str = "") -> None:
        """Paused or cancelled at an instant."""
        self.pass_time(at)
        versions = self.fold.definitions.catalogue.versions["launch", id]
        last = max(versions)
        made = stopped(read_launch(versions[last].body), state, reason)
        assert self.act(at, Definition("launch", id, "publish", last + 1, made.body()))

    def resume(self, at: int, rate: Rate | None = None, id: str = "spring") -> Launch:
        self.pass_time(at)
        versions = self.fold.definitions.catalogue.versions["launch", id]
        made = going_on(versions, at + LEAD_MS, rate, "", self.access)
        assert self.act(at, Definition("launch", id, "publish", max(versions) + 1, made.body()))
        return made

    @property
    def sends(self) -> list[Send]:
        planned = (decode_send(e.value) for e in self.said if e.topic == SENDS)
        return sorted((s for s in planned if not s.recall), key=lambda s: (s.at, s.contact))

    @property
    def skips(self) -> list[Change]:
        said = [decode_change(e.value) for e in self.said if e.topic == CHANGES]
        return [change for change in said if change.kind == "send_skipped"]

    def sent_at(self) -> dict[str, int]:
        """Contact -> when its message was planned, after T; each at most once."""
        found = {send.contact: send.at - T for send in self.sends}
        assert len(found) == len(self.sends)
        return found


def body_of(launch: Launch) -> bytes:
    return msgspec.json.encode(launch.body())
