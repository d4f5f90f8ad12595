"""The delivery role: hands over what the fold has planned, and writes down what came of it."""

from __future__ import annotations

import asyncio
import threading

from connectors.log import Log
from connectors.open import open_log
from flows.content.library import Library
from flows.definitions.catalogue import Published
from flows.delivery.book import Book
from flows.delivery.provider import Provider
from flows.delivery.runner import Office, Providers, Runner
from infra.link_key import base_url, link_key
from infra.settings import Settings
from schemas.definitions import parse
from schemas.definitions.provider import Provider as Definition
from schemas.topics import SENDS
from sinks.ledger_store import LedgerStore
from sinks.providers.pump import pump
from sinks.providers.sandbox import Sandbox
from sinks.providers.sendgrid import SendGrid

_STOP_POLL_S = 0.1
CHANNELS = ("email", "sms", "push", "webhook")


def role(settings: Settings, stop: threading.Event) -> None:
    """Run until `stop` is set; attempts under way are then brought to their end."""
    log = open_log(settings)
    try:
        asyncio.run(deliver(settings, log, stop))
    finally:
        log.close()


async def deliver(settings: Settings, log: Log, stop: threading.Event) -> None:
    """All partitions, by the sandbox or by the providers that are defined."""
    partitions = range(log.partitions(SENDS))
    ledgers = {p: LedgerStore(settings.data / "ledger" / str(p)) for p in partitions}
    book = Book(log, ledgers, stop)
    book.catch_up()
    library = Library()
    sandbox = Sandbox(settings.data / "sandbox.db") if settings.provider == "sandbox" else None
    defined = Defined(settings, log, library)
    providers = dict.fromkeys(CHANNELS, sandbox) if sandbox else defined
    office = Office(log, book, providers, base_url(settings), link_key(settings), library=library)
    stopping = asyncio.Event()
    try:
        async with asyncio.TaskGroup() as group:
            for partition in partitions:
                group.create_task(Runner(office, partition).run(stopping))
            if sandbox:
                group.create_task(pump(log, sandbox, stopping))
            while not stop.is_set():
                await asyncio.sleep(_STOP_POLL_S)
            stopping.set()
    finally:
        await defined.close()
        if sandbox:
            await sandbox.close()
        book.close()
        for ledger in ledgers.values():
            ledger.close()


class Defined(Providers):
    """The `provider` definitions, each with the account that the settings hold; made when first asked for."""

    def __init__(self, settings: Settings, log: Log, library: Library):
        self._settings, self._log, self._library = settings, log, library
        self._made: dict[tuple[str, int], Provider] = {}

    def get(self, channel: str) -> Provider | None:
        """The first provider of the channel, by id, of those defined now."""
        self._library.refresh(self._log.read)
        for published in self._library.catalogue.active(1 << 62).of("provider"):
            if published.body.get("channel", "email") == channel:
                key = (published.id, published.version)
                if key not in self._made:
                    self._made[key] = self._make(published)
                return self._made[key]
        return None

    def _make(self, published: Published) -> Provider:
        definition = parse(published.body)
        assert isinstance(definition, Definition)
        key = self._settings.sendgrid_key.get_secret_value()
        return SendGrid(definition, key, self._settings.sendgrid_url)

    async def close(self) -> None:
        """Close every account's connections."""
        for provider in self._made.values():
            await provider.close()
