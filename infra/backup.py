"""A copy of an embedded installation, taken while it runs, and a new installation made of one.

A copy holds what cannot be computed again: every SQLite file (the log before all others), the link key, the providers'
waits, the immutable files; and `manifest.json` with each file's hash. States, ledgers, what was learned and ClickHouse
are folds of the log: after `restore` the roles make them anew. A copy is whole or not there.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

import msgspec

from connectors.sqlite_check import damage
from connectors.sqlite_log import SqliteLog
from schemas.errors import InvalidInput, LogUnavailable, Violation

VERSION: Final = 1  # of this layout
LOG: Final = "log.db"
KEPT: Final = ("link.key", "providers.json")
FILES: Final = "files"
_MANIFEST: Final = "manifest.json"
_RESTORING: Final = "restoring"  # the folder inside `data` in which a restore is made


class File(msgspec.Struct, frozen=True):
    """One file of a copy."""

    bytes: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True):
    """What a copy holds: paths relative to its folder. `logged_at` is of the log's last record, in ms."""

    version: int
    logged_at: int
    files: dict[str, File]


def backup(data: Path, folder: Path) -> Manifest:
    """Copy the installation in `data` to the new folder. Writers go on meanwhile.

    The log comes first: what its records name (files, accepted messages) was there before them, so is in the copy.
    Raises InvalidInput where there is no installation, a file of it is damaged or the folder holds something;
    LogUnavailable where a file is locked or the disk is full.
    """
    if not (data / LOG).is_file():
        raise InvalidInput("backup", [Violation("data", f"{data} holds no {LOG}: there is nothing to copy")])
    refuse_full("backup", folder)
    with aside(folder) as made:
        others = sorted(path.name for path in data.glob("*.db") if path.name != LOG)
        for name in (LOG, *others):
            _copy_database(data / name, made / name)
        _refuse_damaged(made / LOG)
        copy_kept(data, made)
        return write_manifest(made, _last(made / LOG))


def copy_kept(data: Path, made: Path) -> None:
    """What lies in `data` and is no fold of the log."""
    for name in KEPT:
        if (data / name).is_file():
            shutil.copy2(data / name, made / name)
    if (data / FILES).is_dir():
        shutil.copytree(data / FILES, made / FILES)


def write_manifest(made: Path, logged_at: int) -> Manifest:
    """The list of what the copy holds, written last."""
    manifest = Manifest(VERSION, logged_at, dict(_inventory(made)))
    (made / _MANIFEST).write_bytes(msgspec.json.format(msgspec.json.encode(manifest)))
    return manifest


def restore(folder: Path, data: Path) -> Manifest:
    """Make an installation in the empty folder `data` of a copy.

    Raises InvalidInput where `data` holds something, or where the copy is none, is damaged or is of a later version.
    """
    manifest = checked(folder)
    if LOG not in manifest.files:
        kafka = f"{folder} holds no {LOG}: it is a copy of a cluster, for an installation with WAXWING_LOG=kafka://…"
        raise InvalidInput("restore", [Violation("folder", kafka)])
    install(manifest, folder, data)
    return manifest


def install(manifest: Manifest, folder: Path, data: Path) -> None:
    """Put the copy's files into the empty folder `data`, all of them or none."""
    refuse_full("restore", data)
    data.mkdir(parents=True, exist_ok=True)
    made = data / _RESTORING  # inside, because `data` may be a mount point
    made.mkdir()
    for name in manifest.files:
        (made / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(folder / name, made / name)
        _sync(made / name)
    for path in sorted(made.iterdir(), key=lambda path: path.name == LOG):  # the log last: with it, it is there
        path.rename(data / path.name)
    made.rmdir()
    _sync(data)


def checked(folder: Path) -> Manifest:
    """The copy's manifest; InvalidInput with each file that is missing or not as it was written."""
    try:
        manifest = msgspec.json.decode((folder / _MANIFEST).read_bytes(), type=Manifest)
    except FileNotFoundError:
        raise InvalidInput("restore", [Violation("folder", f"{folder} holds no {_MANIFEST}: it is no copy")]) from None
    except msgspec.DecodeError as fault:
        raise InvalidInput("restore", [Violation(_MANIFEST, str(fault))]) from None
    if manifest.version > VERSION:
        later = f"is of version {manifest.version}, this Waxwing reads up to {VERSION}"
        raise InvalidInput("restore", [Violation(_MANIFEST, later)])
    if outside := [name for name in manifest.files if Path(name).is_absolute() or ".." in Path(name).parts]:
        raise InvalidInput("restore", [Violation(name, "lies outside the copy") for name in outside])
    there = dict(_inventory(folder))
    if faults := [_fault(name, there) for name, file in manifest.files.items() if there.get(name) != file]:
        raise InvalidInput("restore", faults)
    return manifest


def _fault(name: str, there: dict[str, File]) -> Violation:
    return Violation(name, "is damaged: its content is not what was written" if name in there else "is missing")


def refuse_full(what: str, folder: Path) -> None:
    """InvalidInput where the folder holds something."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InvalidInput(what, [Violation(str(folder), "must be an empty folder, or not be there yet")])


@contextmanager
def aside(folder: Path) -> Iterator[Path]:
    """A folder beside, which takes the place of `folder` once it is whole and on the disk."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    beside = folder.with_name(f".{folder.name}.{os.getpid()}")
    beside.mkdir(mode=0o700)  # it will hold contacts' data and the link key
    try:
        yield beside
        for path in beside.rglob("*"):
            _sync(path)
        beside.rename(folder)  # an empty folder is replaced
        _sync(folder.parent)
    except BaseException:
        shutil.rmtree(beside, ignore_errors=True)
        raise


def _copy_database(source: Path, target: Path) -> None:
    """SQLite's online backup, in one step: one read transaction, which sees one moment and keeps no writer waiting.

    https://www.sqlite.org/backup.html: several steps would begin again at each write of another process.
    """
    try:
        with closing(sqlite3.connect(source)) as there, closing(sqlite3.connect(target)) as copy:
            there.backup(copy, pages=-1)
            copy.execute("PRAGMA journal_mode = DELETE")  # one file; whoever opens it sets WAL again
    except sqlite3.OperationalError as fault:
        raise LogUnavailable(f"{source} cannot be copied to {target.parent}: {fault}") from fault
    except sqlite3.DatabaseError as fault:
        raise InvalidInput("backup", [Violation(str(source), f"cannot be read: {fault}")]) from fault


def _refuse_damaged(log: Path) -> None:
    """A copy of what is damaged would take the place of a good one."""
    with closing(sqlite3.connect(log)) as db:
        (partitions,) = db.execute("SELECT max(partition) + 1 FROM ends").fetchone()
    with closing(SqliteLog(log, partitions)) as copy:
        faults = [Violation(str(stretch), stretch.fault) for stretch in damage(copy)]
    for beside in ("-wal", "-shm", "-turns"):
        log.with_name(log.name + beside).unlink(missing_ok=True)
    if faults:
        raise InvalidInput("backup", faults)


def _last(log: Path) -> int:
    with closing(sqlite3.connect(log)) as db:
        (last,) = db.execute("SELECT last FROM clock").fetchone()
    return int(last)


def _inventory(folder: Path) -> Iterator[tuple[str, File]]:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path != folder / _MANIFEST:
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            yield path.relative_to(folder).as_posix(), File(path.stat().st_size, digest)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
