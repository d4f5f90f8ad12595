"""What holds for those who never said a thing changes when its definition does, for everyone, at that instant."""

from __future__ import annotations

from typing import Any

from flows.contact.active import Definitions
from flows.contact.replay import Line, Replay
from schemas.records import LEAD_MS, Definition, Event, Record, encode
from schemas.times import HOUR, parse_instant

T = parse_instant("2026-03-01T22:30:00Z")


def publish(definitions: Definitions, offset: int, at: int, version: int, body: dict[str, Any]) -> None:
    """Version of a definition, active from the instant on."""
    key = f"{body['kind']}/{body['id']}"
    record = Definition(body["kind"], body["id"], "publish", version, body)
    definitions.apply(Record(offset, at - LEAD_MS, key, encode(record)))


def lived(segment: dict[str, Any], first: dict[str, Any], second: dict[str, Any]) -> Replay:
    """A contact that says nothing but its birthday; `first` is active before it, `second` from an hour later."""
    definitions = Definitions()
    publish(definitions, 0, T - 1, 1, {"kind": "segment", "id": "s", "where": segment})
    publish(definitions, 1, T - 1, 1, first)
    publish(definitions, 2, T + HOUR, 2, second)
    run = Replay(definitions)
    run.run([Line(T, "u", Event("identify", "1", T, traits={"birthday": "1990-03-02"}))], T)
    return run


def topic(default: str) -> dict[str, Any]:
    return {"kind": "topic", "id": "news", "channel": "email", "default": default}


def workspace(zone: str) -> dict[str, Any]:
    return {"kind": "workspace", "id": "default", "timezone": zone}


def test_a_topics_new_default_moves_those_who_never_said():
    run = lived({"consent": "email", "topic": "news"}, topic("unsubscribed"), topic("subscribed"))
    assert run.members("s") == []
    run.pass_time(T + HOUR - 1)
    assert run.members("s") == []
    run.pass_time(T + HOUR)
    assert run.members("s") == ["u"]


def test_the_workspaces_new_zone_moves_those_who_have_none():
    # 23:30 on 1 March in London is 08:30 on 2 March in Tokyo
    run = lived({"trait": "birthday", "op": "anniversary"}, workspace("Europe/London"), workspace("Asia/Tokyo"))
    run.pass_time(T + HOUR - 1)
    assert run.members("s") == []
    run.pass_time(T + HOUR)
    assert run.members("s") == ["u"]
