"""Answers as CSV: RFC 4180, https://www.rfc-editor.org/rfc/rfc4180."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from fastapi import Response
from fastapi.responses import StreamingResponse

CSV: Final[dict[str, Any]] = {"content": {"text/csv": {"schema": {"type": "string"}}}}
_ROWS: Final = 5_000  # of a chunk
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")  # what a spreadsheet would run


def as_csv(file: str, columns: Sequence[str], rows: Iterable[Sequence[Any]], response: Response) -> StreamingResponse:
    """A download of the rows below their columns' names, with the headers that `response` has already.

    Text that a spreadsheet would take for a formula gets an apostrophe before it (OWASP, "CSV injection").
    """
    safe = "".join(c if c.isascii() and (c.isalnum() or c in "._-") else "_" for c in file)
    headers = {**response.headers, "Content-Disposition": f'attachment; filename="{safe}"'}
    return StreamingResponse(_chunks(columns, rows), media_type="text/csv; charset=utf-8", headers=headers)


def _chunks(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> Iterator[str]:
    text = io.StringIO()
    write = csv.writer(text).writerow
    write(columns)
    for number, row in enumerate(rows, 1):
        write([_harmless(value) for value in row])
        if number % _ROWS == 0:
            yield text.getvalue()
            text.seek(0)
            text.truncate()
    yield text.getvalue()


def _harmless(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
