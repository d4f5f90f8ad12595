"""A segment over everyone while events flow: published, edited, deleted, and published again through a kill -9.

How long each takes until everyone is in it who belongs, and what becomes of live events meanwhile.
"""

from __future__ import annotations

import itertools
import os
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import httpx

from connectors.publish import CatalogueReader, delete, newest, publish
from connectors.sqlite_log import SqliteLog
from infra.bench import workload
from infra.bench.live import PROBE, Live
from infra.bench.result import Result
from infra.roles.api import address, listen
from infra.settings import Settings
from infra.supervise import Supervisor, owned
from schemas.records import LEAD_MS, Entry, Event, decode_event, encode
from schemas.topics import CHANGES, EVENTS

PARTITIONS: Final = 4
RATE: Final = 1_000  # events a second meanwhile
_A_CONTACT: Final = 3  # events
_AT_ONCE: Final = 5_000
_CALM_S: Final = 3.0  # before anything is published
_ARCHIVE: Final = ("api", "warehouse", "hydration")
_ALL: Final = {"kind": "segment", "id": "all", "where": {"everyone": True}}
_NAME: Final = "product_viewed"


def publishing(contacts: int = 100_000, rate: int = RATE) -> Result:
    """Seconds from the call that publishes until the last of those who belong has entered; a second is the lead."""
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder)
        log = SqliteLog(data / "log.db", partitions=PARTITIONS)
        publish(CatalogueReader(log), [_ALL, PROBE], by="bench")
        time.sleep(LEAD_MS / 1000 + 0.1)
        views = _fill(log, contacts)
        settings = Settings(_env_file=None, data=data, port=0)
        with _running(settings) as (client, supervisor):
            _until_read(log, client, contacts)
            with Live(log, rate) as live:
                measured = _Story(log, live, supervisor, views, 120 + contacts / 2_000).told()
        log.close()
    details = {"contacts": contacts, "events": contacts * _A_CONTACT, "rate": rate, **measured}
    published = measured["publish"]
    return Result("publishing", published["complete_s"], "s", published["p50_ms"], published["p99_ms"], details)


class _Story:
    """One after the other; each step is done when the members are those whom a count of the past says."""

    def __init__(
        self, log: SqliteLog, live: Live, supervisor: Supervisor, views: Mapping[str, int], wait_s: float
    ) -> None:
        self._reader, self._live, self._supervisor = CatalogueReader(log), live, supervisor
        self._views, self._wait_s = views, wait_s

    def told(self) -> dict[str, Any]:
        """What each step took, and the latency of live events during it."""
        return {
            "calm": self._calm(),
            "publish": self._step("viewers", 2, lambda: self._publish("viewers", 2)),
            "edit": self._edit(),
            "delete": self._step("viewers", None, lambda: delete(self._reader, "segment", "viewers", "bench")),
            "kill": self._step("killed", 3, self._kill),
        }

    def _calm(self) -> dict[str, Any]:
        time.sleep(_CALM_S)
        return self._live.latencies()

    def _publish(self, id: str, count: int) -> None:
        where = {"performed": _NAME, "count": {"op": "gte", "value": count}, "within": "30d"}
        publish(self._reader, [{"kind": "segment", "id": id, "where": where}], by="bench")

    def _step(self, id: str, count: int | None, act: Callable[[], None]) -> dict[str, Any]:
        """`count` views make a member; None: nobody is one in the end."""
        expected = sum(1 for views in self._views.values() if count is not None and views >= count)
        members = self._live.members
        self._live.latencies()
        begun, cpu = time.perf_counter(), self._cpu()
        act()
        called_s = time.perf_counter() - begun
        self._live.until(lambda: len(members[id]) == expected, f"{expected} members of {id}", self._wait_s)
        taken = time.perf_counter() - begun
        return {
            "members": expected,
            "call_s": round(called_s, 3),
            "complete_s": round(taken, 2),
            "cpu_s": {who[0]: round(now - cpu.get(who, 0.0), 2) for who, now in self._cpu().items()},
            **self._live.latencies(),
        }

    def _cpu(self) -> dict[tuple[str, int], float]:
        """Seconds of the processor that each process has taken: (name, id) -> seconds."""
        running = [(c.name, c.process.pid) for c in self._supervisor.children if c.process is not None]
        return {(name, pid): _seconds(pid) for name, pid in running}

    def _edit(self) -> dict[str, Any]:
        """Fewer views will do: those who were members stay, and neither leave nor enter again."""
        told = self._step("viewers", 1, lambda: self._publish("viewers", 1))
        flips = self._live.flips
        again = flips["viewers", "segment_entered"] - told["members"]
        return told | {"left": flips["viewers", "segment_left"], "entered_again": again}

    def _kill(self) -> None:
        """Publish, and kill the process in which the past is folded as soon as it has begun to."""
        self._publish("killed", 3)
        time.sleep(0.3)
        (child,) = (c for c in self._supervisor.children if c.name == "+".join(_ARCHIVE))
        assert child.process is not None
        child.process.kill()
        child.process.wait()

        def is_back() -> bool:
            self._supervisor.watch()
            with self._reader.open() as catalogue:
                return newest(catalogue).get("segment", "killed") is not None

        self._live.until(is_back, "the switch after a kill", self._wait_s)


def _seconds(pid: int) -> float:
    """In user and system mode, of a process of this machine (proc_pid_stat(5))."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _fill(log: SqliteLog, contacts: int) -> Counter[str]:
    """The past: an event of everyone, and others at random. How often each has viewed a product."""
    now = log.now()
    everyone = (Entry(EVENTS, f"contact-{i}", _event("app_opened", i, now)) for i in range(contacts))
    stream = itertools.chain(everyone, workload.events(contacts * (_A_CONTACT - 1), contacts, now=now))
    views: Counter[str] = Counter()
    while part := list(itertools.islice(stream, _AT_ONCE)):
        log.append(part)
        views.update(e.key for e in part if decode_event(e.value).event == _NAME)
    return views


def _event(name: str, number: int, now: int) -> bytes:
    return encode(Event("track", f"{name}-{number}", now, name, received_at=now))


@contextmanager
def _running(settings: Settings) -> Iterator[tuple[httpx.Client, Supervisor]]:
    """An installation without delivery: what hydration needs."""
    groups = (_ARCHIVE, ("contacts",))
    environment = {"WAXWING_DATA": str(settings.data), "WAXWING_VERIFY_EVERY": "0s"}
    with owned(settings.data) as lock, listen(settings) as listener, (settings.data / "run.log").open("wb") as output:
        supervisor = Supervisor(lock, listener, groups, output, environment)
        supervisor.start()
        try:
            with httpx.Client(base_url=address(listener), timeout=30, trust_env=False) as client:
                yield client, supervisor
        finally:
            supervisor.stop()


def _until_read(log: SqliteLog, client: httpx.Client, contacts: int) -> None:
    """Until the fold and the warehouse have taken in the past."""
    wait_s = 120 + contacts / 2_000
    deadline = time.monotonic() + wait_s
    while time.monotonic() < deadline:
        if sum(log.end(CHANGES, p) for p in range(PARTITIONS)) >= contacts and _events(client) >= contacts * _A_CONTACT:
            return
        time.sleep(0.2)
    raise TimeoutError(f"the past was not read within {wait_s:g} s")


def _events(client: httpx.Client) -> int:
    try:
        answer = client.get("/v1/summary")
    except httpx.TransportError:
        return 0
    return int(answer.json()["events"]) if answer.is_success else 0
