"""`waxwing template check`, `test` and `render --contact`: what they ask, and what they print."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from connectors.publish import CatalogueReader, publish
from connectors.sqlite_log import SqliteLog
from tests.infra.commands.test_explain import answering, run


def test_a_check_lists_whose_message_would_be_skipped_and_is_a_negative_answer():
    found = {"checked": 1000, "failed": [{"contact": "ann", "reason": "'first_name' is missing"}], "next": None}
    with answering(200, json.dumps(found).encode()) as (port, calls):
        done = run(port, "template", "check", "welcome")
    assert (done.exit_code, calls) == (1, ["POST /v1/templates/welcome/check Bearer k"])
    assert done.stdout.splitlines() == ["ann: 'first_name' is missing", "1000 contacts, 1 would be skipped"]


def test_a_check_without_failures_is_a_positive_answer():
    with answering(200, b'{"checked":3,"failed":[],"next":null}') as (port, _):
        done = run(port, "template", "check", "welcome", "--prefix", "a", "--limit", "3")
    assert (done.exit_code, done.stdout) == (0, "3 contacts, 0 would be skipped\n")


def test_a_test_send_prints_its_id():
    with answering(202, b'{"send":"s-1"}') as (port, calls):
        done = run(port, "template", "test", "welcome", "--to", "me@example.com")
    assert (done.exit_code, json.loads(done.stdout)) == (0, {"send": "s-1"})
    assert calls == ["POST /v1/templates/welcome/test Bearer k"]


def test_a_message_for_a_contact_is_printed_or_the_reason_why_there_is_none():
    shown = {"subject": "Hi Ann", "html": "<p>Hi</p>"}
    with answering(200, json.dumps({"locale": "en", "rendered": shown, "reason": ""}).encode()) as (port, calls):
        assert json.loads(run(port, "template", "render", "welcome", "--contact", "ann").stdout) == shown
        assert run(port, "template", "render", "welcome", "--contact", "ann", "--html").stdout == "<p>Hi</p>\n"
    assert calls == ["POST /v1/templates/welcome/render Bearer k"] * 2
    with answering(200, b'{"locale":"en","rendered":null,"reason":"first_name is missing"}') as (port, _):
        done = run(port, "template", "render", "welcome", "--contact", "bob")
    assert (done.exit_code, done.stderr) == (1, "welcome: first_name is missing\n")


@pytest.mark.parametrize(
    "command", [("check", "x"), ("test", "x", "--to", "a@b.example"), ("render", "x", "--contact", "a")]
)
def test_what_is_not_there_is_said(command: tuple[str, ...]):
    with answering(404, b'{"detail":"there is no template x"}') as (port, _):
        done = run(port, "template", *command)
    assert (done.exit_code, done.stderr) == (1, "there is no template x\n")


def test_variables_that_are_no_object_are_refused(tmp_path: Path):
    file = tmp_path / "data.json"
    file.write_text("[1]")
    done = run(1, "template", "check", "welcome", "--data", str(file))
    assert done.exit_code == 2
    assert "must be an object" in done.stderr


def test_of_several_kinds_with_one_id_one_is_chosen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    mail = {"kind": "email_template", "id": "note", "subject": "Hi", "html": "<p>Hi</p>", "class": "transactional"}
    file = tmp_path / "templates.json"
    file.write_text(json.dumps([mail, {"kind": "sms_template", "id": "note", "body": "Hi there"}]))
    assert "sms" not in run(1, "template", "render", str(file), "--kind", "email_template").stdout
    log = SqliteLog(tmp_path / "log.db", partitions=4)
    publish(CatalogueReader(log), json.loads(file.read_text()))
    log.close()
    monkeypatch.setenv("WAXWING_DATA", str(tmp_path))
    done = run(1, "template", "render", "note")
    assert (done.exit_code, "say which with --kind" in done.stderr) == (2, True)
    assert json.loads(run(1, "template", "render", "note", "--kind", "sms_template").stdout)["text"] == "Hi there"
    assert run(1, "template", "render", "note", "--kind", "push_template").exit_code == 2
    with answering(202, b'{"send":"s-1"}') as (port, calls):
        run(port, "template", "test", "note", "--to", "me@example.com", "--kind", "email_template")
    assert calls == ["POST /v1/templates/note/test?kind=email_template Bearer k"]
