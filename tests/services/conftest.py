"""A real broker, one for the run, and clusters of topics on it for each test."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator

import pytest

from connectors.kafka_config import KafkaConfig
from connectors.kafka_topics import create
from infra.broker import missing, running

_NUMBERS = itertools.count(1)


def need_broker() -> None:
    """Skip, in one line that says why, where no broker can run; fail where one is required."""
    if lacking := missing():
        if os.environ.get("WAXWING_REQUIRE_BROKER") == "1":
            pytest.fail(f"WAXWING_REQUIRE_BROKER=1, but there is {lacking}")
        pytest.skip(f"left out what needs a Kafka broker: there is {lacking}")


@pytest.fixture(scope="session")
def bootstrap(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    need_broker()
    with running(tmp_path_factory.mktemp("broker")) as address:
        yield address


@pytest.fixture
def cluster(bootstrap: str) -> KafkaConfig:
    """Waxwing's topics, new and empty, under a prefix of their own."""
    return made(bootstrap)


def made(bootstrap: str) -> KafkaConfig:
    config = KafkaConfig(bootstrap, prefix=f"t{next(_NUMBERS)}-")
    create(config, partitions=4)
    return config
