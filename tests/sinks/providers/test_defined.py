"""The definitions as routes, on a real log."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from connectors.sqlite_log import SqliteLog
from flows.content.library import Library
from schemas.records import Definition, Entry, encode
from sinks.providers import defined
from sinks.providers.defined import Defined
from sinks.providers.kept import KeptFile
from sinks.providers.secrets import Secrets
from tests.sinks.providers.vendor import FROM


def put(log: SqliteLog, id: str, version: int = 1, **body: Any) -> None:
    whole = {"kind": "provider", "id": id, **body}
    log.append([Entry("definitions", f"provider/{id}", encode(Definition("provider", id, "publish", version, whole)))])


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(defined, "_FRESH_S", 0.0)
    made = SqliteLog(tmp_path / "log.db", 1)
    yield made
    made.close()


def routes_of(log: SqliteLog, tmp_path: Path, **secrets: str) -> Defined:
    environment = {f"WAXWING_SECRET_{k.upper()}": v for k, v in secrets.items()}
    kept = KeptFile(tmp_path / "kept.json")
    return Defined(log, Library(), Secrets(environment), kept, "https://m.example", False)


def names(found: Defined, channel: str) -> list[str]:
    return [route.provider.name for route in found.routes(channel)]


def test_providers_of_a_channel_come_by_priority_and_then_by_id(log: SqliteLog, tmp_path: Path):
    for id, priority in (("c", 0), ("b", 1), ("a", 1)):
        put(log, id, type="postmark", priority=priority, **{"from": FROM})
    put(log, "hook", type="webhook", url="https://h.example/in")
    found = routes_of(log, tmp_path, postmark="k", hook="s")
    assert names(found, "email") == ["c", "a", "b"]
    assert names(found, "webhook") == ["hook"]
    assert names(found, "sms") == []
    asyncio.run(found.close())


def test_a_new_version_takes_over_and_keeps_what_the_provider_asked_for(log: SqliteLog, tmp_path: Path):
    put(log, "p", type="postmark", **{"from": FROM})
    found = routes_of(log, tmp_path, p="k")
    [before] = found.routes("email")
    before.gate.kept.paused_until = 99
    put(log, "p", 2, type="postmark", concurrency=3, **{"from": FROM})
    [after] = found.routes("email")
    assert (after.gate.limits.concurrency, after.gate.kept.paused_until) == (3, 99)
    asyncio.run(found.close())


def test_without_its_secret_a_provider_lets_messages_wait_and_the_next_one_goes_on(log: SqliteLog, tmp_path: Path):
    put(log, "a", type="postmark", secret="absent", **{"from": FROM})
    put(log, "b", type="sendgrid", **{"from": FROM})
    first, second = routes_of(log, tmp_path, b="k").routes("email")
    assert first.gate.wait_ms(0, urgent=True) is None
    assert second.gate.wait_ms(0, urgent=True) == 0
