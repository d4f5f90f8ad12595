"""Delivery of one partition of `sends`: asyncio at the edge of the pure policy beside it.

    sends ──read──▶ lanes ──workers──▶ started (durable) ──▶ provider ──▶ outcome and its event, in one append

A send that waits for its next attempt holds no worker. Progress is the lowest send that is not settled; what lies
above it is told apart by the ledger, so a restart repeats nothing.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Final, Protocol

from connectors.dead_letters import entry_of, from_record
from connectors.fail_points import fail_point
from connectors.log import Log, Progress
from flows.content.library import Library
from flows.content.links import Links
from flows.content.template import RenderFailed, Template, render
from flows.delivery.attempts import Answer, End, LookUp, Step, Try, attempts
from flows.delivery.book import Book
from flows.delivery.origin import Origin, origin_of
from flows.delivery.outcomes import Status, end_entries, ledger_entry, refused_address
from flows.delivery.provider import Accepted, Message, Provider, Refused, Unknown
from flows.delivery.waiting import Lanes, Waiting
from schemas.errors import TransientError
from schemas.records import Entry, Record, Send, decode_send
from schemas.topics import SENDS

_LOG = logging.getLogger(__name__)
GROUP: Final = "delivery"
WINDOW: Final = 10_000  # open sends of a partition; beyond, the log keeps them
_BATCH: Final = 1_000
_POLL_S: Final = 0.02
_ERROR_PAUSE_S: Final = 0.5


def clock_ms() -> int:
    """The machine's clock."""
    return time.time_ns() // 1_000_000


class Providers(Protocol):
    """Who delivers each channel now; a mapping will do."""

    def get(self, channel: str) -> Provider | None:
        """The channel's provider; None where it has none."""
        ...


@dataclass(frozen=True)
class Office:
    """What the partitions of one process share. `providers` are by channel, `workers` for each partition."""

    log: Log
    book: Book
    providers: Providers
    base_url: str
    link_key: bytes
    workers: int = 16
    clock: Callable[[], int] = clock_ms
    library: Library = field(default_factory=Library)

    def template(self, send: Send) -> Template | None:
        """The version that the send was planned with; what was published since is read first where it is needed."""
        found = self.library.find(send.channel, send.template, send.template_version)
        if found is None and send.template_version:
            self.library.refresh(self.log.read)
            found = self.library.find(send.channel, send.template, send.template_version)
        return found


@dataclass
class Job:
    """A send on its way: `step` is what to do next."""

    offset: int
    send: Send
    origin: Origin
    steps: Generator[Step, Answer, End]
    step: Step
    number: int


