"""Runs the learning flow over a folder's log until a version was published: the process that the test kills."""

from __future__ import annotations

import sys
from pathlib import Path

from connectors.log import Log
from connectors.sqlite_log import SqliteLog
from flows.scoring.flow import run
from schemas.records import Definition, decode_definition
from schemas.topics import DEFINITIONS


def definitions(log: Log) -> list[Definition]:
    return [decode_definition(r.value) for r in log.read(DEFINITIONS, 0, 0, 100_000)]


def learn_until(folder: Path, version: int, every: int) -> None:
    log = SqliteLog(folder / "log.db")
    try:
        run(
            log,
            (folder / "files").as_uri(),
            folder / "learning",
            every=every,
            epoch_s=0.01,
            stop=lambda: any(d.version >= version for d in definitions(log)),
        )
    finally:
        log.close()


if __name__ == "__main__":
    learn_until(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
