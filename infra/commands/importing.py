"""`waxwing import FILE…`: JSON lines, CSV and Parquet onto the log."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from connectors import dead_letters
from connectors.files import ImportedFile, Line, read_mapping
from connectors.log import Log
from connectors.open import open_log
from infra.settings import Settings
from schemas.records import Entry

BATCH = 2_000  # entries in one append
_NOTHING_TAKEN = 1


@dataclass
class Summary:
    """What an import did; rows that a mapping made nothing of are read, and neither appended nor dead."""

    read: int = 0
    appended: int = 0
    dead: int = 0
    seconds: float = 0.0

    def as_dict(self) -> dict[str, Any]:
        """As it is printed."""
        rate = round(self.appended / self.seconds) if self.seconds else 0
        return {**self.__dict__, "seconds": round(self.seconds, 3), "per_second": rate}


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("import")(import_)


def import_(
    files: Annotated[list[Path], typer.Argument(help="JSON lines (.jsonl .json), .csv, .parquet; .gz too")],
    mapping: Annotated[Path | None, typer.Option(help="YAML or JSON: how rows become events")] = None,
    live: Annotated[bool, typer.Option("--live/--historical", help="live events start journeys and messages")] = False,
) -> None:
    """Append the events of files, one after the other. Prints a JSON summary."""
    rules = read_mapping(mapping) if mapping is not None else None
    for path in files:
        path.stat()  # FileNotFoundError before anything is appended
    imported = [ImportedFile(path, rules, historical=not live) for path in files]
    log = open_log(Settings())
    try:
        with _progress(imported) as advance:
            summary = run(log, imported, advance)
    finally:
        log.close()
    typer.echo(json.dumps(summary.as_dict()))
    if summary.dead and not summary.appended:
        raise typer.Exit(_NOTHING_TAKEN)


def run(log: Log, files: Iterable[ImportedFile], advance: Any = lambda file: None) -> Summary:
    """Append all of the files' events, and their dead letters, in batches."""
    summary, began = Summary(), time.perf_counter()
    for file in files:
        for batch in _batches(file.lines(log.now())):
            _append(log, batch, summary)
            advance(file)
    summary.seconds = time.perf_counter() - began
    return summary


def _append(log: Log, lines: Sequence[Line], summary: Summary) -> None:
    entries: list[Entry] = [entry for line in lines for entry in line.events]
    letters = [dead_letters.entry_of(line.letter) for line in lines if line.letter is not None]
    log.append(entries + letters)
    summary.read += len(lines)
    summary.appended += len(entries)
    summary.dead += len(letters)


def _batches(lines: Iterator[Line]) -> Iterator[list[Line]]:
    batch: list[Line] = []
    for line in lines:
        batch.append(line)
        if len(batch) >= BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


@contextmanager
def _progress(files: Sequence[ImportedFile]) -> Iterator[Any]:
    """A bar a file on stderr, where somebody looks at it."""
    if not sys.stderr.isatty():
        yield lambda file: None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        tasks = {id(file): bar.add_task(file.path.name, total=None) for file in files}
        yield lambda file: bar.update(tasks[id(file)], completed=file.rows.done, total=file.rows.size)
