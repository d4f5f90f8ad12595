"""Delivery by several workers: one that is frozen while its partitions are given away sends nothing when it wakes up.

The sandbox's own list of what it accepted is the judge; the workers share its file, as they would share a provider.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from connectors.kafka_config import KafkaConfig
from connectors.kafka_log import KafkaLog
from flows.delivery.runner import GROUP
from schemas.records import Definition, Entry, encode
from schemas.topics import DEFINITIONS, SENDS
from tests.flows.delivery.support import TEMPLATE, ends, plan, send
from tests.services.fleet import Fleet, eventually, fleet

pytestmark = pytest.mark.slow
PLANNED = 150


@pytest.fixture
def log(cluster: KafkaConfig) -> Iterator[KafkaLog]:
    log = KafkaLog(cluster)
    published = Definition("email_template", "t", "publish", 1, TEMPLATE)
    log.append([Entry(DEFINITIONS, "email_template/t", encode(published))])
    yield log
    log.close()


def accepted(folder: Path) -> Counter[str]:
    db = sqlite3.connect(folder / "sandbox.db")
    found = Counter(row[0] for row in db.execute("SELECT send FROM accepted"))
    db.close()
    return found


def is_frozen(workers: Fleet, name: str) -> bool:
    stat = Path(f"/proc/{workers.running[name].pid}/stat").read_text()
    return stat.rpartition(")")[2].split()[0] == "T"


def is_settled(log: KafkaLog) -> bool:
    return all(log.committed(GROUP, SENDS, n) >= log.end(SENDS, n) for n in range(4))


def test_a_worker_frozen_between_the_ledger_and_the_provider_cannot_send_what_another_has_taken_over(
    log: KafkaLog, cluster: KafkaConfig, tmp_path: Path
) -> None:
    with fleet(tmp_path, cluster, "delivery") as workers:
        for name in ("frozen", "heir"):
            (tmp_path / name).mkdir()
            (tmp_path / name / "sandbox.db").symlink_to(tmp_path / "sandbox.db")
        # At its very first message: a process that is frozen while it writes holds the lock of the provider's file.
        workers.start("frozen", WAXWING_DIE_AT="delivery_started", WAXWING_DIE_BY="SIGSTOP")
        eventually("the first one works", lambda: workers.assigned("frozen") == [0, 1, 2, 3])
        workers.start("heir")
        eventually("they share the partitions", lambda: len(workers.assigned("heir")) == 2)
        eventually("the first one goes on", lambda: len(workers.assigned("frozen")) == 2)
        plan(log, *(send(n) for n in range(PLANNED)))
        eventually("the first one freezes", lambda: is_frozen(workers, "frozen"))
        eventually("all is settled without it", lambda: is_settled(log))
        assert accepted(tmp_path).total() == PLANNED
        eventually(  # each message under way may freeze it once more
            "it hears that it is none any more",
            lambda: workers.running["frozen"].poll() is not None,
            lambda: workers.wake("frozen"),
        )
        assert workers.running["frozen"].returncode == 1
        assert "fenced by a newer instance" in workers.said("frozen")
        workers.end("heir")
    assert accepted(tmp_path) == Counter({send(n).id for n in range(PLANNED)})
    assert ends(log) == {"accepted": PLANNED}
