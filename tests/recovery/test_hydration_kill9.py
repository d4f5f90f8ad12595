"""kill -9 around a hydration: of who folds the past, and of the contacts flow that takes it. Nothing counts twice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from connectors.log import Log
from connectors.publish import CatalogueReader, newest, publish
from connectors.sqlite_log import SqliteLog
from flows.contact.flow import GROUP
from flows.contact.fold import SECTIONS
from flows.contact.section import Contact
from flows.segments import engine
from schemas.records import Change, Entry, Event, decode_change, decode_event, encode
from schemas.topics import CHANGES, EVENTS
from sinks.state_store import StateStore
from tests.recovery.driver import ROOT, pause

pytestmark = pytest.mark.slow
SEGMENT = {"kind": "segment", "id": "often", "where": {"performed": "buy", "count": {"op": "gte", "value": 3}}}
ARCHIVE, CONTACTS = ("warehouse", "hydration"), ("contacts",)
PEOPLE, WAIT_S, CHANCE_S = 1_500, 60.0, 20.0


class Processes:
    """The roles' processes over one folder; one that died is started again, without its fail point."""

    def __init__(self, folder: Path):
        self.folder, self.deaths = folder, Counter[tuple[str, ...]]()
        self.running: dict[tuple[str, ...], subprocess.Popen[bytes]] = {}

    def start(self, roles: tuple[str, ...], point: str = "", chance: float = 1.0) -> None:
        env = {**os.environ, "WAXWING_DATA": str(self.folder), "PYTHONPATH": str(ROOT), "WAXWING_CHECKPOINT_S": "0.05"}
        env |= {"WAXWING_DIE_AT": point, "WAXWING_DIE_IN": str(chance)}
        with (self.folder / "stderr").open("ab") as errors:
            command = [sys.executable, "-m", "infra.roles", *roles]
            self.running[roles] = subprocess.Popen(command, env=env, stdin=subprocess.PIPE, stderr=errors, cwd=ROOT)

    def watch(self) -> None:
        for roles, process in list(self.running.items()):
            if process.poll() is not None:
                assert process.returncode == -signal.SIGKILL, (self.folder / "stderr").read_text()[-3_000:]
                self.deaths[roles] += 1
                _close(process)
                self.start(roles)

    def eventually(self, look: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + WAIT_S
        while not look():
            assert time.monotonic() < deadline, f"{what}: {(self.folder / 'stderr').read_text()[-3_000:]}"
            self.watch()
            pause(0.05)

    def until_death(self, roles: tuple[str, ...]) -> None:
        """Wait for a death at the fail point; where chance let it pass every time, kill the process here."""
        chance_until = time.monotonic() + CHANCE_S
        while self.deaths[roles] == 0:
            if time.monotonic() > chance_until:
                self.running[roles].kill()
                self.running[roles].wait()
            self.watch()
            pause(0.05)

    def end(self, is_well: bool) -> None:
        for process in self.running.values():
            (process.terminate if is_well else process.kill)()
        for roles, process in self.running.items():
            code = process.wait(40)
            _close(process)
            if is_well:  # the archive may have been started again just now, and not listen to SIGTERM yet
                assert code == 0 or (code == -signal.SIGTERM and roles == ARCHIVE)


def _close(process: subprocess.Popen[bytes]) -> None:
    if process.stdin is not None:
        process.stdin.close()


@contextmanager
def processes(folder: Path) -> Iterator[Processes]:
    made = Processes(folder)
    try:
        yield made
        made.end(is_well=True)
    except BaseException:
        made.end(is_well=False)
        raise


def buy(log: Log, contacts: range, name: str) -> None:
    now = log.now()
    log.append(
        [
            Entry(EVENTS, f"c{i}", encode(Event("track", f"{name}-{i}-{n}", now, "buy", user_id=f"c{i}")))
            for i in contacts
            for n in range(i % 5)
        ]
    )


def is_whole(log: Log) -> bool:
    with CatalogueReader(log).open() as catalogue:
        return newest(catalogue).get("segment", "often") is not None


def is_folded(log: Log, expected: set[str], ends: list[int]) -> bool:
    entered = {c.contact for c in changes(log) if c.kind == "segment_entered"}
    return entered == expected and all(log.committed(GROUP, EVENTS, p) >= end for p, end in enumerate(ends))


def changes(log: Log) -> list[Change]:
    return [decode_change(r.value) for p in range(log.partitions(CHANGES)) for r in log.read(CHANGES, p, 0, 1_000_000)]


@pytest.mark.parametrize(
    ("roles", "point", "chance"),
    [
        (ARCHIVE, "before_switch", 1.0),
        (ARCHIVE, "after_switch", 1.0),
        (CONTACTS, "after_append", 0.3),
        (CONTACTS, "before_commit", 0.3),
        (CONTACTS, "after_commit", 0.3),
    ],
)
def test_a_kill_anywhere_loses_nothing_and_counts_nothing_twice(
    tmp_path: Path, roles: tuple[str, ...], point: str, chance: float
) -> None:
    log = SqliteLog(tmp_path / "log.db")
    buy(log, range(PEOPLE), "past")
    publish(CatalogueReader(log), [SEGMENT])
    buy(log, range(0, PEOPLE, 7), "meanwhile")
    with processes(tmp_path) as running:
        for each in (ARCHIVE, CONTACTS):
            running.start(each, point if each == roles else "", chance)
        running.until_death(roles)
        running.eventually(lambda: is_whole(log), "the switch")
        buy(log, range(0, PEOPLE, 11), "after")
        ends = [log.end(EVENTS, p) for p in range(log.partitions(EVENTS))]
        records = [r for p in range(log.partitions(EVENTS)) for r in log.read(EVENTS, p, 0, 1_000_000) if r.key]
        counts = Counter(record.key for record in records if decode_event(record.value).event == "buy")
        members = {contact for contact, count in counts.items() if count >= 3}
        running.eventually(lambda: is_folded(log, members, ends), "the members")
    assert states(tmp_path, log) == (counts, members)
    log.close()


def states(folder: Path, log: Log) -> tuple[Counter[str], set[str]]:
    """What every contact's leaf has counted, and who is a member."""
    counts, members = Counter[str](), set[str]()
    for partition in range(log.partitions(EVENTS)):
        store = StateStore(folder / "state" / str(partition))
        for contact, blob in store.load().items():
            section = Contact(blob, SECTIONS).get(engine.SECTION)
            counts[contact] += sum(section.states.values())
            members |= {contact} if "often" in section.members else set()
        store.close()
    return +counts, members
