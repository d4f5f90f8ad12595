"""The Kafka log holds what every log holds, on a real broker."""

from __future__ import annotations

import pytest

from connectors.kafka_config import KafkaConfig
from connectors.kafka_log import KafkaLog
from tests.connectors.log_conformance import LogConformance, OpenLog


class TestKafkaLog(LogConformance):
    @pytest.fixture
    def open_log(self, cluster: KafkaConfig) -> OpenLog:
        return lambda: KafkaLog(cluster, partitions=4)
