"""How a CRM puts its records on the log by itself, with a client of its own: kafka-python, and nothing of Waxwing's.

    python -m infra.demo.producer RECORDS

It sends the changes of the demonstration's bank to topic `crm`, keyed by the id of what changed, and counts a record
only when every replica in sync has it. The cluster is the settings' (`WAXWING_LOG=kafka://…`, TLS and SASL as there).
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from kafka import KafkaProducer
from msgspec import json

from connectors.kafka_config import KafkaConfig, from_settings
from infra.demo.bank import Bank
from infra.settings import Settings
from schemas.records import CrmRecord
from schemas.topics import CRM

_STEP_S = 1.0


def records(bank: Bank) -> Iterator[CrmRecord]:
    """The bank's changes, without end."""
    yield from bank.open_day(_now()).crm
    while True:
        yield from bank.step(_now(), _STEP_S).crm


def send(config: KafkaConfig, changes: Iterable[CrmRecord]) -> int:
    """Send all of them; how many are on the log. Raises kafka.errors.KafkaError where one could not be put there."""
    settings: dict[str, Any] = {"acks": "all", "enable_idempotence": True, "linger_ms": 5}
    producer = KafkaProducer(**config.kafka_python(), **settings)
    try:
        waiting = [
            producer.send(config.name(CRM), key=change.id.encode(), value=json.encode(change)) for change in changes
        ]
        return sum(report.get(timeout=30).offset >= 0 for report in waiting)
    finally:
        producer.close()


def _now() -> int:
    return time.time_ns() // 1_000_000


def main() -> None:
    """Send so many records and say so."""
    parser = argparse.ArgumentParser(
        prog="python -m infra.demo.producer", description="The bank as a CRM with a Kafka client of its own."
    )
    parser.add_argument("records", type=int)
    count = parser.parse_args().records
    print(send(from_settings(Settings()), islice(records(Bank()), count)))


if __name__ == "__main__":
    main()
