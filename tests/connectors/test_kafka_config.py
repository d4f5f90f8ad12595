from __future__ import annotations

import pytest

from connectors.kafka_clock import BrokerClock
from connectors.kafka_config import from_settings
from connectors.log_clock import Clock
from infra.settings import Settings
from schemas.errors import InvalidInput


def test_the_settings_name_a_cluster_of_several_brokers() -> None:
    config = from_settings(Settings(log="kafka://a.example:9092,b.example:9093", kafka_prefix="ww."))
    assert config.librdkafka()["bootstrap.servers"] == "a.example:9092,b.example:9093"
    assert config.kafka_python()["bootstrap_servers"] == ["a.example:9092", "b.example:9093"]
    assert config.name("events") == "ww.events"


@pytest.mark.parametrize("address", ["kafka://", "kafka://host", "kafka://host:port", "kafka://user:secret@host:9092"])
def test_an_address_that_is_none_is_refused_with_the_right_form(address: str) -> None:
    with pytest.raises(InvalidInput, match=r"is not kafka://host:port\[,host:port\]"):
        from_settings(Settings(log=address))


def test_sasl_without_a_user_is_refused() -> None:
    with pytest.raises(InvalidInput, match="kafka_user: SASL_SSL needs a user"):
        from_settings(Settings(log="kafka://host:9092", kafka_protocol="SASL_SSL"))


def test_a_password_is_not_shown() -> None:
    config = from_settings(
        Settings(log="kafka://h:1", kafka_protocol="SASL_SSL", kafka_user="ada", kafka_password="hidden")
    )
    assert config.librdkafka()["sasl.password"] == config.kafka_python()["sasl_plain_password"] == "hidden"
    assert "hidden" not in repr(config)


class Hands:
    """The wall clock, the time since boot and a broker's clock, turned by hand."""

    def __init__(self) -> None:
        self.wall, self.boot, self.broker = 1_000_000, 500, 990_000

    def pass_ms(self, ms: int) -> None:
        self.wall, self.boot, self.broker = self.wall + ms, self.boot + ms, self.broker + ms


def test_the_brokers_clock_is_the_wall_clock_until_an_append_has_told() -> None:
    hands = Hands()
    clock = BrokerClock(Clock(lambda: hands.wall, lambda: hands.boot))
    assert clock.now() == hands.wall


def test_now_is_never_ahead_of_a_broker_that_has_told_its_time_and_short_by_the_quickest_answer() -> None:
    hands = Hands()
    clock = BrokerClock(Clock(lambda: hands.wall, lambda: hands.boot))
    for answer_ms in (40, 3, 90):
        logged_at = hands.broker
        hands.pass_ms(answer_ms)
        clock.acknowledged(logged_at)
    hands.pass_ms(5_000)
    hands.wall += 3_600_000  # the wall clock plays no part any more
    assert hands.broker - 4 <= clock.now() <= hands.broker


def test_a_broker_whose_clock_was_set_back_is_believed_after_some_appends() -> None:
    hands = Hands()
    clock = BrokerClock(Clock(lambda: hands.wall, lambda: hands.boot))
    clock.acknowledged(hands.broker)
    hands.broker -= 60_000
    for _ in range(64):
        clock.acknowledged(hands.broker)
    assert clock.now() <= hands.broker
