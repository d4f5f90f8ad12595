"""`waxwing bench journeys`: steps of runs a second, storms of timers due in one second, a million runs that wait."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

from connectors.log_clock import Clock, boot_ms, wall_ms
from connectors.publish import CatalogueReader, publish
from connectors.sqlite_log import SqliteLog
from infra.bench import latency
from infra.bench.folding import in_processes, settle
from infra.bench.result import Result, percentile
from infra.bench.workload import template
from schemas.records import LEAD_MS, Entry, Event, decode_change, decode_send, encode
from schemas.times import HOUR, format_instant
from schemas.topics import CHANGES, EVENTS, SENDS

PARTITIONS = 4
_APPEND = 5_000
_SPREAD_MS = 1_000  # of a storm's timers
_WORKERS = ([0, 1], [2, 3])  # that enter the runs which are then waited for, or beside
_ASIDE_MS = 24 * HOUR  # how far the log's time lies behind until a storm; its timers are due an hour from the end of it
_AHEAD_MS = 1_000  # of a storm's beginning: where the log's time is set forward to
_QUIET_S = 5  # of the idle installation whose work is measured


_TRIGGER: dict[str, Any] = {"id": "in", "type": "trigger"}
_OUT: dict[str, Any] = {"id": "out", "type": "exit", "reason": "done"}
_STEPS = (  # in ─▶ split ─▶ wait ─▶ known? ─▶ out: six steps a run, since one that rests makes two
    {**_TRIGGER, "on": {"event": "go"}},
    {"id": "split", "type": "split", "arms": [{"name": "A", "share": 50}, {"name": "B", "share": 50}]},
    {"id": "wait", "type": "wait", "for": "1h"},
    {"id": "known", "type": "condition", "if": {"trait": "email", "op": "exists"}},
    _OUT,
)
_STORM = (
    {**_TRIGGER, "on": {"event": "identify"}},
    {"id": "wait", "type": "wait", "until_date": {"entry": "properties.at"}},
    {"id": "send", "type": "action", "do": "send", "channel": "email", "template": "t"},
    _OUT,
)


def _journey(nodes: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The nodes in a line."""
    edges = [{"from": a["id"], "to": b["id"]} for a, b in pairwise(nodes)]
    made = {"kind": "journey", "id": "j", "class": "transactional", "reentry": {"mode": "always"}}
    return made | {"nodes": list(nodes), "edges": edges}


def journeys(runs: int = 200_000, storms: tuple[int, ...] = (50_000, 200_000), waiting: int = 1_000_000) -> Result:
    """All three; the value is steps a second on one worker. A part of size 0 is left out."""
    details: dict[str, Any] = {}
    found = steps(runs) if runs else {"steps_s": 0}
    details["steps"] = found
    measured = {str(timers): storm(timers) for timers in storms if timers}
    details["storms"] = measured
    if waiting:
        details["waiting"] = resting(waiting)
    last = list(measured.values())[-1] if measured else {}
    return Result("journeys", found["steps_s"], "steps/s", last.get("p50_ms"), last.get("p99_ms"), details)


def steps(runs: int) -> dict[str, Any]:
    """Runs enter, wait for an hour of the log's time and go on to their end: a prepared log, folded by one worker."""
    with tempfile.TemporaryDirectory() as folder:
        path, ago = Path(folder) / "log.db", 2 * HOUR
        now = time.time_ns() // 1_000_000
        turned = [now - ago]
        log = SqliteLog(
            path, partitions=PARTITIONS, clock=Clock(lambda: turned[0], lambda: turned[0] - now + boot_ms())
        )
        publish(CatalogueReader(log), [_journey(_STEPS)], by="bench")
        turned[0] += LEAD_MS + 100
        _append(log, (_go(i, turned[0]) for i in range(runs)))
        turned[0] += HOUR + 1_000
        log.append([Entry(EVENTS, "", encode(Event("tick")), partition) for partition in range(PARTITIONS)])
        log.close()
        (done,) = in_processes(partial(SqliteLog, path, PARTITIONS), Path(folder) / "state", [range(PARTITIONS)])
        log = SqliteLog(path, partitions=PARTITIONS)
        said = sum(change.kind == "journey_step" for change in _changes(log))
        log.close()
    return {
        "steps_s": round(said / done.seconds),
        "steps": said,
        "runs": runs,
        "seconds": round(done.seconds, 2),
        "fold_us_a_step": round(done.fold_s / said * 1e6, 2),
        "cpu_us_a_step": round(done.cpu_s / said * 1e6, 2),
    }


