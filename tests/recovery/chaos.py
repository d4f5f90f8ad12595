"""`make chaos KILLS=n`: everything that can go wrong, over and over, each run judged against the pure fold of its log.

Half of the kills are of the contacts flow alone, at random and at named points; a fifth of delivery, at each of its
awaits, by a vendor that fails in every way (`tests.recovery.delivery_chaos`), one of four over a broker where one can
run here; the others of the roles of whole installations, over SQLite and a broker that comes and goes
(`tests.recovery.whole`).

Prints a line a run on stderr, and at the end one JSON line: `lost` are acknowledged events that the log does not hold,
effects that only the pure fold has, what the provider took and the ledger does not know, what the archive lacks;
`duplicated` are effects that the pure fold does not have, and messages that the provider took twice; `diverged` are
effects of other bytes, contacts with another state, models with two bodies, ledgers that do not add up; `unknown` are
sends of which nobody knows whether they went. `disturbed` counts what went wrong besides, `failed` names the runs that
came to no verdict. `make chaos KILLS=n SEED=m` chooses as the run with that seed did.
"""

from __future__ import annotations

import faulthandler
import json
import logging
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from connectors.kafka_config import KafkaConfig
from connectors.kafka_topics import create
from infra.broker import missing
from tests.recovery.delivery_chaos import DeliveryChaos
from tests.recovery.delivery_worker import PARTITIONS
from tests.recovery.driver import Run
from tests.recovery.whole import Chaos, brokers

KILLS_A_RUN: Final = 20
KILLS_OF_A_WHOLE: Final = 10
SEED: Final = 100
RUN_S: Final = 900.0  # each wait of a run is bounded by itself; this is for what nobody thought of
COUNTED: Final = ("lost", "duplicated", "diverged", "unknown")


class Tally:
    """What all runs together came to."""

    def __init__(self) -> None:
        self.counts = dict.fromkeys(COUNTED, 0)
        self.kills = 0
        self.disturbed: Counter[str] = Counter()
        self.failed: list[str] = []
        self._begun = time.monotonic()

    def run(self, name: str, kills: int, run: Callable[[], tuple[int, dict[str, Any], str]]) -> None:
        """One run: its kills, its report, and what it says of itself. One that comes to no verdict counts as failed,
        and its kills as done, so that there is an end."""
        faulthandler.dump_traceback_later(RUN_S, exit=True)
        try:
            done, report, said = run()
        except Exception:  # whatever it is, the other runs are to be judged as well
            self.kills += kills
            self.failed.append(name)
            print(f"{name}: no verdict\n{traceback.format_exc()}", file=sys.stderr, flush=True)
        else:
            self.kills += done
            for count in COUNTED:
                self.counts[count] += report[count]
            print(f"{name}: {said}, {report}", file=sys.stderr, flush=True)
        finally:
            faulthandler.cancel_dump_traceback_later()

    def report(self) -> dict[str, Any]:
        """The JSON line."""
        more = {
            "disturbed": dict(self.disturbed),
            "failed": self.failed,
            "seconds": round(time.monotonic() - self._begun),
        }
        return {"kills": self.kills, **self.counts, **more}

    @property
    def is_right(self) -> bool:
        """Whether nothing is wrong; that an outcome is unknown is none of it."""
        return not self.failed and not any(n for name, n in self.counts.items() if name != "unknown")


def main(kills: int, seed: int = SEED) -> int:
    logging.getLogger("waxwing.kafka").addHandler(logging.NullHandler())
    tally = Tally()
    while tally.kills < kills // 2:
        seed += 1
        of_the_fold(min(KILLS_A_RUN, kills // 2 - tally.kills), seed, tally)
    kinds = ["sqlite"] if missing() else ["sqlite", "kafka"]
    over_kafka = kills // 20 if "kafka" in kinds else 0
    for kind, in_delivery in (("sqlite", kills // 5 - over_kafka), ("kafka", over_kafka)):
        if in_delivery:
            of_delivery(in_delivery, seed, kind, tally)
    while tally.kills < kills:
        seed += 1
        of_a_whole(min(KILLS_OF_A_WHOLE, kills - tally.kills), seed, kinds[seed % len(kinds)], tally)
    print(json.dumps(tally.report()))
    return 0 if tally.is_right else 1


def of_the_fold(kills: int, seed: int, tally: Tally) -> None:
    def run() -> tuple[int, dict[str, Any], str]:
        with tempfile.TemporaryDirectory() as folder:
            made = Run(Path(folder), kills=kills, seed=seed)
            verdict = made.go()
        report = {
            "lost": len(verdict.lost) + len(verdict.missing),
            "duplicated": len(verdict.extra),
            "diverged": len(verdict.different) + len(verdict.states),
            "unknown": 0,
        }
        said = f"{dict(made.died)}, {made.sent} events, {made.published} definition changes"
        return made.died.total(), report, f"{said}, {verdict.compared}, {verdict.repeated} repeated"

    tally.run(f"seed {seed}, fold", kills, run)


def of_delivery(kills: int, seed: int, kind: str, tally: Tally) -> None:
    def run() -> tuple[int, dict[str, Any], str]:
        with tempfile.TemporaryDirectory() as folder, brokers(kind, Path(folder) / "broker") as broker:
            cluster = None
            if broker is not None:
                cluster = KafkaConfig(broker.bootstrap, prefix="delivery-")
                create(cluster, PARTITIONS)
            chaos = DeliveryChaos(Path(folder), seed, cluster)
            report = chaos.go(kills).report()
        return chaos.deaths.total(), report, f"{dict(chaos.deaths)}, {len(chaos.sends)} sends"

    tally.run(f"seed {seed}, delivery, {kind}", kills, run)


def of_a_whole(kills: int, seed: int, kind: str, tally: Tally) -> None:
    def run() -> tuple[int, dict[str, Any], str]:
        with tempfile.TemporaryDirectory() as folder, brokers(kind, Path(folder) / "broker") as broker:
            chaos = Chaos(Path(folder) / "installation", kills, seed, broker)
            try:
                report = chaos.go().report()
            finally:
                tally.disturbed.update(chaos.done)
        deaths = dict(chaos.installation.deaths)
        return chaos.installation.kills, report, f"{dict(chaos.done)}, deaths {deaths}, {chaos.sent} events"

    tally.run(f"seed {seed}, whole, {kind}", kills, run)


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
