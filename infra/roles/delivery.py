"""The delivery role: hands over what the fold has planned, and writes down what came of it."""

from __future__ import annotations

import asyncio
import os
import sys
import threading

from connectors.log import Log
from connectors.open import open_log
from flows.content.library import Library
from flows.delivery.book import Book
from flows.delivery.desk import Fixed
from flows.delivery.runner import Office
from flows.delivery.runner import deliver as deliver_all
from infra.link_key import base_url, link_key
from infra.settings import Settings
from schemas.facts import CHANNELS
from schemas.topics import SENDS
from sinks.ledger_store import LedgerStore
from sinks.providers.defined import Defined
from sinks.providers.kept import KeptFile
from sinks.providers.pump import pump
from sinks.providers.sandbox import Sandbox
from sinks.providers.secrets import PREFIX, URL_PREFIX, Secrets

_STOP_POLL_S = 0.1


def role(settings: Settings, stop: threading.Event) -> None:
    """Run until `stop` is set; attempts under way are then brought to their end."""
    log = open_log(settings)
    try:
        with asyncio.Runner(loop_factory=_new_loop) as runner:
            runner.run(deliver(settings, log, stop))
    finally:
        log.close()


def _secrets(settings: Settings) -> Secrets:
    """The environment's; SendGrid's key and address may be settings as well."""
    known = {f"{URL_PREFIX}SENDGRID": settings.sendgrid_url}
    if key := settings.sendgrid_key.get_secret_value():
        known[f"{PREFIX}SENDGRID"] = key
    return Secrets(known | dict(os.environ))


def _new_loop() -> asyncio.AbstractEventLoop:
    """uvloop, which is quicker than asyncio's own loop."""
    if sys.platform == "win32":
        return asyncio.new_event_loop()
    import uvloop

    return uvloop.new_event_loop()


async def deliver(settings: Settings, log: Log, stop: threading.Event) -> None:
    """All partitions, by the sandbox or by the providers that are defined."""
    partitions = range(log.partitions(SENDS))
    ledgers = {p: LedgerStore(settings.data / "ledger" / str(p)) for p in partitions}
    book = Book(log, ledgers, stop)
    book.catch_up()
    library, url = Library(), base_url(settings)
    sandbox = Sandbox(settings.data / "sandbox.db") if settings.provider == "sandbox" else None
    kept = KeptFile(settings.data / "providers.json")
    defined = Defined(log, library, _secrets(settings), kept, url, settings.allow_private)
    providers = Fixed(dict.fromkeys(CHANNELS, sandbox)) if sandbox else defined
    office = Office(log, book, providers, url, link_key(settings), library=library)
    stopping = asyncio.Event()
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(deliver_all(office, partitions, stopping))
            if sandbox:
                group.create_task(pump(log, sandbox, stopping))
            while not stop.is_set():
                await asyncio.sleep(_STOP_POLL_S)
                await asyncio.to_thread(kept.save)
            stopping.set()
    finally:
        await asyncio.to_thread(kept.save)
        await defined.close()
        if sandbox:
            await sandbox.close()
        book.close()
        for ledger in ledgers.values():
            ledger.close()
