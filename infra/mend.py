"""A damaged SQLite log made whole by a copy of it: `waxwing restore COPY --mend`.

    log.db, damaged ──what is good──▶ log.db, new ◀──the same offsets of what is damaged── COPY/log.db

Offsets and times stay what they are, so states go on from where they were. All or nothing: where the copy does not hold
a damaged record either (it came later), nothing is changed and each such place is told; then `waxwing restore` into a
new folder makes the installation of the copy. The damaged file is kept beside, as `log.db.damaged`.
"""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final, NamedTuple

from connectors.sqlite_check import Stretch, stretches
from connectors.sqlite_log import SqliteLog
from connectors.sqlite_records import insert, row_of
from infra.backup import LOG, checked
from infra.supervise import owned
from schemas.errors import InvalidInput, LogDamaged, Violation
from schemas.records import Record

_OTHERS: Final = ("ends", "progress", "claims", "clock")  # tables without checksums: as they stand


class Mended(NamedTuple):
    """How many records were brought back, and where the damaged log lies now; empty where none was damaged."""

    records: int
    damaged: str


def mend(folder: Path, data: Path, partitions: int) -> Mended:
    """Make the log in `data` whole by the copy in `folder`. Nothing else may run on `data`.

    InvalidInput where the copy is none or is damaged, an installation runs, or the copy lacks what is damaged.
    """
    if LOG not in checked(folder).files:
        raise InvalidInput("mend", [Violation("folder", f"{folder} holds no {LOG}")])
    path, new, aside = data / LOG, data / f"{LOG}.mending", data / f"{LOG}.copy"
    if not path.is_file():
        raise InvalidInput("mend", [Violation("data", f"{data} holds no {LOG}; `waxwing restore` makes one")])
    with owned(data):
        _remove(new)
        shutil.copyfile(folder / LOG, aside)  # what opens it may bring it to this version
        try:
            with closing(SqliteLog(path, partitions)) as log, closing(SqliteLog(aside, partitions)) as copy:
                count, lacking = _write(log, copy, path, new, partitions)
            if lacking:
                raise InvalidInput("mend", [Violation(str(stretch), "the copy lacks it too") for stretch in lacking])
            return Mended(count, str(_exchange(path, new))) if count else Mended(0, "")
        finally:
            _remove(aside)
            _remove(new)


def _write(log: SqliteLog, copy: SqliteLog, path: Path, new: Path, partitions: int) -> tuple[int, list[Stretch]]:
    """Write the new log: how many records come from the copy, and which it lacks."""
    count, lacking = 0, list[Stretch]()
    SqliteLog(new, partitions).close()
    with closing(sqlite3.connect(new, isolation_level=None)) as db:
        db.execute("BEGIN")
        for stretch in stretches(log):
            records = stretch.records or _of_copy(copy, stretch)
            if stretch.fault:
                count += len(records)
                lacking += [] if records else [stretch]
            insert(db, stretch.topic, [value for record in records for value in row_of(stretch.partition, *record)])
        db.execute("COMMIT")
        _take_over(db, path)
        db.execute("PRAGMA journal_mode = DELETE")  # one file; whoever opens it sets WAL again
    return count, lacking


def _take_over(db: sqlite3.Connection, path: Path) -> None:
    db.execute("ATTACH ? AS old", (str(path),))
    try:
        for table in _OTHERS:
            db.execute(f"DELETE FROM main.{table}")  # noqa: S608 - a name from above
            db.execute(f"INSERT INTO main.{table} SELECT * FROM old.{table}")  # noqa: S608
    except sqlite3.DatabaseError as fault:
        raise LogDamaged(f"{path}: {table} cannot be read: {fault}; restore the copy into a new folder") from fault
    finally:
        db.execute("DETACH old")


def _of_copy(copy: SqliteLog, stretch: Stretch) -> list[Record]:
    """The copy's record of that offset, where it has one as it was written."""
    try:
        records = copy.read(stretch.topic, stretch.partition, stretch.first, 1)
    except LogDamaged:
        return []
    return [record for record in records if record.offset == stretch.first]


def _exchange(path: Path, new: Path) -> Path:
    """Put the new log in the place of the damaged one, which is kept."""
    kept = path.with_name(f"{path.name}.damaged")
    for suffix in ("-wal", "-shm", ""):
        if (beside := path.with_name(path.name + suffix)).exists():
            beside.rename(kept.with_name(kept.name + suffix))
    new.rename(path)
    return kept


def _remove(path: Path) -> None:
    for suffix in ("", "-wal", "-shm", "-turns"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
