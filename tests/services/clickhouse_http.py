"""A server that speaks ClickHouse's HTTP over the engine in its process, for tests.

    python -m tests.services.clickhouse_http FOLDER PORT [PASSWORD]

It prints its port and serves until its standard input ends. https://clickhouse.com/docs/interfaces/http: the statement
is the parameter `query` and the body, `param_x` are its values, `database` is one and every other parameter a setting;
an error has its code in a header. What it leaves out: compression, sessions, quotas, external tables, progress.
"""

from __future__ import annotations

import hmac
import json
import os
import re
import subprocess
import sys
import threading
from base64 import b64decode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar, Final
from urllib.parse import parse_qsl, urlsplit

from tests.conftest import ROOT

USER: Final = "waxwing"
UNAUTHENTICATED: Final = 516
_STATUS: Final = {UNAUTHENTICATED: 403, 60: 404, 81: 404, 47: 404, 62: 400, 115: 400}  # else 500
# Parameters that are the transport's, not the engine's.
_TRANSPORT: Final = {"query", "database", "query_id", "session_id", "default_format", "wait_end_of_query"}
_TRANSPORT |= {"client_protocol_version", "enable_http_compression", "send_progress_in_http_headers"}
_TRANSPORT |= {"http_headers_progress_interval_ms", "cancel_http_readonly_queries_on_client_close"}
_FORMAT: Final = re.compile(rb"\bFORMAT\s+(\w+)\s*;?\s*$", re.IGNORECASE)
_NAME: Final = re.compile(r"\w+")


class Refused(Exception):
    """What ClickHouse answers with an exception."""

    def __init__(self, code: int, text: str):
        super().__init__(text)
        self.code = code


class Handle:
    """One connection to the engine, for one HTTP connection."""

    def __init__(self, folder: Path):
        import chdb

        self._connection = chdb.connect(str(folder))

    def run(self, sql: bytes, form: str, parameters: Mapping[str, str], settings: Mapping[str, str]) -> Any:
        """Run the statement with its settings, which hold for it alone. Refused as the engine says."""
        try:
            for name, value in settings.items():
                self._set(name, "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'")
            return self._connection.query(sql, form, params=dict(parameters))
        except RuntimeError as fault:
            text = str(fault)[max(0, str(fault).find("Code: ")) :]
            code = re.match(r"Code: (\d+)", text)
            raise Refused(int(code[1]) if code else 1002, text) from None
        finally:
            for name in settings:
                self._set(name, "DEFAULT")

    def use(self, database: str) -> None:
        """Go on in this database."""
        self.run(f"USE `{database.replace('`', '')}`".encode(), "TabSeparated", {}, {})

    def _set(self, name: str, value: str) -> None:
        if not _NAME.fullmatch(name):
            raise Refused(115, f"Code: 115. DB::Exception: Unknown setting '{name}'. (UNKNOWN_SETTING)")
        self._connection.query(f"SET {name} = {value}", "TabSeparated")

    def close(self) -> None:
        self._connection.close()


class Handler(BaseHTTPRequestHandler):
    """One HTTP connection, on a thread of its own."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    folder: ClassVar[Path]
    password: ClassVar[str] = ""

    def setup(self) -> None:
        super().setup()
        self._handle = Handle(self.folder)

    def finish(self) -> None:
        super().finish()
        self._handle.close()

    def do_GET(self) -> None:
        if urlsplit(self.path).path == "/ping":
            self._answer(200, b"Ok.\n", {})
        else:
            self.do_POST()

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        given = dict(parse_qsl(urlsplit(self.path).query, keep_blank_values=True))
        try:
            self._check()
            self._answer(200, *self._run(given, body))
        except Refused as refused:
            headers = {"X-ClickHouse-Exception-Code": str(refused.code)}
            self._answer(_STATUS.get(refused.code, 500), str(refused).encode(), headers)

    def _run(self, given: dict[str, str], body: bytes) -> tuple[bytes, dict[str, str]]:
        if self.headers.get("Content-Encoding", "identity") != "identity":
            raise Refused(48, "Code: 48. DB::Exception: compressed bodies are not read here. (NOT_IMPLEMENTED)")
        query = given.get("query", "").encode()
        sql = query + b"\n" + body if query and body else query or body
        if database := given.get("database"):
            self._handle.use(database)
        parameters = {name[6:]: value for name, value in given.items() if name.startswith("param_")}
        settings = {n: v for n, v in given.items() if n not in _TRANSPORT and not n.startswith("param_")}
        form = given.get("default_format", "TabSeparated")
        done = self._handle.run(sql, form, parameters, settings)
        summary = {"read_rows": str(done.rows_read()), "read_bytes": str(done.bytes_read())}
        headers = {"X-ClickHouse-Summary": json.dumps(summary), "X-ClickHouse-Query-Id": given.get("query_id", "")}
        found: bytes = done.bytes() or b""
        if found:
            named = _FORMAT.search(sql)
            headers["X-ClickHouse-Format"] = named[1].decode() if named else form
        return found, headers

    def _check(self) -> None:
        if not self.password:
            return
        kind, _, token = self.headers.get("Authorization", "").partition(" ")
        said = b64decode(token) if kind == "Basic" else b""
        if not hmac.compare_digest(said, f"{USER}:{self.password}".encode()):
            text = f"Code: {UNAUTHENTICATED}. DB::Exception: Authentication failed. (AUTHENTICATION_FAILED)"
            raise Refused(UNAUTHENTICATED, text)

    def _answer(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "X-ClickHouse-Timezone": "UTC", "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: clients are told what goes wrong."""


class Server(ThreadingHTTPServer):
    """Its threads end with the process."""

    daemon_threads = True
    request_queue_size = 64


@contextmanager
def running(folder: Path, password: str = "", port: int = 0) -> Iterator[str]:
    """The address of a server in a process of its own, which ends with the context."""
    command = [sys.executable, "-m", "tests.services.clickhouse_http", str(folder), str(port), password]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            bound = int(process.stdout.readline())
            yield f"http://{USER}:{password}@127.0.0.1:{bound}/default"
        finally:
            process.stdin.close()


def main(folder: str, port: str, password: str = "") -> None:
    """Serve until standard input ends."""
    Handler.folder, Handler.password = Path(folder), password
    server = Server(("127.0.0.1", int(port)), Handler)
    Handle(Handler.folder).run(b"SELECT 1", "Null", {}, {})  # loaded before anybody calls
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.server_address[1], flush=True)
    sys.stdin.read()
    os._exit(0)  # what was answered is on the disk; chDB's own end is not quiet while handles are open


if __name__ == "__main__":
    main(*sys.argv[1:])
