"""The delivery role: hands over what the fold has planned, and writes down what came of it."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing

from connectors.assignment import assignment
from connectors.log import Log
from connectors.open import open_log
from flows.content.library import Library
from flows.delivery.book import Book
from flows.delivery.desk import Fixed
from flows.delivery.office import LEASE_MS, Office
from flows.delivery.runner import GROUP
from flows.delivery.runner import deliver as deliver_all
from infra.link_key import base_url, link_key
from infra.settings import Settings
from schemas.errors import Fenced, LogUnavailable, TransientError
from schemas.facts import CHANNELS
from schemas.topics import SENDS
from sinks.ledger_store import LedgerStore
from sinks.providers.defined import Defined
from sinks.providers.http import TIMEOUT_S
from sinks.providers.kept import KeptFile
from sinks.providers.pump import pump
from sinks.providers.sandbox import Sandbox
from sinks.providers.secrets import PREFIX, URL_PREFIX, Secrets, environment

_STOP_POLL_S = 0.1


def role(settings: Settings, stop: threading.Event, worker: int = 0) -> None:
    """Run until `stop` is set; attempts under way are then brought to their end. One worker a partition of `sends`:
    on Kafka those that it is assigned, with its share of each account's limits.
    """
    log = open_log(settings)

    def work(partitions: Sequence[int], is_over: Callable[[], bool]) -> None:
        with asyncio.Runner(loop_factory=_new_loop) as runner:
            try:
                runner.run(deliver(settings, log, partitions, is_over))
            except BaseExceptionGroup as group:
                raise _first(group) from group

    try:
        assignment(settings, GROUP, SENDS, worker).run(work, stop.is_set)
    finally:
        log.close()


def _first(fault: BaseException) -> BaseException:
    """What went wrong, of what went wrong in the tasks of a group: being fenced before all that follows from it.

    Where the log went away under attempts, the process ends and starts anew: nothing of a producer's is left behind.
    """
    if isinstance(fault, LogUnavailable):
        return TransientError(f"attempts stay open: {fault}")
    if not isinstance(fault, BaseExceptionGroup):
        return fault
    if (fenced := fault.subgroup(Fenced)) is not None:
        fault = fenced
    return _first(fault.exceptions[0])


def _secrets(settings: Settings) -> Secrets:
    """The environment's and `.env`'s; SendGrid's key and address may be settings as well."""
    known = {f"{URL_PREFIX}SENDGRID": settings.sendgrid_url}
    if key := settings.sendgrid_key.get_secret_value():
        known[f"{PREFIX}SENDGRID"] = key
    return Secrets(known | environment())


def _new_loop() -> asyncio.AbstractEventLoop:
    """uvloop, which is quicker than asyncio's own loop."""
    if sys.platform == "win32":
        return asyncio.new_event_loop()
    import uvloop

    return uvloop.new_event_loop()


async def deliver(settings: Settings, log: Log, partitions: Sequence[int], is_over: Callable[[], bool]) -> None:
    """These partitions until `is_over()`, by the sandbox or by the providers that are defined."""
    with ExitStack() as stack:
        folder = settings.data / "ledger"
        ledgers = {p: stack.enter_context(closing(LedgerStore(folder / str(p)))) for p in partitions}
        is_ending = threading.Event()
        book = stack.enter_context(closing(Book(log, ledgers, is_ending)))
        book.catch_up()
        await _deliver(settings, log, book, is_over, is_ending)


async def _deliver(
    settings: Settings, log: Log, book: Book, is_over: Callable[[], bool], is_ending: threading.Event
) -> None:
    library, url = Library(), base_url(settings)
    sandbox = Sandbox(settings.data / "sandbox.db") if settings.provider == "sandbox" else None
    kept = KeptFile(settings.data / "providers.json")
    share = len(book.ledgers) / log.partitions(SENDS)
    defined = Defined(log, library, _secrets(settings), kept, url, settings.allow_private, share)
    providers = Fixed(dict.fromkeys(CHANNELS, sandbox)) if sandbox else defined
    office = Office(log, book, providers, url, link_key(settings), taken_ms=_taken_ms(settings), library=library)
    stopping = asyncio.Event()
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(deliver_all(office, list(book.ledgers), stopping))
            if sandbox:
                group.create_task(pump(log, sandbox, stopping))
            while not is_over():
                await asyncio.sleep(_STOP_POLL_S)
                await asyncio.to_thread(kept.save)
            is_ending.set()
            stopping.set()
    finally:
        await asyncio.to_thread(kept.save)
        await defined.close()
        if sandbox:
            await sandbox.close()


def _taken_ms(settings: Settings) -> int:
    """How long what another worker had begun may still be on its way; on one machine it has ended before."""
    if not settings.log:
        return 0
    return LEASE_MS + (0 if settings.provider == "sandbox" else round(TIMEOUT_S * 1_000))
