"""`make chaos KILLS=n`: everything that can go wrong, over and over, each run judged against the pure fold of its log.

Half of the kills are of the contacts flow alone, at random and at named points; a fifth of delivery, at each of its
awaits, by a vendor that fails in every way (`tests.recovery.delivery_chaos`), one of four over a broker where one can
run here; the others of the roles of whole installations, over SQLite and a broker that comes and goes
(`tests.recovery.whole`).

Prints a line a run on stderr, and at the end one JSON line: `lost` are acknowledged events that the log does not hold,
effects that only the pure fold has, what the provider took and the ledger does not know, what the archive lacks;
`duplicated` are effects that the pure fold does not have, and messages that the provider took twice; `diverged` are
effects of other bytes, contacts with another state, models with two bodies, ledgers that do not add up; `unknown` are
sends of which nobody knows whether they went.
"""

from __future__ import annotations

import json
import logging
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from connectors.kafka_config import KafkaConfig
from connectors.kafka_topics import create
from infra.broker import Broker, missing
from tests.recovery.delivery_chaos import DeliveryChaos
from tests.recovery.delivery_worker import PARTITIONS
from tests.recovery.driver import Run
from tests.recovery.whole import Chaos

KILLS_A_RUN = 20
KILLS_OF_A_WHOLE = 10
COUNTED = ("lost", "duplicated", "diverged", "unknown")


def main(kills: int) -> int:
    logging.getLogger("waxwing.kafka").addHandler(logging.NullHandler())
    total = dict.fromkeys(("kills", *COUNTED), 0)
    seed = 100
    while total["kills"] < kills // 2:
        seed += 1
        of_the_fold(min(KILLS_A_RUN, kills // 2 - total["kills"]), seed, total)
    kinds = ["sqlite"] if missing() else ["sqlite", "kafka"]
    over_kafka = kills // 20 if "kafka" in kinds else 0
    for kind, in_delivery in (("sqlite", kills // 5 - over_kafka), ("kafka", over_kafka)):
        if in_delivery:
            of_delivery(in_delivery, seed, kind, total)
    while total["kills"] < kills:
        seed += 1
        of_a_whole(min(KILLS_OF_A_WHOLE, kills - total["kills"]), seed, kinds[seed % len(kinds)], total)
    print(json.dumps(total))
    return 1 if total["lost"] or total["duplicated"] or total["diverged"] else 0


def of_the_fold(kills: int, seed: int, total: dict[str, int]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        run = Run(Path(folder), kills=kills, seed=seed)
        verdict = run.go()
    total["kills"] += run.died.total()
    total["lost"] += len(verdict.lost) + len(verdict.missing)
    total["duplicated"] += len(verdict.extra)
    total["diverged"] += len(verdict.different) + len(verdict.states)
    line = f"seed {seed}: {dict(run.died)}, {run.sent} events, {run.published} definition changes"
    print(f"{line}, {verdict.compared}, {verdict.repeated} repeated", file=sys.stderr, flush=True)


def of_delivery(kills: int, seed: int, kind: str, total: dict[str, int]) -> None:
    with tempfile.TemporaryDirectory() as folder, brokers(kind, Path(folder) / "broker") as broker:
        cluster = None
        if broker is not None:
            cluster = KafkaConfig(broker.bootstrap, prefix="delivery-")
            create(cluster, PARTITIONS)
        chaos = DeliveryChaos(Path(folder), seed, cluster)
        report = chaos.go(kills).report()
    total["kills"] += chaos.deaths.total()
    for name in COUNTED:
        total[name] += report[name]
    line = f"seed {seed}, delivery, {kind}: {dict(chaos.deaths)}, {len(chaos.sends)} sends, {report}"
    print(line, file=sys.stderr, flush=True)


def of_a_whole(kills: int, seed: int, kind: str, total: dict[str, int]) -> None:
    with tempfile.TemporaryDirectory() as folder, brokers(kind, Path(folder) / "broker") as broker:
        chaos = Chaos(Path(folder) / "installation", kills, seed, broker)
        report = chaos.go().report()
    total["kills"] += chaos.installation.deaths.total()
    for name in COUNTED:
        total[name] += report[name]
    line = f"seed {seed}, {kind}: {dict(chaos.done)}, deaths {dict(chaos.installation.deaths)}, {chaos.sent} events"
    print(f"{line}, {report}", file=sys.stderr, flush=True)


@contextmanager
def brokers(kind: str, folder: Path) -> Iterator[Broker | None]:
    """A broker to be ended and started again, where the log is to be on one."""
    if kind != "kafka":
        yield None
        return
    broker = Broker(folder)
    broker.start()
    try:
        yield broker
    finally:
        broker.stop()


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
