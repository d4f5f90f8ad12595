"""Drives the recovery suite: events in real time, definitions that change, kill -9 at random and at named points.

python -m tests.recovery.driver KILLS [SEED] [BREAK]      prints the verdict of a run
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from connectors.log import Log
from connectors.sqlite_log import SqliteLog
from flows.contact.flow import GROUP
from schemas.records import decode_event
from schemas.topics import CHANGES, EVENTS, SENDS
from tests.recovery import history
from tests.recovery.judge import Verdict, judge

POINTS = ("", "", "read", "before_append", "after_append", "before_commit", "after_commit", "after_tick")
CHANCE = {
    "read": 0.03,
    "before_append": 0.05,
    "after_append": 0.05,
    "before_commit": 0.25,
    "after_commit": 0.25,
    "between": 0.05,
    "after_tick": 0.1,
}
LIFE_S = 60.0  # a worker that has not begun to fold by then, or not come to its point, dies here
SETTLED_S = 300.0
ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Run:
    """One run: `kills` processes die, `rate` events a second meanwhile, over `contacts` contacts."""

    folder: Path
    kills: int
    seed: int = 1
    broken: str = ""
    contacts: int = 60
    rate: int = 150
    point: str = ""  # kill at this point alone
    died: Counter[str] = field(default_factory=Counter)
    acknowledged: set[str] = field(default_factory=set)
    published: int = 0

    def __post_init__(self) -> None:
        self.rng, self.fate = random.Random(self.seed), random.Random(f"fate of {self.seed}")
        self.log = SqliteLog(self.folder / "log.db")
        self.definitions = history.Definitions(self.rng)
        self.sent = 0

    def start(self, point: str = "") -> subprocess.Popen[bytes]:
        env = dict(os.environ, PYTHONPATH=str(ROOT), WAXWING_DIE_AT=point, WAXWING_DIE_IN=str(CHANCE.get(point, 1)))
        command = [
            sys.executable,
            "-m",
            "tests.recovery.worker",
            str(self.folder / "log.db"),
            str(self.folder / "state"),
        ]
        if self.broken:
            command.append(self.broken)
        with (self.folder / "stderr").open("ab") as errors:
            return subprocess.Popen(command, env=env, stderr=errors, cwd=ROOT)

    def produce(self, began: float) -> None:
        """Append as many events as are due by the clock; they are acknowledged once `append` returns."""
        entries = []
        while self.sent < (time.monotonic() - began) * self.rate:
            self.sent += 1
            id = f"e{self.sent}"
            entries.append(history.event(self.rng, f"c{self.rng.randrange(self.contacts)}", id, self.log.now()))
            if self.rng.random() < 0.03:
                entries.append(entries[-1])  # a producer that repeats itself
        if entries:
            self.log.append(entries)
            self.acknowledged.update(decode_event(e.value).id for e in entries)

    def publish(self) -> None:
        self.published += 1
        self.log.append(self.definitions.another(self.published))

    def go(self) -> Verdict:
        self.log.append(self.definitions.first())
        began = time.monotonic()
        while self.died.total() < self.kills:
            self.one_life(began)
            if self.fate.random() < 0.3:
                self.outage(began)
        self.settle(began)
        try:
            return judge(self.log, self.folder / "state", self.acknowledged)
        finally:
            self.log.close()

    def one_life(self, began: float) -> None:
        """From a start to its death: at the named point, or at a random moment after it began to fold."""
        point = self.point or self.fate.choice(POINTS)
        worker, ends = self.start(point), progress(self.log)
        until, longest = 0.0, time.monotonic() + LIFE_S
        while worker.poll() is None and time.monotonic() < (until or longest):
            if not until and not self.point and progress(self.log) != ends:
                until = time.monotonic() + self.fate.uniform(0.3, 2.0)
            self.produce(began)
            if self.rng.random() < 0.03:
                self.publish()
            pause(
                self.rng.uniform(0.002, 0.02) if self.rng.random() < 0.97 else 0.4
            )  # silences, so that ticks are needed
        if worker.poll() is None:
            point = "random"
            worker.kill()
        if worker.wait() != -signal.SIGKILL:
            raise AssertionError(f"the worker ended by itself: {(self.folder / 'stderr').read_text()[-3000:]}")
        self.died[point or "random"] += 1

    def outage(self, began: float) -> None:
        """Nobody folds for a while; dues and activations pass meanwhile."""
        until = time.monotonic() + self.fate.uniform(0.3, 2.0)
        while time.monotonic() < until:
            self.produce(began)
            if self.rng.random() < 0.05:
                self.publish()
            pause(0.02)

    def settle(self, began: float) -> None:
        """A last life in which nobody dies, until nothing more happens; then a clean end."""
        worker = self.start()
        self.produce(began)
        ends, quiet, begun = (), time.monotonic(), progress(self.log)
        longest = time.monotonic() + SETTLED_S
        while time.monotonic() - quiet < self._patience(progress(self.log) != begun):
            if worker.poll() is not None:
                raise AssertionError(f"the worker ended by itself: {(self.folder / 'stderr').read_text()[-3000:]}")
            if (now := all_ends(self.log)) != ends:
                ends, quiet = now, time.monotonic()
            if time.monotonic() > longest:
                worker.kill()
                raise AssertionError(f"it does not come to rest within {SETTLED_S:g} s")
            pause(0.1)
        worker.terminate()
        code = worker.wait(30)
        if code == -signal.SIGTERM:  # on a slow machine it had not begun to listen yet
            self.settle(began)
        elif code != 0:
            raise AssertionError(f"no clean end: {(self.folder / 'stderr').read_text()[-3000:]}")

    def _patience(self, has_begun: bool) -> float:
        """How long nothing has to happen: longer than the longest wait and window. A slow machine is not a quiet one,
        so longer as long as the worker has not said that it has read everything (without rule 5 it never says so)."""
        is_through = has_begun if self.broken == "state_first" else read_to_its_end(self.log)
        return 4.5 if is_through else LIFE_S


def progress(log: Log) -> tuple[int, ...]:
    """What a worker that folds moves on: what it says, and how far it has committed."""
    committed = tuple(log.committed(GROUP, EVENTS, p) for p in range(log.partitions(EVENTS)))
    return committed + tuple(log.end(t, p) for t in (SENDS, CHANGES) for p in range(log.partitions(t)))


def all_ends(log: Log) -> tuple[int, ...]:
    return tuple(log.end(t, p) for t in (EVENTS, SENDS, CHANGES) for p in range(log.partitions(t)))


def read_to_its_end(log: Log) -> bool:
    """Whether the worker has said of every partition that it folded it to its end."""
    return all(log.committed(GROUP, EVENTS, p) == log.end(EVENTS, p) for p in range(log.partitions(EVENTS)))


def pause(seconds: float) -> None:
    """Real time passes: this suite is about processes that die in it."""
    time.sleep(seconds)


def run_for(run: Run, seconds: float, began: float | None = None) -> float:
    """Events in real time; when they began."""
    began = time.monotonic() if began is None else began
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        run.produce(began)
        pause(0.02)
    return began


def main(kills: str, seed: str = "1", broken: str = "") -> int:
    with tempfile.TemporaryDirectory() as folder:
        run = Run(Path(folder), int(kills), int(seed), broken)
        verdict = run.go()
        print(dict(run.died), "events", run.sent, "definition changes", run.published, "compared", verdict.compared)
        print("repeated", verdict.repeated, "missing", len(verdict.missing), "extra", len(verdict.extra), end=" ")
        print("different", len(verdict.different), "states", len(verdict.states), "lost", len(verdict.lost))
        print("EQUAL" if verdict.is_equal else "DIFFERENT")
        return 0 if verdict.is_equal else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
