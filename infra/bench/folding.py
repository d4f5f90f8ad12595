"""A process that folds partitions until they are folded to their end, and says how long that took."""

from __future__ import annotations

import multiprocessing
import resource
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from prometheus_client import REGISTRY

from connectors.log import Log
from schemas.topics import EVENTS
from sinks.state_store import saved_offset


class Folded(NamedTuple):
    """From the moment at which the states were loaded to the last record's; `cpu_s` is the process's, all in all;
    `fold_s` what the pure fold took of it."""

    records: int
    seconds: float
    cpu_s: float
    load_s: float
    peak_mb: float
    fold_s: float


def fold_to_end(open_log: Callable[[], Log], folder: Path, numbers: Sequence[int]) -> Folded:
    """Run the contacts flow over the partitions until nothing is left to fold, and end it cleanly."""
    from connectors.engine import run_flow
    from flows.contact import flow

    log = open_log()
    ends = {n: log.end(EVENTS, n) for n in numbers}
    opened: dict[int, flow.Partition] = {}
    begun = time.perf_counter()
    marks: dict[str, float] = {}

    def done() -> bool:
        if len(opened) == len(ends):
            marks.setdefault("loaded", time.perf_counter())
            if all(opened[n].fold.next_offset >= end for n, end in ends.items()):
                marks.setdefault("folded", time.perf_counter())
        return "folded" in marks

    built = flow.build(log, folder, numbers, stop=done, opened=opened)
    thread = threading.Thread(target=run_flow, args=(built,))
    thread.start()
    thread.join()
    usage = resource.getrusage(resource.RUSAGE_SELF)
    records = sum(p.fold.records for p in opened.values())
    return Folded(
        records,
        marks["folded"] - marks["loaded"],
        usage.ru_utime + usage.ru_stime,
        marks["loaded"] - begun,
        usage.ru_maxrss / 1024,
        REGISTRY.get_sample_value("waxwing_contacts_fold_seconds_sum") or 0.0,
    )


def in_processes(open_log: Callable[[], Log], folder: Path, groups: Sequence[Sequence[int]]) -> list[Folded]:
    """`fold_to_end` in a process of its own for each group of partitions, at once. `open_log` is pickled."""
    with multiprocessing.get_context("spawn").Pool(len(groups)) as pool:
        return pool.starmap(fold_to_end, [(open_log, folder, group) for group in groups])


def settle(open_log: Callable[[], Log], folder: Path, groups: Sequence[Sequence[int]]) -> None:
    """`in_processes` until nothing is left to fold, also of what folding said to other contacts."""
    log, is_settled = open_log(), False
    while not is_settled:
        in_processes(open_log, folder, groups)
        is_settled = all(saved_offset(folder / str(n)) >= log.end(EVENTS, n) for group in groups for n in group)
    log.close()
