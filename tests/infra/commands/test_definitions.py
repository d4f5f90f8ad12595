"""`waxwing apply`, `get`, `rollback`, `delete`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from connectors.sqlite_log import SqliteLog
from infra.cli import app
from schemas.records import Entry, Event, encode
from schemas.topics import DEFINITIONS, EVENTS
from sinks.hydration_journal import Journal
from sinks.past_store import PastStore


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WAXWING_DATA", str(tmp_path / "data"))
    return tmp_path


def waxwing(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments)


def write(folder: Path, name: str, text: str) -> str:
    (folder / name).write_text(text)
    return str(folder / name)


def test_a_folder_is_applied_and_the_second_time_nothing_changes(folder):
    (folder / "defs").mkdir()
    write(folder, "defs/a.yaml", "- {kind: topic, id: news, name: News}\n- {kind: workspace, id: default}")
    write(folder, "defs/b.json", '{"kind": "topic", "id": "sport"}')
    first = waxwing("apply", "defs")
    assert first.stdout.splitlines() == [
        "topic/news version 1 published",
        "workspace/default version 1 published",
        "topic/sport version 1 published",
    ]
    assert all(line.endswith("version 1 unchanged") for line in waxwing("apply", "defs").stdout.splitlines())


def test_all_faults_of_all_files_come_at_once_and_nothing_is_published(folder):
    one = write(folder, "one.yaml", "- {kind: topic, id: good}\n- {kind: topic, id: news, channel: fax, colour: red}")
    two = write(folder, "two.yaml", "kind: nonsense\nid: x")
    three = write(folder, "three.yaml", "a: [1")
    again = write(folder, "four.yaml", "{kind: topic, id: good}")
    answer = waxwing("apply", one, two, three, again)
    assert (answer.exit_code, answer.stdout) == (2, "")
    faults = answer.stderr.splitlines()
    for place in (
        "one.yaml[2]: channel",
        "one.yaml[2]: colour",
        "two.yaml: kind",
        "three.yaml: line 1",
        "four.yaml: id",
    ):
        assert sum(place in fault for fault in faults) == 1
    assert len(faults) == 5
    log = SqliteLog(folder / "data/log.db")
    assert log.end(DEFINITIONS, 0) == 0
    log.close()


def test_check_says_what_is_wrong_and_publishes_nothing(folder):
    good = write(folder, "a.yaml", "{kind: topic, id: news}")
    assert waxwing("apply", "--check", good).stdout == "1 definitions, no fault\n"
    assert not (folder / "data").exists()


def test_a_definition_is_read_back_as_it_was_written_listed_rolled_back_and_deleted(folder):
    for name in ("a", "b"):
        waxwing("apply", write(folder, "t.yaml", f"{{kind: topic, id: news, name: {name}}}"))
    assert json.loads(waxwing("get", "topic", "news").stdout) == {"kind": "topic", "id": "news", "name": "b"}
    assert json.loads(waxwing("get", "topic", "news", "--version", "1").stdout)["name"] == "a"
    assert json.loads(waxwing("get", "topic").stdout)["version"] == 2
    assert waxwing("rollback", "topic", "news", "1").exit_code == 0
    assert json.loads(waxwing("get", "topic", "news").stdout)["name"] == "a"
    told = [json.loads(line) for line in waxwing("get", "topic", "news", "--versions").stdout.splitlines()]
    assert [(line["name"], line["status"]) for line in told] == [("b", "earlier"), ("a", "active")]
    assert waxwing("delete", "topic", "news").exit_code == 0
    assert waxwing("get", "topic").stdout == ""


def test_what_is_not_there_is_a_negative_answer_and_what_cannot_be_is_bad_input():
    assert waxwing("get", "topic", "news").exit_code == 1
    assert waxwing("get", "topic", "news", "--versions").exit_code == 1
    for arguments in (
        ("get", "nonsense"),
        ("rollback", "topic", "news", "1"),
        ("delete", "topic", "news"),
        ("apply", "nowhere"),
    ):
        answer = waxwing(*arguments)
        assert answer.exit_code == 2
        assert answer.stderr


def test_a_template_that_is_nowhere_is_told_by_its_node_before_anything_is_published(folder):
    nodes = "[{id: go, type: trigger, on: {event: go}}, {id: mail, type: action, do: send, channel: email, template: t}"
    edges = "[{from: go, to: mail}, {from: mail, to: done}]"
    file = write(
        folder,
        "j.yaml",
        f"kind: journey\nid: j\nnodes: {nodes}, {{id: done, type: exit}}]\nedges: {edges}",
    )
    for options in ((), ("--check",)):
        refused = waxwing("apply", file, *options)
        assert refused.exit_code == 2
        assert "j.yaml: nodes.mail.template: there is no email_template 't'" in refused.stderr


def test_a_contact_is_entered_by_hand_once_for_a_key(folder):
    nodes = "[{id: go, type: trigger, on: {api: true}}, {id: done, type: exit}]"
    waxwing("apply", write(folder, "j.yaml", f"kind: journey\nid: j\nnodes: {nodes}\nedges: [{{from: go, to: done}}]"))
    made = [waxwing("journey", "enter", "j", "ann", "--properties", '{"n": 1}', "--key", "k") for _ in range(2)]
    assert json.loads(made[0].stdout) == json.loads(made[1].stdout)
    assert waxwing("journey", "enter", "nothing", "ann").exit_code == 1
    assert waxwing("journey", "enter", "j", "ann", "--properties", "[]").exit_code == 2


def test_a_map_that_is_none_is_named(folder):
    (folder / "map.yaml").write_text("[a, b]")
    refused = waxwing("journey", "migrate", "j", "--from", "1", "--to", "2", "--map", "map.yaml")
    assert refused.exit_code == 2
    assert "map.yaml" in refused.stderr


def test_what_a_segment_keeps_of_a_contact_is_shown_and_one_that_keeps_too_much_refused(folder, monkeypatch):
    file = write(folder, "s.yaml", "{kind: segment, id: s, where: {performed: buy, within: 30d}}")
    assert waxwing("apply", file).stdout == "segment/s version 1 published, keeps up to 12 bytes a contact\n"
    monkeypatch.setenv("WAXWING_LEAF_BYTES", "11")
    other = write(folder, "t.yaml", "{kind: segment, id: t, where: {performed: buy, within: 31d}}")
    for options in ((), ("--check",)):
        refused = waxwing("apply", other, *options)
        assert refused.exit_code == 2
        assert "t.yaml: where" in refused.stderr
        assert "keeps up to 12 bytes a contact, 11 may be" in refused.stderr


def test_what_warms_up_says_how_far_it_is_and_is_cancelled(folder):
    log = SqliteLog(folder / "data" / "log.db")
    log.append([Entry(EVENTS, "c", encode(Event("track", "1", 0, "buy")))])
    log.close()
    waxwing("apply", write(folder, "s.yaml", "{kind: segment, id: s, where: {performed: buy}}"))
    files = PastStore((folder / "data" / "files").absolute().as_uri())
    Journal(files).tell({("segment", "s")}, "folding", 0.5, 7)
    files.close()
    told = json.loads(waxwing("get", "segment", "s", "--status").stdout)
    assert (told["status"], told["stage"], told["done"], told["contacts"]) == ("warming", "folding", 0.5, 7)
    assert json.loads(waxwing("get", "segment").stdout)["status"] == "warming"
    assert waxwing("cancel", "segment", "s").stdout == "segment/s version 1 warms up no more\n"
    assert waxwing("get", "segment", "s").exit_code == 1
    again = waxwing("cancel", "segment", "s")
    assert (again.exit_code, "does not warm up" in again.stderr) == (2, True)


def test_drafts_are_applied_listed_and_published(folder):
    one = write(folder, "one.yaml", "{kind: topic, id: news, name: News}")
    assert waxwing("apply", "--draft", one).stdout == "topic/news kept as a draft\n"
    assert waxwing("get", "topic").stdout == ""
    assert json.loads(waxwing("get", "topic", "--draft").stdout)["status"] == "draft"
    assert json.loads(waxwing("get", "topic", "news", "--draft").stdout)["name"] == "News"
    assert waxwing("publish", "topic", "news").stdout == "topic/news version 1 published\n"
    assert json.loads(waxwing("get", "topic", "news").stdout)["name"] == "News"
    assert waxwing("get", "topic", "news", "--draft").exit_code == 1
    assert waxwing("publish", "topic", "news").exit_code == 2


def test_what_is_archived_is_listed_apart(folder):
    waxwing("apply", write(folder, "one.yaml", "{kind: topic, id: news, name: News}"))
    assert waxwing("archive", "topic", "news").stdout == "topic/news is archived\n"
    assert waxwing("get", "topic").stdout == ""
    assert json.loads(waxwing("get", "topic", "--archived").stdout)["id"] == "news"
    waxwing("rollback", "topic", "news", "1")
    assert waxwing("get", "topic", "--archived").stdout == ""


def test_a_faulty_draft_is_refused(folder):
    done = waxwing("apply", "--draft", write(folder, "one.yaml", "{kind: topic, id: news, channel: fax}"))
    assert done.exit_code == 2
    assert "channel" in done.stderr
