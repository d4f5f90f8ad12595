"""Rows of files that people bring: JSON lines as they stand, CSV and Parquet through DuckDB. Gzip too.

Each row is the JSON that its event's id comes from and, where it cannot be read, why.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

import duckdb
import msgspec

from schemas.errors import InvalidInput, Violation

Format = Literal["jsonl", "csv", "parquet"]
SUFFIXES: Final[dict[str, Format]] = {
    ".jsonl": "jsonl",
    ".json": "jsonl",
    ".ndjson": "jsonl",
    ".csv": "csv",
    ".tsv": "csv",
    ".parquet": "parquet",
}
_LINE_LIMIT: Final = 16 * 1024 * 1024
_BATCH: Final = 2_000


class Row(NamedTuple):
    """One row of a file: its number from 1, its JSON, or what it is instead and `fault`, which says why."""

    number: int
    data: bytes
    fault: str = ""


class Rows:
    """Iterates over a file's rows. `done` of `size` are read: bytes, or rows of a table (a CSV tells no end)."""

    def __init__(self, path: Path, format: Format | None = None, delimiter: str = "", encoding: str = "utf-8"):
        self.path, self.done = path, 0
        self.format = format or format_of(path)
        self._delimiter, self._encoding = delimiter, encoding
        self.size: int | None = path.stat().st_size

    def __iter__(self) -> Iterator[Row]:
        return self._lines() if self.format == "jsonl" else self._table()

    # JSON lines

    def _lines(self) -> Iterator[Row]:
        with self.path.open("rb") as file:
            opened = gzip.GzipFile(fileobj=file) if self.path.suffix == ".gz" else file
            try:
                for number, line in enumerate(iter(lambda: opened.readline(_LINE_LIMIT), b""), 1):
                    self.done = file.tell()
                    data = line.removeprefix(b"\xef\xbb\xbf").strip() if number == 1 else line.strip()
                    if data:
                        self._check_line(number, data)
                        yield Row(number, data)
            except (gzip.BadGzipFile, EOFError, zlib.error) as fault:
                raise self._fault(f"the file is damaged or cut: {fault}") from None

    def _check_line(self, number: int, data: bytes) -> None:
        if number == 1 and data.startswith(b"["):
            raise self._fault("is a list; write one object a line")
        if len(data) >= _LINE_LIMIT - 1:
            raise self._fault(f"line {number} has more than {_LINE_LIMIT} bytes; are these JSON lines?")

    # CSV and Parquet

    def _table(self) -> Iterator[Row]:
        settings = {"autoinstall_known_extensions": "false", "autoload_known_extensions": "false"}
        with duckdb.connect(config=settings) as db:  # type: ignore[arg-type]
            number = 0
            try:
                for batch in self._select(db).to_arrow_reader(_BATCH):
                    for record in batch.to_pylist():
                        number += 1
                        yield Row(number, _as_json(record))
                    self.done = number
                if self.format == "csv":
                    yield from self._rejected(db)
            except (duckdb.Error, UnicodeDecodeError) as fault:
                raise self._fault(f"row {number + 1} or after: {str(fault).splitlines()[0]}") from None

    def _select(self, db: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyRelation:
        path = str(self.path)
        if self.format == "parquet":
            self.size = db.execute("SELECT count(*) FROM read_parquet(?)", [path]).fetchall()[0][0]
            return db.sql("SELECT * FROM read_parquet(?)", params=[path])
        self.size = None
        options = "all_varchar = true, header = true, store_rejects = true, rejects_limit = 0, encoding = ?"
        given = [path, self._encoding]
        if self._delimiter:
            options += ", delim = ?"
            given.append(self._delimiter)
        return db.sql(f"SELECT * FROM read_csv(?, {options})", params=given)  # noqa: S608 - options are written above

    def _rejected(self, db: duckdb.DuckDBPyConnection) -> Iterator[Row]:
        """The lines that are no rows, after all that are."""
        query = """
            SELECT line, any_value(csv_line), string_agg(DISTINCT error_message, '; ') FROM reject_errors
            WHERE scan_id = (SELECT max(scan_id) FROM reject_scans) GROUP BY line ORDER BY line
        """
        for line, text, reason in db.execute(query).fetchall():
            yield Row(int(line), (text or "").encode(), reason or "is no row of this table")

    def _fault(self, message: str) -> InvalidInput:
        return InvalidInput(str(self.path), [Violation("", message)])


def format_of(path: Path) -> Format:
    """By the file's name; InvalidInput where that does not tell."""
    suffixes = [s for s in path.suffixes if s != ".gz"]
    found = SUFFIXES.get(suffixes[-1].lower()) if suffixes else None
    if found is None:
        known = " ".join(sorted(SUFFIXES))
        raise InvalidInput(str(path), [Violation("", f"is none of {known} (.gz too); say `format` in a mapping")])
    return found


def _as_json(record: dict[str, Any]) -> bytes:
    """A row's JSON; what is NULL is left out. Decimals and instants are text, as JSON has no other exact form."""
    return msgspec.json.encode({name: value for name, value in record.items() if value is not None})
