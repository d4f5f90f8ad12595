"""One SQLite file, shared by the threads and processes of a machine: readers in a pool, one writer at a time.

WAL (https://www.sqlite.org/wal.html): readers never wait. `synchronous=FULL`: what is committed is on the disk.

What the WAL holds has to be moved into the file from time to time (a checkpoint). SQLite would do that within a commit,
which then takes several times as long. Here a thread does it beside the commits, and SQLite what that one left over.
"""

from __future__ import annotations

import fcntl
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from schemas.errors import InvalidInput, LogDamaged, LogUnavailable, Violation

_MOVE_COMMITS: Final = 100  # after so many commits, or so many rows, the WAL holds some 2 MB, and is moved
_MOVE_ROWS: Final = 4_000
_WAL_PAGES: Final = 16_000  # at 64 MB a commit moves what is left: the WAL then begins anew


class SqliteFile:
    """The file `path`, made if it is not there. `transaction` is for one thread at a time, `select` for any.

    Raises LogUnavailable where the file cannot be reached, is locked for longer than `busy_s` seconds or its disk is
    full; InvalidInput where it is no SQLite file, LogDamaged where it is one that is damaged.

    Writers of several processes take turns by a lock on a file beside it, which wakes the next one at once: SQLite
    itself waits by sleeping, up to 100 ms at a time.
    """

    def __init__(self, path: Path, busy_s: float):
        self.path, self._busy_s = path, busy_s
        self._idle: list[sqlite3.Connection] = []  # readers; the last one used is the first one taken
        self._writing = threading.Lock()
        self._is_closed = False
        self._mover: threading.Thread | None = None
        self._commits = self._moved_rows = 0  # commits since the WAL was last moved; rows that were written by then
        with self.named_errors():
            path.parent.mkdir(parents=True, exist_ok=True)
            self._turns = path.with_name(path.name + "-turns").open("wb")
            try:
                self._writer = self._connect()
            except BaseException:
                self._turns.close()
                raise

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All or nothing, on the disk when left. Raises SQLite's own errors: the caller says what was not done."""
        with self._writing, self._turn():
            db = self._writer
            try:
                db.execute("BEGIN IMMEDIATE")
                yield db
                db.execute("COMMIT")
            except BaseException:
                if db.in_transaction:
                    db.execute("ROLLBACK")
                raise
            self._committed(db.total_changes)

    def select(self, query: str, values: tuple[object, ...] = ()) -> list[Any]:
        """The rows of a query, as of now."""
        with self.named_errors():
            self._check_open()
            try:
                db = self._idle.pop()
            except IndexError:
                db = self._connect()
            try:
                return db.execute(query, values).fetchall()
            finally:
                self._idle.append(db)
                if self._is_closed:  # meanwhile
                    self._close_idle()

    def close(self) -> None:
        """Close every connection, after the transaction that is open. Idempotent."""
        with self._writing:
            self._is_closed = True
            self._close_idle()
            self._writer.close()
            self._turns.close()
        if self._mover is not None:
            self._mover.join()

    @contextmanager
    def named_errors(self) -> Iterator[None]:
        """SQLite's errors as ours, with the file's name."""
        try:
            yield
        except (sqlite3.OperationalError, OSError) as fault:
            raise LogUnavailable(f"{self.path}: {fault}") from fault
        except sqlite3.DatabaseError as fault:
            if is_damage(fault):
                raise LogDamaged(f"{self.path}: {fault}") from fault
            raise InvalidInput(f"log {self.path}", [Violation("", f"cannot be read as a log: {fault}")]) from fault

    def _committed(self, rows: int) -> None:
        """Have the WAL moved where it is time; `rows` were written by now."""
        self._commits += 1
        is_due = self._commits >= _MOVE_COMMITS or rows - self._moved_rows >= _MOVE_ROWS
        if is_due and (self._mover is None or not self._mover.is_alive()):
            self._commits, self._moved_rows = 0, rows
            self._mover = threading.Thread(target=self._move, name="checkpoint")
            self._mover.start()

    def _move(self) -> None:
        """PASSIVE waits for nobody, and nobody for it. Where it fails, the commit at the WAL's limit says why."""
        with suppress(LogUnavailable, LogDamaged, InvalidInput):
            self.select("PRAGMA wal_checkpoint(PASSIVE)")

    def _connect(self) -> sqlite3.Connection:
        db = sqlite3.connect(
            self.path, timeout=self._busy_s, isolation_level=None, check_same_thread=False, cached_statements=256
        )
        try:
            db.execute("PRAGMA synchronous = FULL")
            db.execute(f"PRAGMA wal_autocheckpoint = {_WAL_PAGES}")
            if db.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
                with self._turn():  # two that change the mode at once would fail, not wait
                    db.execute("PRAGMA journal_mode = WAL")
        except BaseException:
            db.close()
            raise
        return db

    @contextmanager
    def _turn(self) -> Iterator[None]:
        self._check_open()
        fcntl.flock(self._turns, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(self._turns, fcntl.LOCK_UN)

    def _close_idle(self) -> None:
        while self._idle:
            self._idle.pop().close()

    def _check_open(self) -> None:
        if self._is_closed:
            raise LogUnavailable(f"{self.path}: it is closed")


def is_damage(fault: BaseException) -> bool:
    """Whether SQLite says that its file is damaged: pages that are none, or a row that is there already."""
    code = getattr(fault, "sqlite_errorcode", 0) & 0xFF  # the rest says more of the same
    return code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_CONSTRAINT)
