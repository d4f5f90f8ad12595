"""A real broker, one for the run, and clusters of topics on it for each test."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from connectors.kafka_config import KafkaConfig
from connectors.kafka_topics import create
from infra.broker import missing, running

HERE = Path(__file__).parent
_NUMBERS = itertools.count(1)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave out, in one line a file that says why, what cannot run here; what is required runs, and fails."""
    if os.environ.get("WAXWING_REQUIRE_BROKER") == "1" or not (lacking := missing()):
        return
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.skip(reason=f"it needs a Kafka broker, and there is {lacking}"))


@pytest.fixture(scope="session")
def bootstrap(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running(tmp_path_factory.mktemp("broker")) as address:
        yield address


@pytest.fixture
def cluster(bootstrap: str) -> KafkaConfig:
    """Waxwing's topics, new and empty, under a prefix of their own."""
    config = KafkaConfig(bootstrap, prefix=f"t{next(_NUMBERS)}-")
    create(config, partitions=4)
    return config
