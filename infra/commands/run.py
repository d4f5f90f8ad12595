"""`waxwing run`: everything on this machine, or one role; with the demonstration's bank as the feed where asked."""

from __future__ import annotations

import json
import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from pathlib import Path
from typing import IO, Annotated, Any, Final

import httpx
import typer
from rich.console import Console
from rich.live import Live

from connectors.documents import files_of, read_documents
from connectors.open import open_log
from connectors.publish import CatalogueReader, publish
from infra.roles import api
from infra.roles.__main__ import NAMES, find, set_up_logging, work
from infra.settings import Settings
from infra.supervise import STDERR, Supervisor, groups_of, owned
from schemas.errors import InvalidInput, LogDamaged, TransientError, Violation
from schemas.times import parse_duration

READY_S: Final = 60.0  # the API must answer within
WATCH_S: Final = 0.2
DRAW_S: Final = 1.0
FAILED: Final = 3
SAMPLES: Final = Path(__file__).parents[1] / "samples" / "demo"
_LOG: Final = logging.getLogger("waxwing")


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command()
    def run(
        demo: Annotated[
            bool, typer.Option("--demo", help="feed it a bank: people, accounts, deals, web visits")
        ] = False,
        for_: Annotated[str, typer.Option("--for", help="end by itself after a duration such as 60s")] = "",
        role: Annotated[list[str] | None, typer.Option(help=f"only this role, of {', '.join(NAMES)}")] = None,
    ) -> None:
        """Run everything, until Ctrl-C; or one role; --for ends by itself and prints a JSON summary."""
        if demo:  # a minute has few examples
            os.environ.setdefault("WAXWING_MODEL_EVERY", "100")
        settings, seconds = Settings(), _seconds(for_)
        set_up_logging()
        with _told_to_stop() as stop:
            if role:
                code = _run_roles(settings, role, seconds, stop)
            else:
                code = _run_all(settings, demo, seconds, stop)
        raise typer.Exit(code)


def _seconds(duration: str) -> float | None:
    try:
        return parse_duration(duration) / 1000 if duration else None
    except ValueError as fault:
        raise InvalidInput("run", [Violation("--for", str(fault))]) from None


@contextmanager
def _told_to_stop() -> Iterator[threading.Event]:
    """An event that Ctrl-C and SIGTERM set; a second one interrupts as usual."""
    stop = threading.Event()

    def tell(number: int, frame: object) -> None:
        stop.set()
        signal.signal(number, before[signal.Signals(number)])

    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.signal(number, tell) for number in numbers}
    try:
        yield stop
    finally:
        for number in numbers:
            signal.signal(number, before[signal.Signals(number)])


def _run_roles(settings: Settings, names: list[str], seconds: float | None, stop: threading.Event) -> int:
    """The named roles in this process: how a distributed installation runs each."""
    roles = {name: find(name) for name in names}
    if seconds is not None:
        timer = threading.Timer(seconds, stop.set)
        timer.daemon = True
        timer.start()
    faults = work(settings, roles, stop)
    if bad := [fault for fault in faults if isinstance(fault, InvalidInput | LogDamaged)]:
        raise bad[0]
    return FAILED if faults else 0


def _run_all(settings: Settings, demo: bool, seconds: float | None, stop: threading.Event) -> int:
    """Every role in its process; then the summary, where the end was set from the start."""
    with ExitStack() as stack:
        console = Console(stderr=True)
        lock = stack.enter_context(owned(settings.data))
        listener = stack.enter_context(api.listen(settings))
        output: IO[bytes] | int = STDERR
        if console.is_terminal:  # the table needs the terminal for itself
            output = stack.enter_context((settings.data / "run.log").open("ab"))
        address = api.address(listener)
        links = {} if settings.base_url else {"WAXWING_BASE_URL": address}  # the port may have been chosen just now
        groups = groups_of(min(settings.workers, settings.partitions))
        supervisor = Supervisor(lock, listener, groups, output, links, settings.metrics_port)
        console.print(f"Waxwing: {address}/docs", highlight=False)
        supervisor.start()
        stack.callback(supervisor.stop)  # also where something below fails
        client = stack.enter_context(_client(settings, address))
        _until_ready(supervisor, client, stop)
        watch = _Watch(supervisor, client, stop, None if seconds is None else time.monotonic() + seconds)
        with _demo(settings, address) if demo else nullcontext():
            if console.is_terminal:
                watch.with_table(console, address)
            else:
                watch.plainly()
        summary = None if seconds is None else _summary(client)
        ended_well = supervisor.stop()
    if summary is not None:
        print(json.dumps(summary), flush=True)
    return 0 if ended_well else FAILED


def _client(settings: Settings, address: str) -> httpx.Client:
    key = settings.admin_key.get_secret_value()
    headers = {"authorization": f"Bearer {key}"} if key else {}
    return httpx.Client(base_url=address, headers=headers, timeout=10, trust_env=False)


def _until_ready(supervisor: Supervisor, client: httpx.Client, stop: threading.Event) -> None:
    """Wait until the API answers; TransientError when it does not in time."""
    deadline = time.monotonic() + READY_S
    while not stop.is_set():
        supervisor.watch()
        try:
            if client.get("/health", timeout=1).is_success:
                return
        except httpx.HTTPError:
            if time.monotonic() > deadline:
                raise TransientError(f"the API did not answer within {READY_S:g} s; see what it said above") from None
        stop.wait(WATCH_S)


def _summary(client: httpx.Client) -> dict[str, Any]:
    found: dict[str, Any] = client.get("/v1/summary").raise_for_status().json()
    return found


@contextmanager
def _demo(settings: Settings, address: str) -> Iterator[None]:
    """The samples published, and the bank feeding, until left."""
    from infra.demo import feed
    from infra.demo.bank import Bank

    log, stop = open_log(settings), threading.Event()
    publish(CatalogueReader(log), _samples(), by="demo")
    key = settings.write_key.get_secret_value()
    thread = threading.Thread(target=feed.run, args=(log, address, key, Bank(), stop), name="feed")
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
        log.close()


def _samples() -> list[dict[str, Any]]:
    """The demonstration's definitions."""
    read = [read_documents(path) for path in files_of(SAMPLES)]
    if faults := [fault for _, wrong in read for fault in wrong]:
        raise InvalidInput("demo", faults)
    return [document.body for documents, _ in read for document in documents]


class _Watch:
    """Looks after the processes until the end is due or somebody says stop."""

    def __init__(self, supervisor: Supervisor, client: httpx.Client, stop: threading.Event, end: float | None):
        self._supervisor, self._client, self._stop, self._end = supervisor, client, stop, end

    def plainly(self, every: Callable[[], None] = lambda: None) -> None:
        """Watch; call `every` each time round."""
        while not self._stop.wait(WATCH_S) and (self._end is None or time.monotonic() < self._end):
            self._supervisor.watch()
            every()

    def with_table(self, console: Console, address: str) -> None:
        """Watch, with the live table of the summary."""
        from infra.demo.table import draw

        last = {"at": time.monotonic(), "events": 0.0}
        with Live(console=console, auto_refresh=False) as live:

            def redraw() -> None:
                now = time.monotonic()
                if now - last["at"] < DRAW_S:
                    return
                try:
                    summary = _summary(self._client)
                except httpx.HTTPError as fault:
                    _LOG.debug("no summary now: %s", fault)  # the picture stays as it was
                    return
                rate = (summary["events"] - last["events"]) / (now - last["at"])
                last.update(at=now, events=summary["events"])
                live.update(draw(summary, rate, address), refresh=True)

            self.plainly(redraw)
