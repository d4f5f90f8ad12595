"""`waxwing bench latency`: from an event's append to its send request in the log, live, with timers pending."""

from __future__ import annotations

import multiprocessing
import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from multiprocessing.synchronize import Event as Signal
from pathlib import Path
from typing import Any, NamedTuple

from connectors.log import Log
from connectors.publish import CatalogueReader, publish
from connectors.sqlite_log import SqliteLog
from infra.bench.result import Result, percentile
from infra.bench.workload import template
from schemas.records import LEAD_MS, Entry, Event, decode_send, encode
from schemas.topics import EVENTS, SENDS

PARTITIONS = 4
_POLL_S = 0.0005


def journey(id: str, event: str, wait: str) -> dict[str, Any]:
    return {
        "kind": "journey",
        "id": id,
        "class": "transactional",
        "reentry": {"mode": "always"},
        "nodes": [
            {"id": "in", "type": "trigger", "on": {"event": event}},
            {"id": "wait", "type": "wait", "for": wait},
            {"id": "send", "type": "action", "do": "send", "channel": "email", "template": "t"},
            {"id": "out", "type": "exit", "reason": "done"},
        ],
        "edges": [{"from": "in", "to": "wait"}, {"from": "wait", "to": "send"}, {"from": "send", "to": "out"}],
    }


def serve(open_log: Callable[[], Log], folder: Path, ready: Signal, stop: Signal) -> None:
    """The contacts flow in a process of its own, until `stop`."""
    from connectors.engine import run_flow
    from flows.contact import flow

    opened: dict[int, flow.Partition] = {}

    def ended() -> bool:
        if len(opened) == PARTITIONS:
            ready.set()
        return stop.is_set()

    built = flow.build(open_log(), folder, stop=ended, opened=opened)
    thread = threading.Thread(target=run_flow, args=(built,))
    thread.start()
    thread.join()


class Served(NamedTuple):
    """The flow's process; `load_s` from its start to the moment at which its states were loaded."""

    load_s: float
    pid: int

    def memory_mb(self) -> float:
        """What it holds in memory now (Linux)."""
        text = Path(f"/proc/{self.pid}/status").read_text(encoding="utf-8")
        return int(text.partition("VmRSS:")[2].split()[0]) / 1024

    def cpu_s(self) -> float:
        """What it has worked so far (Linux)."""
        fields = Path(f"/proc/{self.pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def serving(open_log: Callable[[], Log], folder: Path) -> Iterator[Served]:
    """The flow running, until the context ends. `open_log` is pickled."""
    context = multiprocessing.get_context("spawn")
    ready, stop = context.Event(), context.Event()
    child = context.Process(target=serve, args=(open_log, folder, ready, stop))
    began = time.perf_counter()
    child.start()
    ready.wait(120)
    try:
        assert child.pid is not None
        yield Served(time.perf_counter() - began, child.pid)
    finally:
        stop.set()
        child.join()


def latency(pending: int = 200_000, rate: int = 1_000, seconds: int = 10) -> Result:
    """`pending` runs wait for a month; then `rate` events a second each plan a send at once.

    `restart_s` is from the start of the process to its first sends, one of each partition; `load_s` to loaded states.
    """
    with tempfile.TemporaryDirectory() as folder:
        open_log, state = partial(SqliteLog, Path(folder) / "log.db", PARTITIONS), Path(folder) / "state"
        log = open_log()
        journeys = [journey("waiting", "identify", "30d"), journey("now", "go", "0s")]
        publish(CatalogueReader(log), [template("t"), *journeys], by="bench")
        time.sleep(LEAD_MS / 1000 + 0.1)
        park(log, pending)
        with serving(open_log, state):
            until_folded(log)
        begun = time.perf_counter()
        with serving(open_log, state) as served:
            until_answered(log, -20_001)
            restart_s = time.perf_counter() - begun
            taken = measure(log, pending, rate, seconds)
        log.close()
    details = {
        "pending_timers": pending,
        "rate": rate,
        "sends": len(taken),
        "load_s": round(served.load_s, 2),
        "restart_s": round(restart_s, 2),
    }
    p50, p99 = percentile(taken, 0.5), percentile(taken, 0.99)
    return Result("latency", round(p99, 2), "ms", round(p50, 2), round(p99, 2), details)


def park(log: SqliteLog, pending: int) -> None:
    """A contact with an address and a run that waits, `pending` times."""
    now = log.now()
    for start in range(0, pending, 5_000):
        log.append([_identify(i, now) for i in range(start, min(start + 5_000, pending))])


def _identify(i: int, now: int) -> Entry:
    traits = {"email": f"contact-{i}@example.com"}
    return Entry(EVENTS, f"contact-{i}", encode(Event("identify", f"park-{i}", now, traits=traits)))


def _go(i: int, contact: int, now: int) -> Entry:
    return Entry(EVENTS, f"contact-{contact}", encode(Event("track", f"go-{i}", now, "go", received_at=now)))


def until_folded(log: SqliteLog) -> None:
    """Twice: what the parked contacts' addresses were told of lies behind the first answer."""
    until_answered(log, -1)
    until_answered(log, -10_001)


def until_answered(log: SqliteLog, number: int) -> None:
    """A send for a last record of each partition says that all before it is folded, and that definitions are read."""
    contacts: dict[int, int] = {}
    for contact in range(1_000):
        contacts.setdefault(log.partition_of(EVENTS, f"contact-{contact}"), contact)
    ends = [log.end(SENDS, p) for p in range(PARTITIONS)]
    log.append([_go(number - contact, contact, log.now()) for contact in contacts.values()])
    while not all(log.end(SENDS, p) > end for p, end in enumerate(ends)):
        time.sleep(0.005)


def measure(log: SqliteLog, pending: int, rate: int, seconds: int) -> list[float]:
    """Milliseconds from just before each append to the moment at which a reader of `sends` has the request."""
    begun: dict[str, float] = {}
    taken: list[float] = []
    offsets = [log.end(SENDS, p) for p in range(PARTITIONS)]
    start, sent, total = time.perf_counter(), 0, rate * seconds
    while len(taken) < total and time.perf_counter() - start < seconds + 30:
        due = min(total, int((time.perf_counter() - start) * rate))
        if due > sent:
            contacts = [(i * 7_919) % pending for i in range(sent, due)]
            moment, now = time.perf_counter(), log.now()
            begun.update((f"contact-{c}", moment) for c in contacts)
            log.append([_go(sent + k, c, now) for k, c in enumerate(contacts)])
            sent = due
        for p in range(PARTITIONS):
            for record in log.read(SENDS, p, offsets[p]):
                taken.append((time.perf_counter() - begun[decode_send(record.value).contact]) * 1000)
                offsets[p] = record.offset + 1
        time.sleep(_POLL_S)
    return taken
