"""Delivery of the partitions of `sends`: asyncio at the edge of the pure policies beside it.

    sends ──read──▶ desk ──workers──▶ started (durable) ──▶ provider ──▶ outcome and its event, in one append

One worker a partition, also where a worker was frozen while its partitions were given away. It can append nothing for
them when it wakes up; and a message goes out only within LEASE_MS of asking for the durable `started`, else the worker
has to ask again, and hears. Whoever has got a partition asks the provider about what it finds `started` only once no
such message can come any more. What is on the network when a worker freezes is beyond anybody's reach.

A send that waits for its next attempt holds no worker. Progress is the lowest send that is not settled; what lies
above it is told apart by the ledger, so a restart repeats nothing. Where more sends wait than are held in memory, those
further on are looked through for transactional ones, which go first always.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from connectors.dead_letters import entry_of, from_record
from connectors.fail_points import fail_point
from connectors.log import Log, Progress
from connectors.log_clock import boot_ms
from flows.content.library import Library
from flows.delivery.attempts import Answer, End, LookUp, Step, Try, attempts
from flows.delivery.book import Book
from flows.delivery.composer import Composer
from flows.delivery.desk import Desk, Providers, Route
from flows.delivery.ledger import Standing
from flows.delivery.origin import Origin, origin_of
from flows.delivery.outcomes import Status, end_entries, ledger_entry, refused_address
from flows.delivery.provider import Accepted, Found, Refused, Result, Unknown
from flows.delivery.waiting import Waiting
from schemas.errors import TransientError
from schemas.facts import CHANNELS
from schemas.records import Entry, Record, Send, decode_send
from schemas.topics import SENDS

_LOG = logging.getLogger(__name__)
GROUP: Final = "delivery"
WINDOW: Final = 10_000  # open sends of a partition; beyond, the log keeps them
_BATCH: Final = 1_000
_POLL_S: Final = 0.02
_ERROR_PAUSE_S: Final = 0.5
_FOLLOW_MS: Final = 500
LEASE_MS: Final = 2_000
_TRANSACTIONAL: Final = b'"transactional"'  # as it stands in the record of such a send


def clock_ms() -> int:
    """The machine's clock."""
    return time.time_ns() // 1_000_000


@dataclass(frozen=True)
class Office:
    """What the partitions of one process share. `workers` are the messages of a channel under way at once."""

    log: Log
    book: Book
    providers: Providers
    base_url: str
    link_key: bytes
    workers: int = 64
    clock: Callable[[], int] = clock_ms
    taken_ms: int = 0  # for so long after its start what another worker had begun may still reach the provider
    library: Library = field(default_factory=Library)

    @cached_property
    def composer(self) -> Composer:
        """Makes messages of sends."""
        return Composer(self.log.read, self.library, self.base_url, self.link_key)


@dataclass
class Job:
    """A send on its way: `step` is what to do next."""

    runner: Runner
    offset: int
    send: Send
    origin: Origin
    steps: Generator[Step, Answer, End]
    step: Step
    number: int
    provider: str  # which it was last given to

    @property
    def domain(self) -> str:
        """The recipient's, of an email."""
        return self.send.to.rpartition("@")[2].lower()


async def deliver(office: Office, partitions: Sequence[int], stop: asyncio.Event) -> None:
    """Deliver these partitions until `stop`: then attempts under way are brought to their end, the others stay in log
    and ledger. A fault in one ends all: the process starts anew from log and ledger.
    """
    desk: Desk[Job] = Desk(office.providers, office.clock, office.workers)
    runners = [Runner(office, desk, partition) for partition in partitions]
    async with asyncio.TaskGroup() as group:
        for runner in runners:
            group.create_task(runner.read(stop))
        for channel in CHANNELS:
            for _ in range(office.workers):
                group.create_task(desk.work(channel, _do))
        await stop.wait()
        desk.stop()
    for runner in runners:
        await runner.save()


async def _do(job: Job, route: Route | None) -> None:
    await job.runner.do(job, route)


