"""`waxwing campaign`: what it asks, what it prints, and how a refusal is said. What the API does is tested there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from connectors.documents import files_of, read_documents
from connectors.publish import CatalogueReader, newest, publish
from connectors.sqlite_log import SqliteLog
from infra.cli import app
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


PEOPLE = [
    {"type": "identify", "userId": f"c{n}", "traits": {"email": f"c{n}@x.com"}, "timestamp": f"2026-01-05T09:0{n}:00Z"}
    for n in range(3)
]
BROADCAST = {
    "kind": "campaign",
    "id": "spring",
    "type": "one_time",
    "class": "transactional",
    "audience": {"everyone": True},
    "content": {"channel": "email", "template": "note"},
}


def simulate(folder: Path, bodies: list[dict[str, Any]], *options: str) -> Result:
    (folder / "campaign.json").write_text(json.dumps(bodies))
    (folder / "events.jsonl").write_text("\n".join(map(json.dumps, PEOPLE)))
    files = [str(folder / "campaign.json"), "--events", str(folder / "events.jsonl")]
    return CliRunner().invoke(app, ["campaign", "simulate", *files, *options])


def test_a_campaign_is_simulated_over_a_file(tmp_path):
    found = json.loads(simulate(tmp_path, [BROADCAST], "--at", "2026-01-05T09:01:00Z").stdout)
    assert (found["audience"], [send["contact"] for send in found["sends"]]) == (2, ["c0", "c1"])
    assert len(json.loads(simulate(tmp_path, [BROADCAST]).stdout)["sends"]) == 3


def test_without_events_a_running_installation_simulates_the_campaign(tmp_path, monkeypatch):
    monkeypatch.setenv("WAXWING_PORT", "1")
    (tmp_path / "campaign.json").write_text(json.dumps(BROADCAST))
    done = CliRunner().invoke(app, ["campaign", "simulate", str(tmp_path / "campaign.json")])
    assert done.exit_code != 0
    assert "no Waxwing answers" in done.stderr


@pytest.mark.parametrize(
    ("bodies", "options", "said"),
    [
        ([], [], "which campaign? give --id, one of: none"),
        ([BROADCAST, {**BROADCAST, "id": "two"}], ["--id", "three"], "there is no campaign 'three'"),
        ([{**BROADCAST, "audience": {"segment": "s"}}], [], "campaign spring: audience: there is no segment 's'"),
        ([{**BROADCAST, "type": "recurring"}], [], "campaign spring: schedule: a recurring campaign needs it"),
        ([BROADCAST], ["--at", "noon"], "--at: 'noon' is no instant"),
    ],
)
def test_a_campaign_that_cannot_be_simulated_is_refused_with_every_place(tmp_path, bodies, options, said):
    done = simulate(tmp_path, bodies, *options)
    assert done.exit_code == 2
    assert said in done.stderr
