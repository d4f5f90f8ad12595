"""What a process tells on its port, and that the figures are those of log, fold and ClickHouse."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path

import httpx
import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from api.watermark import Ends, Freshness
from connectors.ingest_flow import Mapping
from connectors.log import Progress
from connectors.source import RecordBatch
from connectors.sqlite_log import SqliteLog
from flows.delivery.book import Book
from flows.segments.leaves import compile_leaf
from infra.collectors import FoldCollector, LogCollector, MismatchCollector, WatermarkCollector
from infra.metrics import serving
from infra.roles.__main__ import find, work
from infra.settings import Settings
from infra.supervise import GROUPS, Supervisor
from schemas.definitions.conditions import parse_condition
from schemas.errors import InvalidInput, LogUnavailable
from schemas.records import Attempt, Entry, Event, Record, encode
from sinks.ledger_store import LedgerStore
from tests.conftest import ROOT
from tests.infra.ops.test_backup import in_thread, until

Samples = dict[tuple[str, ...], float]


def samples(collector: Collector) -> Samples:
    """(name, label values in the order of the labels' names …) -> value."""
    registry = CollectorRegistry()
    registry.register(collector)
    return {
        (s.name, *(s.labels[name] for name in sorted(s.labels))): s.value for m in registry.collect() for s in m.samples
    }


def told(address: str) -> Samples:
    text = httpx.get(f"{address}/metrics", trust_env=False).raise_for_status().text
    found = [s for family in text_string_to_metric_families(text) for s in family.samples]
    return {(s.name, *(s.labels[name] for name in sorted(s.labels))): s.value for s in found}


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
        return port


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(_env_file=None, data=tmp_path / "data", partitions=2, metrics_port=free_port())


@pytest.fixture
def log(settings: Settings) -> Iterator[SqliteLog]:
    with closing(SqliteLog(settings.log_path, 2)) as log:
        yield log


def test_a_process_is_healthy_and_ready_until_it_is_told_to_end(settings: Settings) -> None:
    stop, address = threading.Event(), f"http://127.0.0.1:{settings.metrics_port}"
    with serving(settings, stop), httpx.Client(base_url=address, trust_env=False) as client:
        assert (client.get("/health").status_code, client.get("/ready").status_code) == (200, 200)
        assert client.get("/elsewhere").status_code == 404
        assert ("process_cpu_seconds_total",) in told(address)
        stop.set()
        assert (client.get("/health").status_code, client.get("/ready").status_code) == (200, 503)
    with pytest.raises(httpx.ConnectError):
        told(address)


def test_a_port_that_is_taken_is_named_and_no_role_starts(settings: Settings) -> None:
    started = threading.Event()
    with (
        socket.create_server(("127.0.0.1", settings.metrics_port)),
        pytest.raises(InvalidInput, match=f"metrics_port: cannot listen on 127.0.0.1 port {settings.metrics_port}"),
    ):
        work(settings, {"any": lambda settings, stop: started.set()}, threading.Event())
    assert not started.is_set()


def test_the_processes_of_an_installation_take_ports_that_follow_each_other(tmp_path: Path) -> None:
    with (tmp_path / "lock").open("wb") as lock, socket.create_server(("127.0.0.1", 0)) as listener:
        counting = Supervisor(lock, listener, metrics_port=9_100)
        silent = Supervisor(lock, listener)
    ports = [child.environment.get("WAXWING_METRICS_PORT") for child in counting.children]
    assert ports == [str(9_100 + n) for n in range(len(GROUPS))]
    assert all("WAXWING_METRICS_PORT" not in child.environment for child in silent.children)


def test_the_logs_ends_and_what_a_group_has_yet_to_read(log: SqliteLog) -> None:
    log.append([Entry("crm", "", b"v", partition=1) for _ in range(5)], Progress("ingest", {("crm", 1): 2}))
    found = samples(LogCollector(log, log.groups))
    assert found[("waxwing_log_up",)] == 1
    assert (found[("waxwing_log_end", "0", "crm")], found[("waxwing_log_end", "1", "crm")]) == (0, 5)
    assert found[("waxwing_log_lag", "ingest", "1", "crm")] == 3


def test_a_log_that_is_away_is_said_and_breaks_nothing(log: SqliteLog) -> None:
    log.close()
    assert samples(LogCollector(log, log.groups)) == {("waxwing_log_up",): 0}


def test_where_the_fold_stands(log: SqliteLog, settings: Settings) -> None:
    from infra.roles import contacts

    people = [f"c{n}" for n in range(30)]
    log.append([Entry("events", c, encode(Event("page", id=c, at=1, user_id=c))) for c in people * 2])
    address = f"http://127.0.0.1:{settings.metrics_port}"
    with in_thread(lambda stop: work(settings, {"contacts": contacts.role}, stop)):
        until(lambda: _sum(address, "waxwing_contacts_records_total") == 60)
        found = told(address)
    held = [found["waxwing_contacts_held", str(n)] for n in range(2)]
    assert held == [sum(log.partition_of("events", c) == n for c in people) for n in range(2)]
    assert sum(found["waxwing_contacts_duplicates_total", str(n)] for n in range(2)) == 30
    assert all(found["waxwing_contacts_lag", str(n)] == 0 for n in range(2))
    assert all(found["waxwing_contacts_timers_pending", str(n)] == 0 for n in range(2))
    assert found[("waxwing_contacts_fold_seconds_count",)] >= 1


class Veiled(SqliteLog):
    """A log whose definitions cannot be read for a while."""

    is_veiled = True

    def read(self, topic: str, partition: int, offset: int, limit: int = 2_000) -> list[Record]:
        if topic == "definitions" and self.is_veiled:
            raise LogUnavailable("the controller is away")
        return super().read(topic, partition, offset, limit)


def test_without_definitions_nothing_is_handed_out_and_the_process_is_not_ready(
    settings: Settings, log: SqliteLog, tmp_path: Path
) -> None:
    from connectors.engine import run_flow
    from flows.contact.flow import GROUP, build

    log.append([Entry("events", "ann", encode(Event("page", id="p", at=1, user_id="ann")), 0)])
    veiled, stop = Veiled(settings.log_path, 2), threading.Event()
    flow = threading.Thread(target=run_flow, args=(build(veiled, tmp_path / "state", [0], 0.1, stop=stop.is_set),))
    address = f"http://127.0.0.1:{settings.metrics_port}"
    with serving(settings, threading.Event()), httpx.Client(base_url=address, trust_env=False) as client:
        flow.start()
        until(lambda: value("waxwing_definitions_unreadable") == 1)
        assert (client.get("/ready").status_code, client.get("/ready").text) == (
            503,
            "the definitions cannot be read\n",
        )
        assert log.committed(GROUP, "events", 0) == 0
        veiled.is_veiled = False
        until(lambda: log.committed(GROUP, "events", 0) == 1)
        assert client.get("/ready").status_code == 200
        stop.set()
        flow.join()
    veiled.close()


def _sum(address: str, name: str) -> float:
    try:
        return sum(value for labels, value in told(address).items() if labels[0] == name)
    except httpx.ConnectError:
        return -1


def test_a_partition_of_a_log_that_is_away_is_left_out(log: SqliteLog) -> None:
    log.close()
    assert samples(FoldCollector(log, {0: None})) == {}  # type: ignore[dict-item]  # asked only after the log


def test_the_watermark_grows_old_while_clickhouse_is_away() -> None:
    answers: list[Freshness | None] = [None, Freshness(9_000, 1), None]
    clock = iter([10_000, 10_500, 20_000])
    collector = WatermarkCollector(lambda: Ends(next(clock), {}), lambda ends: answers.pop(0))
    assert samples(collector) == {}  # never seen: not said, rather than zero
    assert samples(collector) == {("waxwing_watermark_age_seconds",): 1.5}
    assert samples(collector) == {("waxwing_watermark_age_seconds",): 11.0}


def test_without_the_logs_clock_no_age_is_said() -> None:
    def ends() -> Ends:
        raise LogUnavailable("log: away")

    assert samples(WatermarkCollector(ends, lambda ends: Freshness(0, 0))) == {}


def value(name: str, **labels: str) -> float:
    from prometheus_client import REGISTRY

    return REGISTRY.get_sample_value(name, labels) or 0.0


async def _write(book: Book, attempts: list[Attempt]) -> None:
    await book.write(0, [Entry("attempts", a.contact, encode(a)) for a in attempts])


def test_every_record_of_the_ledger_is_counted_by_its_status(log: SqliteLog, tmp_path: Path) -> None:
    import asyncio

    ledgers = {n: LedgerStore(tmp_path / "ledger" / str(n)) for n in range(2)}
    book = Book(log, ledgers, threading.Event())
    labels = {"status": "unknown", "channel": "email", "provider": "p-counted"}
    attempts = [Attempt(f"s{n}", "ann", 1, "unknown", 1, "email", "p-counted") for n in range(3)]
    asyncio.run(_write(book, attempts))
    book.close()
    for ledger in ledgers.values():
        ledger.close()
    assert value("waxwing_delivery_attempts_total", **labels) == 3


def test_what_the_crms_records_became_is_counted(log: SqliteLog) -> None:
    before = value("waxwing_crm_records_total"), value("waxwing_crm_entries_total", topic="dead_letters")
    log.append([Entry("crm", "", b"no json", partition=0) for _ in range(4)])
    Mapping(log).apply(RecordBatch("crm", 0, log.read("crm", 0, 0)))
    after = value("waxwing_crm_records_total"), value("waxwing_crm_entries_total", topic="dead_letters")
    assert (after[0] - before[0], after[1] - before[1]) == (4, 4)


@contextmanager
def role(tmp_path: Path, port: int, *arguments: str) -> Iterator[str]:
    environment = os.environ | {"WAXWING_DATA": str(tmp_path), "WAXWING_METRICS_PORT": str(port), "WAXWING_PORT": "0"}
    command = [sys.executable, "-m", "infra.cli", "run", *arguments]
    with subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            _, said = process.communicate(timeout=60)
    assert process.returncode == 0, said


@pytest.mark.parametrize(
    ("name", "figure"),
    [
        ("api", "waxwing_log_up"),
        ("warehouse", "waxwing_watermark_age_seconds"),
        ("contacts", "waxwing_contacts_fold_seconds_count"),
        ("ingest", "waxwing_crm_records_total"),
        ("delivery", "process_open_fds"),
        ("learning", "process_open_fds"),
    ],
)
def test_each_role_tells_its_figures_in_its_own_process(tmp_path: Path, name: str, figure: str) -> None:
    with role(tmp_path, free_port(), "--role", name) as address:
        until(lambda: _has(address, figure))


def _has(address: str, figure: str) -> bool:
    try:
        return any(labels[0] == figure for labels in told(address))
    except httpx.ConnectError:
        return False


@pytest.mark.parametrize("name", ["ingest", "learning", "delivery"])
def test_a_role_that_is_told_to_end_before_it_has_begun_ends(settings: Settings, name: str) -> None:
    stop = threading.Event()
    stop.set()
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(find(name), settings, stop).result(timeout=60) is None


def test_values_of_another_type_are_counted_by_leaf():
    leaf = compile_leaf(parse_condition({"performed": "a", "where": [{"property": "n", "op": "gt", "value": 1}]}))
    leaf.observe(None, Event("track", "1", 1, event="a", properties={"n": "5"}), 1)
    found = samples(MismatchCollector())
    assert any(leaf.id in str(key) and value >= 1 for key, value in found.items())
