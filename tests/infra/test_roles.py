from __future__ import annotations

import threading

import pytest

from infra.roles import __main__ as roles
from infra.roles.__main__ import find, work
from infra.settings import Settings
from schemas.errors import InvalidInput, LogUnavailable


def waits(settings: Settings, stop: threading.Event) -> None:
    stop.wait()


def test_a_role_that_fails_ends_the_others_of_its_process(caplog: pytest.LogCaptureFixture) -> None:
    def fails(settings: Settings, stop: threading.Event) -> None:
        raise OSError("no space left on device")

    stop = threading.Event()
    [fault] = work(Settings(), {"waits": waits, "fails": fails}, stop)
    assert isinstance(fault, OSError)
    assert stop.is_set()
    assert "role fails failed" in caplog.text


def test_while_a_broker_is_away_a_role_begins_anew_and_it_is_said_once(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(roles, "AGAIN_S", 0.0)
    tries = 0

    def tries_again(settings: Settings, stop: threading.Event) -> None:
        nonlocal tries
        tries += 1
        if tries < 5:
            raise LogUnavailable("kafka://host:1: list topics")

    assert work(Settings(log="kafka://host:1"), {"ingest": tries_again}, threading.Event()) == []
    assert tries == 5
    assert caplog.messages == [
        "ingest: the log is away, and is tried again until it is back: kafka://host:1: list topics"
    ]


def test_a_log_in_a_file_that_fails_ends_its_process_in_one_line(caplog: pytest.LogCaptureFixture) -> None:
    def fails(settings: Settings, stop: threading.Event) -> None:
        raise LogUnavailable("log.db: database or disk is full")

    [fault] = work(Settings(), {"ingest": fails}, threading.Event())
    assert isinstance(fault, LogUnavailable)
    assert caplog.messages == ["role ingest ends: log.db: database or disk is full"]


def test_roles_end_well_when_they_are_told() -> None:
    stop = threading.Event()
    threading.Timer(0.01, stop.set).start()
    assert work(Settings(), {"one": waits, "two": waits}, stop) == []


def test_bad_input_is_said_in_one_line_and_kept(capsys: pytest.CaptureFixture[str]) -> None:
    def refuses(settings: Settings, stop: threading.Event) -> None:
        find("cook")

    [fault] = work(Settings(), {"refuses": refuses}, threading.Event())
    assert isinstance(fault, InvalidInput)
    assert capsys.readouterr().err.startswith("role: cook: there is no such role; there are api, ")


@pytest.mark.parametrize("name", ["api@0/2", "contacts@2", "contacts@a/2", "contacts@0/0"])
def test_only_the_fold_is_shared_by_workers_and_only_so(name: str) -> None:
    with pytest.raises(InvalidInput, match="contacts@0/2"):
        find(name)
