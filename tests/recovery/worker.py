"""The process that is killed: the contacts flow over a SQLite log. `python -m tests.recovery.worker LOG STATE [BREAK]`

BREAK breaks a rule on purpose, so that the suite can show that it would notice:
state_first        rule 5: the state is committed before its effects are appended
record_definitions rule 3: a timer uses the definitions of the record that let it fire, not those of its due time
"""

from __future__ import annotations

import signal
import sys
import threading
from pathlib import Path
from typing import Any

from bytewax.testing import cluster_main

from connectors.fail_points import fail_point
from connectors.sqlite_log import SqliteLog
from flows.contact import flow
from flows.contact.fold import ContactFold


def break_rule_5() -> None:
    """Commit what was just folded, then append what it said."""
    write = flow._CommittingPart.write_batch

    def state_first(self: Any, items: list[Any]) -> None:
        for item in items:
            partition = self.partitions[item.partition]
            if partition.pending is not None:
                partition.pending.result()
            if not partition.emitted and partition.fold.changed:
                partition.store.commit(partition.checkpoint())
                partition.emitted = False
        fail_point("between")
        write(self, items)

    flow._CommittingPart.write_batch = state_first  # type: ignore[method-assign]


def break_rule_3() -> None:
    """Let every timer that fires use what is active when the record comes."""
    wake = ContactFold.wake

    def by_record(self: ContactFold, contact: str, state: Any, until: int, effects: Any) -> None:
        at = self.definitions.at
        self.definitions.at = lambda instant: at(max(instant, newest[0]))  # type: ignore[method-assign]
        try:
            wake(self, contact, state, until, effects)
        finally:
            self.definitions.at = at  # type: ignore[method-assign]

    newest = [0]
    work = flow.PartitionFold.work

    def noting(self: Any, limit: int) -> Any:
        if self._at < len(self._queue):
            newest[0] = self._queue[-1].logged_at
        return work(self, limit)

    ContactFold.wake = by_record  # type: ignore[method-assign]
    flow.PartitionFold.work = noting  # type: ignore[method-assign]


def main(log_path: str, folder: str, broken: str = "") -> None:
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    if broken == "state_first":
        break_rule_5()
    elif broken == "record_definitions":
        break_rule_3()
    log = SqliteLog(Path(log_path))
    built = flow.build(log, Path(folder), checkpoint_s=0.3, stop=stop.is_set)
    runner = threading.Thread(target=lambda: cluster_main(built, [], 0))
    runner.start()
    runner.join()


if __name__ == "__main__":
    main(*sys.argv[1:])