class Runner:
    """Delivers one partition; the only one to do so."""

    def __init__(self, office: Office, desk: Desk[Job], partition: int):
        self.office, self.desk, self.partition = office, desk, partition
        self._waiting = Waiting(office.log.committed(GROUP, SENDS, partition))
        self._saved, self._followed = self._waiting.next_offset, 0
        self._scout = self._waiting.next_offset
        self._settled_at = boot_ms() + office.taken_ms  # look-ups wait for this

    async def read(self, stop: asyncio.Event) -> None:
        """Give the desk what is planned, until `stop`."""
        while not stop.is_set():
            try:
                read = await self._take_batch()
                await self.save()
                await self._follow()
            except TransientError as fault:
                _LOG.error("partition %d of sends cannot be read: %s", self.partition, fault)
                await asyncio.sleep(_ERROR_PAUSE_S)
                continue
            if read < _BATCH:
                await asyncio.sleep(_POLL_S)

    async def _take_batch(self) -> int:
        """Read on in order while there is room; else look further on for what is urgent."""
        in_order = len(self._waiting) < WINDOW
        if not in_order and self._waiting.ahead >= WINDOW:
            return 0
        self._scout = max(self._scout, self._waiting.next_offset)
        start = self._waiting.next_offset if in_order else self._scout
        records = await asyncio.to_thread(self.office.log.read, SENDS, self.partition, start, _BATCH)
        if in_order:
            unreadable = [entry for record in records if (entry := self._open(record)) is not None]
            if unreadable:
                await self.office.book.write(self.partition, unreadable)
        elif records:
            self._look_ahead(records)
        fail_point("delivery_read")
        return len(records)

    def _open(self, record: Record) -> Entry | None:
        """Begin with the send; a dead letter where it cannot be read, None otherwise."""
        try:
            send = decode_send(record.value)
        except ValueError as fault:  # msgspec's errors are ValueErrors
            self._waiting.passed(record.offset)
            return entry_of(from_record(SENDS, self.partition, record, str(fault)))
        if send.id in self._waiting.ids or (standing := self._standing(send)).settled:
            self._waiting.passed(record.offset)
            return None
        self._waiting.add(record.offset, send)
        self._begin(record.offset, send, standing)
        return None

    def _look_ahead(self, records: Sequence[Record]) -> None:
        """Begin with the transactional sends among them; the others are read again in their turn."""
        self._scout = records[-1].offset + 1
        for record in records:
            if _TRANSACTIONAL not in record.value:
                continue
            try:
                send = decode_send(record.value)
            except ValueError:  # told when it is read in its turn
                continue
            if send.message_class != "transactional" or send.id in self._waiting.ids:
                continue
            if not (standing := self._standing(send)).settled:
                self._waiting.add_ahead(record.offset, send)
                self._begin(record.offset, send, standing)

    def _standing(self, send: Send) -> Standing:
        return self.office.book.ledgers[self.partition].get(send.id)

    def _begin(self, offset: int, send: Send, standing: Standing) -> None:
        steps = attempts(send.id, send.message_class == "marketing", standing, self.office.clock())
        job = Job(self, offset, send, origin_of(send, ""), steps, next(steps), standing.number, standing.provider)
        self._schedule(job)

    def _schedule(self, job: Job) -> None:
        after = job.step.after_ms if isinstance(job.step, Try) else max(0, self._settled_at - boot_ms())
        self._put(job, after)

    def _put(self, job: Job, after_ms: int) -> None:
        place = (self.partition, job.offset)
        if after_ms:
            asyncio.get_running_loop().call_later(after_ms / 1000, self.desk.put, job.send, place, job)
        else:
            self.desk.put(job.send, place, job)

    async def do(self, job: Job, route: Route | None) -> None:
        """The job's next step, by the provider that has room for it."""
        result: Result | None = None
        try:
            result = await self._step(job, route)
        except TransientError as fault:  # the log went away for good while stopping
            _LOG.error("send %s stays open: %s", job.send.id, fault)
        finally:
            if route is not None:
                self.desk.done(route, result, job.domain)

    async def _step(self, job: Job, route: Route | None) -> Result | None:
        """What the provider said to a message, None where it was given none."""
        if job.number and self._standing(job.send).settled:  # a webhook has told meanwhile
            self._close(job)
        elif isinstance(job.step, LookUp):
            await self._answered(job, await self._find(job))
        elif route is None:
            await self._end(job, "skipped", f"no provider for {job.send.channel}")
        else:
            return await self._try(job, job.step, route)
        return None

    async def _find(self, job: Job) -> Found:
        provider = self.desk.find(job.send.channel, job.provider)
        if provider is None:
            return Unknown(f"there is no provider {job.provider!r} any more")
        return await provider.find(job.send.id)

    async def _try(self, job: Job, step: Try, route: Route) -> Result | None:
        urgent = job.send.message_class == "transactional"
        if wait := route.gate.wait_of_domain_ms(job.domain, self.office.clock(), urgent):
            self._put(job, wait)
            return None
        job.origin, job.provider = origin_of(job.send, route.provider.name), route.provider.name
        place, now = f"{self.partition}:{job.offset}", self.office.clock()
        superseded = self._waiting.superseded(job.send)
        message = "superseded" if superseded else self.office.composer.compose(job.send, job.origin, place, now)
        if isinstance(message, str):
            await self._end(job, "skipped", message)
            return None
        job.number = step.number
        answer = await route.send(message._replace(not_after=await self._start(job)))
        fail_point("delivery_answered")
        await self._answered(job, answer)
        return answer

    async def _start(self, job: Job) -> int:
        """The attempt is durable, and the partition was this worker's when that was asked for; until when it may go."""
        not_after = boot_ms() + LEASE_MS
        await self._write(job, "started")
        fail_point("delivery_started")
        return not_after

    async def _answered(self, job: Job, answer: Answer) -> None:
        """Tell the policy; do what it says next."""
        try:
            job.step = job.steps.send(answer)
        except StopIteration as ended:
            await self._ended(job, ended.value)
            return
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
        await self.office.book.write(self.partition, [entry])

    async def _end(
        self, job: Job, status: Status, reason: str = "", provider_id: str = "", also: list[Entry] | None = None
    ) -> None:
        now = self.office.clock()
        entries = end_entries(job.send, job.origin, job.number, status, now, reason, provider_id)
        await self.office.book.write(self.partition, entries + (also or []))
        fail_point("delivery_ended")
        self._close(job)

    def _close(self, job: Job) -> None:
        self._waiting.settle(job.offset, job.send)

    async def _follow(self) -> None:
        """Let the ledger take what webhooks told."""
        now = self.office.clock()
        if abs(now - self._followed) >= _FOLLOW_MS:
            self._followed = now
            await self.office.book.follow()

    async def save(self) -> None:
        """Make progress durable where it has moved."""
        lowest = self._waiting.lowest
        if lowest != self._saved:
            await self.office.book.write(self.partition, [], Progress(GROUP, {(SENDS, self.partition): lowest}))
            self._saved = lowest
            fail_point("delivery_saved")
