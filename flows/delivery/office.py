"""What the partitions of one process share, and a send on its way."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from connectors.log import Log
from connectors.log_clock import wall_ms
from flows.content.library import Library
from flows.delivery.attempts import Answer, End, Step
from flows.delivery.book import Book
from flows.delivery.composer import Composer
from flows.delivery.desk import Providers, Route
from flows.delivery.origin import Origin
from schemas.records import Send

LEASE_MS: Final = 2_000  # for so long after the durable `started` was asked for a message may go out


@dataclass(frozen=True)
class Office:
    """What the partitions of one process share."""

    log: Log
    book: Book
    providers: Providers
    base_url: str
    link_key: bytes
    clock: Callable[[], int] = wall_ms
    taken_ms: int = 0  # for so long after its start what another worker had begun may still reach the provider
    library: Library = field(default_factory=Library)

    @cached_property
    def composer(self) -> Composer:
        """Makes messages of sends."""
        return Composer(self.log.read, self.library, self.base_url, self.link_key)


@dataclass
class Job:
    """A send on its way: `step` is what to do next, `failed` names the providers that failed it one after the other."""

    do: Callable[[Job, Route | None], Awaitable[None]]  # its partition's
    offset: int
    send: Send
    origin: Origin
    steps: Generator[Step, Answer, End]
    step: Step
    number: int
    provider: str  # which it was last given to
    failed: set[str] = field(default_factory=set)

    @property
    def domain(self) -> str:
        """The recipient's, of an email."""
        return self.send.to.rpartition("@")[2].lower()

    @property
    def urgent(self) -> bool:
        """Whether it goes before marketing."""
        return self.send.message_class == "transactional"