def storm(timers: int) -> dict[str, Any]:
    """Runs whose waits end within one second, live: from an end to the moment at which its message is in the log.

    The log's time lies behind meanwhile, so that all of them wait however long it takes to get there, and is then set
    forward to just before their instant.
    """
    with tempfile.TemporaryDirectory() as folder:
        path, state = Path(folder) / "log.db", Path(folder) / "state"
        open_log = partial(SqliteLog, path, PARTITIONS, clock=_behind(_ASIDE_MS))
        log = open_log()
        publish(CatalogueReader(log), [template("t"), _journey(_STORM)], by="bench")
        time.sleep(LEAD_MS / 1000 + 0.1)
        begin = log.now() + _ASIDE_MS - HOUR
        _append(log, (_known(i, log.now(), begin + i * _SPREAD_MS // timers) for i in range(timers)))
        log.close()
        settle(open_log, state, _WORKERS)
        with latency.serving(open_log, state) as served:
            log = SqliteLog(path, PARTITIONS, clock=_behind(wall_ms() - begin + _AHEAD_MS))
            _until(log, begin - 100)
            worked = served.cpu_s()
            taken = _taken(log, timers)
            worked = served.cpu_s() - worked
        log.close()
    p50, p99 = percentile(taken, 0.5), percentile(taken, 0.99)
    last = max(taken, default=0)
    return {"timers": len(taken), "p50_ms": p50, "p99_ms": p99, "last_ms": last, "cpu_s": round(worked, 2)}


def _behind(ms: int) -> Clock:
    """A clock that shows what the wall's did so long ago."""
    return Clock(partial(_ago, ms))


def _ago(ms: int) -> int:
    return wall_ms() - ms


def _until(log: SqliteLog, instant: int) -> None:
    """Wait for the log's time; nothing may be sent before."""
    while log.now() < instant:
        time.sleep(0.05)
    assert not any(log.end(SENDS, p) for p in range(PARTITIONS)), "a run did not wait"


def _taken(log: SqliteLog, timers: int) -> list[float]:
    """Milliseconds from each timer's instant to its message's append, by the log's clock."""
    while sum(log.end(SENDS, p) for p in range(PARTITIONS)) < timers:
        time.sleep(0.05)
    taken: list[float] = []
    for partition in range(PARTITIONS):
        records = log.read(SENDS, partition, 0, timers)
        taken += [record.logged_at - decode_send(record.value).at for record in records]
    return taken


def resting(waiting: int) -> dict[str, Any]:
    """Runs that wait for a month: what they cost while nothing happens, and what an event takes beside them.

    `fill_s` is how long two workers take to enter them.
    """
    with tempfile.TemporaryDirectory() as folder:
        open_log, state = partial(SqliteLog, Path(folder) / "log.db", PARTITIONS), Path(folder) / "state"
        log = open_log()
        bodies = [latency.journey("waiting", "identify", "30d"), latency.journey("now", "go", "0s")]
        publish(CatalogueReader(log), [template("t"), *bodies], by="bench")
        time.sleep(LEAD_MS / 1000 + 0.1)
        latency.park(log, waiting)
        begun = time.perf_counter()
        settle(open_log, state, _WORKERS)
        fill_s = time.perf_counter() - begun
        begun = time.perf_counter()
        with latency.serving(open_log, state) as served:
            latency.until_answered(log, -20_001)
            restart_s = time.perf_counter() - begun
            memory, worked = served.memory_mb(), served.cpu_s()
            time.sleep(_QUIET_S)
            idle = (served.cpu_s() - worked) / _QUIET_S
            taken = latency.measure(log, waiting, 200, 5)
        log.close()
    return {
        "runs": waiting,
        "fill_s": round(fill_s, 1),
        "restart_s": round(restart_s, 2),
        "load_s": round(served.load_s, 2),
        "memory_mb": round(memory),
        "idle_cpu_percent": round(100 * idle, 1),
        "p50_ms": round(percentile(taken, 0.5), 2),
        "p99_ms": round(percentile(taken, 0.99), 2),
    }


def _go(i: int, now: int) -> Entry:
    """A contact's entry, its only record."""
    return Entry(EVENTS, f"contact-{i}", encode(Event("track", f"go-{i}", now, "go")))


def _known(i: int, now: int, at: int) -> Entry:
    """The same of a contact with an address, whose wait ends at an instant."""
    properties, traits = {"at": format_instant(at)}, {"email": f"contact-{i}@example.com"}
    return Entry(
        EVENTS, f"contact-{i}", encode(Event("identify", f"go-{i}", now, properties=properties, traits=traits))
    )


def _append(log: SqliteLog, entries: Iterator[Entry]) -> None:
    while part := list(islice(entries, _APPEND)):
        log.append(part)


def _changes(log: SqliteLog) -> Iterator[Any]:
    for partition in range(PARTITIONS):
        offset = 0
        while records := log.read(CHANGES, partition, offset):
            yield from (decode_change(record.value) for record in records)
            offset = records[-1].offset + 1
