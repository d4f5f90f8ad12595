"""`waxwing campaign`: what it asks, what it prints, and how a refusal is said. What the API does is tested there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from connectors.documents import files_of, read_documents
from connectors.publish import CatalogueReader, newest, publish
from connectors.sqlite_log import SqliteLog
from tests.conftest import ROOT
from tests.infra.commands.test_explain import answering, run

SAMPLES = ROOT / "infra" / "samples" / "campaigns"


@pytest.mark.parametrize(
    ("command", "asked"),
    [
        (("launch", "spring"), "POST /v1/campaigns/spring/launch"),
        (("pause", "spring", "--reason", "typo"), "POST /v1/campaigns/spring/pause"),
        (("resume", "spring"), "POST /v1/campaigns/spring/resume"),
        (("cancel", "spring"), "POST /v1/campaigns/spring/cancel"),
        (("preview", "spring"), "GET /v1/campaigns/spring/preview"),
        (("show", "a/b"), "GET /v1/campaigns/a%2Fb"),
        (("show",), "GET /v1/campaigns"),
    ],
)
def test_a_command_asks_the_installation_and_prints_what_it_says(command, asked):
    with answering(200, b'{"id":"spring","phase":"running"}') as (port, calls):
        done = run(port, "campaign", *command)
    assert done.exit_code == 0
    assert json.loads(done.stdout) == {"id": "spring", "phase": "running"}
    assert calls == [f"{asked} Bearer k"]


@pytest.mark.parametrize("act", ["launch", "pause", "resume", "cancel"])
def test_a_refusal_is_said_with_its_reason(act):
    with answering(409, b'{"detail":"campaign spring was launched, and is running"}') as (port, _):
        done = run(port, "campaign", act, "spring")
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr == "campaign spring was launched, and is running\n"


def test_the_samples_can_be_published_together(tmp_path: Path):
    bodies = [d.body for file in files_of(SAMPLES) for d in read_documents(file)[0]]
    log = SqliteLog(tmp_path / "log.db", partitions=1)
    reader = CatalogueReader(log)
    publish(reader, bodies)
    with reader.open() as catalogue:
        types = {p.id: p.body["type"] for p in newest(catalogue).of("campaign")}
    log.close()
    assert types == {"spring-sale": "one_time", "weekly-newsletter": "recurring", "thanks": "triggered"}
