"""An outage is said once when it begins and once when it is over."""

from __future__ import annotations

import logging

import pytest

from connectors import outage as module
from connectors.kafka_link import Link
from connectors.outage import FORGOTTEN_S, SETTLED_S, Outage


class Clock:
    """Turned by hand."""

    now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(module, "time", clock)
    return clock


def test_it_is_said_when_it_goes_and_when_it_is_back_with_how_often_it_failed(
    clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    outage = Outage(logging.getLogger("of the test"), "the log")
    outage.worked()
    for _ in range(40):
        outage.failed("nobody listens")
        clock.now += 0.5
    clock.now += SETTLED_S
    outage.worked()
    outage.worked()
    assert caplog.messages == [
        "the log is away, and is tried again until it is back: nobody listens",
        "the log is back; it failed 40 times in 19.5 s",
    ]


def test_it_is_not_back_while_others_still_find_it_away(clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    outage = Outage(logging.getLogger("of the test"), "the log")
    for _ in range(10):
        outage.failed("nobody listens")
        clock.now += SETTLED_S / 2
        outage.worked()
    assert len(caplog.messages) == 1
    clock.now += SETTLED_S
    outage.worked()
    assert len(caplog.messages) == 2


def test_a_failure_long_after_the_last_one_is_another_outage(clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    outage = Outage(logging.getLogger("of the test"), "the log")
    outage.failed("first")
    clock.now += FORGOTTEN_S
    outage.failed("still the first")
    clock.now += FORGOTTEN_S + 1
    outage.failed("second")
    assert [line.rpartition(": ")[2] for line in caplog.messages] == ["first", "second"]


def test_of_a_clients_lines_lost_connections_are_said_once_and_everything_else_as_it_comes(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    link = Link("127.0.0.1:9092")
    for n in range(30):
        link.log(logging.ERROR, "%s [%s] %s", "FAIL", f"consumer-{n}", "Connect to 127.0.0.1:9092 failed: refused")
        link.failed("end of events partition 0: timed out")
    link.log(logging.CRITICAL, "%s [%s] %s", "FATAL", "producer-1", "fenced by a newer instance")
    assert caplog.messages == [
        "kafka://127.0.0.1:9092 is away, and is tried again until it is back:"
        " end of events partition 0: timed out; Connect to 127.0.0.1:9092 failed: refused",
        "FATAL [producer-1] fenced by a newer instance",
    ]
