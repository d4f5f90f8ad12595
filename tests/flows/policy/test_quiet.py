"""Quiet hours on the production fold: in every zone, over midnight, on the days on which clocks change."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from schemas.definitions import parse
from schemas.errors import InvalidInput
from schemas.records import decode_change
from schemas.times import HOUR, MINUTE, format_instant, from_ms, parse_instant
from schemas.topics import CHANGES
from tests.flows.journeys.scenario import (
    Scenario,
    event,
    exited,
    instant,
    journey,
    message,
    node,
    pause,
    send,
    skipped,
    started_by,
    step,
    traits,
)
from tests.flows.policy.test_caps import ALWAYS, agreed, cap


def quiet(id: str = "night", window: tuple[str, str] = ("22:00", "07:00"), **fields: Any) -> dict[str, Any]:
    return {"kind": "quiet_hours", "id": id, "window": {"from": window[0], "to": window[1]}} | fields


def mails(*others: dict[str, Any], **fields: Any) -> Scenario:
    return agreed(Scenario(journey(started_by(), message("mail"), **(ALWAYS | fields)), *others))


def test_what_comes_at_night_goes_in_the_morning_and_what_follows_counts_from_then():
    body = journey(started_by(), message("mail"), pause("1h"), message("more"), **ALWAYS)
    scenario = agreed(Scenario(body, quiet())).at("23:30", event("go")).until("tue 12:00")
    scenario.expect(send("mail", "tue 07:00"), send("more", "tue 08:00"))
    told = [decode_change(e.value) for e in scenario.entries if e.topic == CHANGES]
    assert [c.value for c in told if c.node == "mail" and c.reason == "waiting"] == [{"quiet_hours": "night"}]


def test_the_window_includes_its_beginning_and_not_its_end():
    scenario = mails(quiet()).at("06:59:59.999", event("go")).at("07:00", event("go"))
    scenario.at("21:59:59.999", event("go")).at("22:00", event("go")).until("tue 06:59:59.999")
    scenario.expect(*(send("mail", at) for at in ("07:00", "07:00", "21:59:59.999")))
    scenario.until("tue 07:00").expect(*(send("mail", at) for at in ("07:00", "07:00", "21:59:59.999", "tue 07:00")))


def test_it_is_the_contact_s_own_night():
    scenario = mails(quiet()).at("01:00", traits(timezone="America/New_York"))
    scenario.at("02:00", event("go")).at("04:00", event("go")).until("13:00")
    scenario.expect(send("mail", "02:00"), send("mail", "12:00"))


def test_a_run_that_ends_in_the_night_sends_nothing():
    scenario = mails(quiet(), exit_when={"performed": "bought"}).at("23:00", event("go")).at("23:30", event("bought"))
    scenario.until("tue 12:00").expect(exited("exit_when", "23:30")).expect_no("send", "skipped")


def test_consent_that_is_withdrawn_in_the_night_is_heard():
    scenario = mails(quiet()).at("23:00", event("go"))
    withdrawn = scenario.outcome("consent_changed", _nobody())
    withdrawn.properties = {"channel": "email", "topic": "default", "status": "unsubscribed"}
    scenario.at("23:30", withdrawn).until("tue 12:00").expect(skipped("mail", "no_consent", "tue 07:00"))


def _nobody() -> Any:
    from schemas.records import Send

    return Send("s", "u", 0, 0, "email")


def test_skip_skips_at_once():
    scenario = mails(quiet(then="skip")).at("23:00", event("go"))
    scenario.expect(skipped("mail", "quiet_hours", "23:00"))


def test_a_channel_whose_quiet_hours_skip_is_fallen_back_from_and_one_that_waits_is_waited_for():
    both = node("m", "action", do="send", channels=["sms", "email"], template="note")
    for then, channel, at in (("skip", "email", "23:00"), ("later", "sms", "tue 07:00")):
        scenario = agreed(
            Scenario(journey(started_by(), both, **ALWAYS), quiet(channel="sms", then=then)), "email", "sms"
        )
        scenario.at("01:00", traits(phone="+41790000000")).at("23:00", event("go")).until("tue 12:00")
        assert [(s.channel, s.at) for s in scenario.sends()] == [(channel, instant(at))]


def test_transactional_messages_go_at_night():
    mails(quiet(), class_="transactional").at("23:00", event("go")).expect(send("mail", "23:00"))


def test_what_would_be_too_late_in_the_morning_is_skipped_at_once():
    body = journey(started_by(), message("mail", expires="2h"), **ALWAYS)
    scenario = agreed(Scenario(body, quiet())).at("23:00", event("go")).at("tue 05:30", event("go")).until("tue 12:00")
    scenario.expect(skipped("mail", "expired", "23:00"), send("mail", "tue 07:00"))
    assert scenario.sends()[0].expires == instant("tue 07:30")  # counted from when it was wanted


def test_weekdays_are_those_on_which_the_night_begins():
    scenario = mails(quiet(weekdays=["mon"])).at("23:00", event("go")).at("tue 06:00", event("go"))
    scenario.at("tue 23:00", event("go")).until("wed 12:00")
    scenario.expect(send("mail", "tue 07:00"), send("mail", "tue 07:00"), send("mail", "tue 23:00"))


def test_windows_that_touch_are_waited_for_one_after_the_other():
    scenario = mails(quiet(), quiet("morning", ("06:00", "09:00"))).at("23:00", event("go")).until("tue 12:00")
    scenario.expect(send("mail", "tue 09:00"))


def test_caps_are_asked_when_the_night_is_over_in_the_order_of_planning():
    scenario = mails(quiet(), cap(max=1, within="1d")).at("23:00", event("go")).at("23:30", event("go"))
    scenario.until("tue 12:00").expect(send("mail", "tue 07:00"), skipped("mail", "frequency_cap", "tue 07:00"))


def test_a_send_carries_the_quiet_hours_that_begin_before_it_expires():
    scenario = mails(quiet(), quiet("noon", ("12:00", "13:00"), then="skip")).at("10:00", event("go"))
    told = [
        (format_instant(q.begins)[11:16], format_instant(q.ends)[11:16], q.skips) for q in scenario.sends()[0].quiet
    ]
    assert sorted(told) == [("12:00", "13:00", True), ("22:00", "07:00", False)]


def test_a_wait_in_quiet_hours_that_are_lifted_ends_at_its_hour():
    scenario = mails(quiet()).at("23:00", event("go")).act("23:30", "delete", "quiet_hours", "night")
    scenario.at("23:45", event("other")).until("tue 12:00").expect(send("mail", "tue 07:00"))


def test_a_run_tells_that_it_waits():
    mails(quiet()).at("23:00", event("go")).expect(step("start", "23:00"), step("mail", "23:00", reason="waiting"))


_ZONES = (
    "UTC",
    "Europe/Zurich",
    "America/New_York",
    "Asia/Kolkata",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "Asia/Tehran",
)
_CLOCK = st.integers(0, 95).map(lambda quarter: f"{quarter // 4:02}:{quarter % 4 * 15:02}")
_CHANGES = ("2026-03-29", "2026-10-25", "2026-03-08", "2026-11-01", "2026-04-05", "2026-10-04", "2026-06-15")


def _is_quiet(at: int, start: str, end: str, zone: ZoneInfo) -> bool:
    """What the clock on the wall says."""
    now = from_ms(at).astimezone(zone).strftime("%H:%M")
    return start <= now < end if start < end else now >= start or now < end


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(_ZONES),
    _CLOCK,
    _CLOCK,
    st.sampled_from(_CHANGES),
    st.lists(st.integers(0, 36 * 4), min_size=1, max_size=4),
)
@example("Europe/Zurich", "22:00", "02:30", "2026-10-25", [100, 101, 102, 103, 104, 105, 106])
@example("Europe/Zurich", "02:15", "03:30", "2026-03-29", [96, 97, 98, 99, 100, 101])
def test_no_clock_on_the_wall_shows_a_quiet_hour_when_a_message_goes(
    zone: str, start: str, end: str, day: str, quarters: list[int]
):
    if start == end:
        return
    scenario = agreed(Scenario(journey(started_by(), message("mail"), **ALWAYS), quiet(window=(start, end))))
    begin = parse_instant(f"{day}T00:00:00Z") - 12 * HOUR
    scenario.at(format_instant(begin - HOUR), traits(timezone=zone))
    wanted = [begin + quarter * 15 * MINUTE for quarter in sorted(quarters)]
    for at in wanted:
        scenario.at(format_instant(at), event("go"))
    scenario.until(format_instant(begin + 72 * HOUR))
    went = [s.at for s in scenario.sends()]
    assert len(went) == len(wanted)
    info = ZoneInfo(zone)
    for asked, at in zip(wanted, sorted(went), strict=True):
        assert not _is_quiet(at, start, end, info)
        free = asked
        while _is_quiet(free, start, end, info):
            free += 15 * MINUTE
        # at the first instant that is not quiet; where an hour occurs twice, after the second at the latest
        twice = _changes(info, asked - 24 * HOUR, asked + 30 * HOUR)
        assert at == free or (twice and free < at <= free + 2 * HOUR)


def _changes(zone: ZoneInfo, begin: int, end: int) -> bool:
    def offset(at: int) -> timedelta | None:
        moment: datetime = from_ms(at).astimezone(zone)
        return moment.utcoffset()

    return offset(begin) != offset(end)


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"window": {"from": "22:00", "to": "22:00"}}, "window"),
        ({"window": {"from": "25:00", "to": "22:00"}}, "window.from"),
        ({"timezone": "Mars/Base"}, "timezone"),
        ({"then": "never"}, "then"),
        ({"weekdays": []}, "weekdays"),
        ({"class": "transactional"}, "class"),
    ],
)
def test_faults_are_told_with_their_places(fields: dict[str, Any], path: str):
    with pytest.raises(InvalidInput) as refused:
        parse(quiet() | fields)
    assert [v.path for v in refused.value.violations] == [path]
