"""One SQLite file, shared by the threads and processes of a machine: readers in a pool, one writer at a time.

WAL (https://www.sqlite.org/wal.html): readers never wait. `synchronous=FULL`: what is committed is on the disk.
"""

from __future__ import annotations

import fcntl
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from schemas.errors import InvalidInput, LogDamaged, LogUnavailable, Violation


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

    def _connect(self) -> sqlite3.Connection:
        db = sqlite3.connect(
            self.path, timeout=self._busy_s, isolation_level=None, check_same_thread=False, cached_statements=256
        )
        try:
            db.execute("PRAGMA synchronous = FULL")
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