class Runner:
    """Delivers one partition; the only one to do so."""

    def __init__(self, office: Office, partition: int):
        self.office, self.partition = office, partition
        self._waiting = Waiting(office.log.committed(GROUP, SENDS, partition))
        self._saved = self._waiting.next_offset
        self._lanes, self._jobs = Lanes(), dict[int, Job]()
        self._ready = asyncio.Semaphore(0)

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop`: then attempts under way are brought to their end, the others stay in log and ledger."""
        async with asyncio.TaskGroup() as group:  # a fault in one ends all: the process starts anew from log and ledger
            for _ in range(self.office.workers):
                group.create_task(self._work(stop))
            await self._read(stop)
            for _ in range(self.office.workers):
                self._ready.release()
        await self._save()

    async def _read(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            try:
                read = await self._take_batch() if len(self._waiting) < WINDOW else 0
                await self._save()
            except TransientError as fault:
                _LOG.error("partition %d of sends cannot be read: %s", self.partition, fault)
                await asyncio.sleep(_ERROR_PAUSE_S)
                continue
            if read < _BATCH:
                await asyncio.sleep(_POLL_S)

    async def _take_batch(self) -> int:
        log, start = self.office.log, self._waiting.next_offset
        records = await asyncio.to_thread(log.read, SENDS, self.partition, start, _BATCH)
        unreadable = [entry for record in records if (entry := self._open(record)) is not None]
        if unreadable:
            await self.office.book.write(unreadable)
        fail_point("delivery_read")
        return len(records)

    def _open(self, record: Record) -> Entry | None:
        """Put the send into its lane; a dead letter where it cannot be read, None otherwise."""
        try:
            send = decode_send(record.value)
        except ValueError as fault:  # msgspec's errors are ValueErrors
            self._waiting.passed(record.offset)
            return entry_of(from_record(SENDS, self.partition, record, str(fault)))
        standing = self.office.book.ledgers[self.partition].get(send.id)
        if standing.settled or send.id in self._waiting.ids:
            self._waiting.passed(record.offset)
            return None
        self._waiting.add(record.offset, send)
        steps = attempts(send.id, send.message_class == "marketing", standing, self.office.clock())
        self._schedule(Job(record.offset, send, origin_of(send, ""), steps, next(steps), standing.number))
        return None

    def _schedule(self, job: Job) -> None:
        after = job.step.after_ms if isinstance(job.step, Try) else 0
        self._jobs[job.offset] = job
        if after:
            asyncio.get_running_loop().call_later(after / 1000, self._enqueue, job)
        else:
            self._enqueue(job)

    def _enqueue(self, job: Job) -> None:
        self._lanes.put(job.offset, job.send)
        self._ready.release()

    async def _work(self, stop: asyncio.Event) -> None:
        while True:
            await self._ready.acquire()
            if stop.is_set():
                return
            job = self._jobs[self._lanes.take()]
            try:
                await self._do(job)
            except TransientError as fault:  # the log went away for good while stopping
                _LOG.error("send %s stays open: %s", job.send.id, fault)
                return

    async def _do(self, job: Job) -> None:
        provider = self.office.providers.get(job.send.channel)
        if provider is None:
            await self._end(job, "skipped", f"no provider for {job.send.channel}")
            return
        job.origin = origin_of(job.send, provider.name)
        match job.step:
            case LookUp():
                await self._answered(job, await provider.find(job.send.id))
            case Try(number=number):
                job.number = number
                message = self._message(job)
                if isinstance(message, str):
                    job.number = number - 1
                    await self._end(job, "skipped", message)
                    return
                await self._write(job, "started")
                fail_point("delivery_started")
                answer = await provider.send(message)
                fail_point("delivery_answered")
                await self._answered(job, answer)

    def _message(self, job: Job) -> Message | str:
        """The message, or why it is not to be handed over now."""
        send, office = job.send, self.office
        if send.expires and office.clock() >= send.expires:
            return "expired"
        if self._waiting.superseded(send):
            return "superseded"
        if send.channel == "webhook":
            return Message(job.origin, send.to, data={name: str(value) for name, value in send.data.items()})
        template = office.template(send)
        if template is None:
            return f"template: {send.template!r} has no version {send.template_version}"
        if template.message_class == "marketing" and send.message_class == "transactional":
            return f"template: {send.template!r} is marketing, the message transactional"
        links = None
        if send.channel == "email":
            links = Links(office.base_url, office.link_key, job.origin, f"{self.partition}:{job.offset}")
        try:
            rendered = render(template, send.data, send.locale, links)
        except RenderFailed as fault:
            return f"render: {fault}"
        marketing = links is not None and send.message_class == "marketing"
        return Message(
            job.origin,
            send.to,
            rendered.subject,
            rendered.html,
            rendered.text,
            links.unsubscribe_url if links and marketing else "",
            rendered.links,
            rendered.data,
        )

    async def _answered(self, job: Job, answer: Answer) -> None:
        """Tell the policy; do what it says next."""
        try:
            job.step = job.steps.send(answer)
        except StopIteration as ended:
            await self._ended(job, ended.value)
            return
        if isinstance(job.step, Try) and isinstance(answer, Refused):
            _LOG.error("%s refuses the account: %s", job.origin.provider, answer.reason)
        if isinstance(job.step, Try) and not isinstance(answer, Accepted):
            await self._write(job, "retry", getattr(answer, "reason", "not there"))
        self._schedule(job)

    async def _ended(self, job: Job, end: End) -> None:
        match end:
            case Accepted(provider_id=provider_id):
                await self._end(job, "accepted", provider_id=provider_id)
            case Refused(reason=reason, scope=scope):
                suppress = [refused_address(job.send, job.origin, self.office.clock())] if scope == "address" else []
                await self._end(job, "refused", reason, also=suppress)
            case Unknown(reason=reason):
                await self._end(job, "unknown", reason)

    async def _write(self, job: Job, status: Status, reason: str = "") -> None:
        now = self.office.clock()
        entry = ledger_entry(job.send, job.number, status, now, provider=job.origin.provider, reason=reason)
        await self.office.book.write([entry])

    async def _end(
        self, job: Job, status: Status, reason: str = "", provider_id: str = "", also: list[Entry] | None = None
    ) -> None:
        now = self.office.clock()
        entries = end_entries(job.send, job.origin, job.number, status, now, reason, provider_id)
        await self.office.book.write(entries + (also or []))
        fail_point("delivery_ended")
        del self._jobs[job.offset]
        self._waiting.settle(job.offset, job.send)

    async def _save(self) -> None:
        """Make progress durable where it has moved."""
        lowest = self._waiting.lowest
        if lowest != self._saved:
            await self.office.book.write([], Progress(GROUP, {(SENDS, self.partition): lowest}))
            self._saved = lowest
            fail_point("delivery_saved")
