"""The api role: the HTTP edge, in the process that also holds ClickHouse where that is embedded."""

from __future__ import annotations

import asyncio
import gc
import socket
import sys
import threading
from contextlib import closing
from typing import Final

import uvicorn
import uvloop
from fastapi import FastAPI

from api.app import Deps, create_app
from api.reads import Reads
from connectors.log import Log
from connectors.open import open_log
from infra.collectors import LogCollector
from infra.commands.topics import groups_of
from infra.metrics import registered
from infra.settings import Settings
from schemas.errors import InvalidInput, Violation
from sinks.clickhouse import connect

_DRAIN_S = 5  # what a request that is under way gets when the role is told to stop
_IDLE_S: Final = 75  # a connection is kept for longer than clients keep theirs, so that none sends into a closing one
_SWITCH_S: Final = 0.000_5  # a thread that commits takes the interpreter back as soon as this; by default it waits 5 ms


def listen(settings: Settings) -> socket.socket:
    """The socket to serve on, bound already: a port that is taken is an error now, and port 0 has become one."""
    try:
        family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
        listener = socket.create_server((settings.host, settings.port), family=family, backlog=1024)
    except OSError as fault:
        where = f"cannot listen on {settings.host} port {settings.port}: {fault.strerror or fault}"
        raise InvalidInput("settings", [Violation("port", f"{where}; set WAXWING_PORT, 0 takes a free one")]) from fault
    listener.setsockopt(
        socket.IPPROTO_TCP, socket.TCP_NODELAY, 1
    )  # else an answer may wait for the acknowledgement of the last one
    return listener


def address(listener: socket.socket) -> str:
    """Where the API answers, as a person would open it."""
    host, port = listener.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - said, not bound
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def role(settings: Settings, stop: threading.Event) -> None:
    """Listen where the settings say once the log is open, print the address, serve until `stop` is set."""
    with closing(open_log(settings)) as log, listen(settings) as listener:
        print(f"Waxwing's API: {address(listener)}", flush=True)
        _run(settings, stop, listener, log)


def serve(settings: Settings, stop: threading.Event, listener: socket.socket) -> None:
    """Serve on the socket until `stop` is set; requests under way are finished first."""
    with closing(open_log(settings)) as log:
        _run(settings, stop, listener, log)


def _run(settings: Settings, stop: threading.Event, listener: socket.socket, log: Log) -> None:
    with closing(Reads(connect(settings), log)) as reads:
        app = create_app(Deps(settings=settings, log=log, reads=reads))
        with registered(LogCollector(log, lambda: groups_of(log, settings))):
            serve_app(app, stop, listener)


def serve_app(app: FastAPI, stop: threading.Event, listener: socket.socket) -> None:
    """Serve the app on the socket until `stop` is set, tuned for short waits."""
    config = uvicorn.Config(
        app,
        http="httptools",
        log_level="warning",
        timeout_keep_alive=_IDLE_S,
        timeout_graceful_shutdown=_DRAIN_S,
    )
    sys.setswitchinterval(_SWITCH_S)
    gc.collect()
    gc.freeze()  # what is there now stays: a collection that walked all of it would hold every request up
    uvloop.run(_serve(uvicorn.Server(config), listener, stop))


async def _serve(server: uvicorn.Server, listener: socket.socket, stop: threading.Event) -> None:
    async def end() -> None:
        while not stop.is_set():  # polled, so that no thread outlives the server
            await asyncio.sleep(0.1)
        server.should_exit = True

    ending = asyncio.create_task(end())
    try:
        await server.serve(sockets=[listener])
    finally:
        ending.cancel()
