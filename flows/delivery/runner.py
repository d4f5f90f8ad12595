"""Delivery of the partitions of `sends`: asyncio at the edge of the pure policies beside it.

    sends ──read──▶ desk ──room──▶ started (durable) ──▶ provider ──▶ outcome and its event, in one append

One worker a partition, also where a worker was frozen while its partitions were given away. It can append nothing for
them when it wakes up; and a message goes out only within LEASE_MS of asking for the durable `started`, else the worker
has to ask again, and hears. Whoever has got a partition asks the provider about what it finds `started` only once no
such message can come any more. What is on the network when a worker freezes is beyond anybody's reach.

A send that waits for its next attempt takes no room. Progress is the lowest send that is not settled; what lies
above it is told apart by the ledger, so a restart repeats nothing. Where more sends wait than are held in memory, those
further on are looked through for transactional ones, which go first always.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

from connectors.dead_letters import entry_of, from_record
from connectors.fail_points import fail_point
from connectors.log import Progress
from flows.delivery.attempts import attempts
from flows.delivery.desk import Desk, Route
from flows.delivery.fallback import by_channel
from flows.delivery.handover import Handover
from flows.delivery.ledger import Standing
from flows.delivery.office import Job, Office
from flows.delivery.origin import origin_of
from flows.delivery.recalls import Recalls
from flows.delivery.waiting import Waiting
from schemas.errors import TransientError
from schemas.facts import CHANNELS
from schemas.records import Entry, Record, Send, decode_send
from schemas.topics import SENDS

GROUP: Final = "delivery"
WINDOW: Final = 10_000  # open sends of a partition; beyond, the log keeps them
_BATCH: Final = 1_000
_POLL_S: Final = 0.02
_ERROR_PAUSE_S: Final = 0.5
_FOLLOW_MS: Final = 500
_TRANSACTIONAL: Final = b'"transactional"'  # as it stands in the record of such a send
_RECALL: Final = b'"recall":'


async def deliver(office: Office, partitions: Sequence[int], stop: asyncio.Event) -> None:
    """Deliver these partitions until `stop`: then attempts under way are brought to their end, the others stay in log
    and ledger. A fault in one ends all: the process starts anew from log and ledger.
    """
    desk: Desk[Job] = Desk(office.providers, office.clock)
    runners = [Runner(office, desk, partition) for partition in partitions]
    async with asyncio.TaskGroup() as group:
        for runner in runners:
            group.create_task(runner.read(stop))
        for channel in CHANNELS:
            group.create_task(desk.hand_out(channel, _do))
        await stop.wait()
        desk.stop()
    for runner in runners:
        await runner.save()


async def _do(job: Job, route: Route | None) -> None:
    await job.do(job, route)


class Runner:
    """Delivers one partition; the only one to do so."""

    def __init__(self, office: Office, desk: Desk[Job], partition: int):
        self.office, self.desk, self.partition = office, desk, partition
        self._waiting = Waiting(office.log.committed(GROUP, SENDS, partition))
        self._saved, self._followed = self._waiting.next_offset, 0
        self._scout = self._waiting.next_offset
        self._recalls = Recalls()
        self._handover = Handover(office, desk, partition, self._waiting, self._recalls)

    async def read(self, stop: asyncio.Event) -> None:
        """Give the desk what is planned, until `stop`."""
        while not stop.is_set():
            try:
                read = await self._take_batch()
                await self.save()
                await self._follow()
                self.office.book.outage.worked()
            except TransientError as fault:
                self.office.book.outage.failed(f"partition {self.partition} of {SENDS}: {fault}")
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
        if send.recall:
            self._recalls.note(record.offset, send)
            self._waiting.passed(record.offset)
            return None
        if send.id in self._waiting.ids or (standing := self._standing(send)).settled:
            self._waiting.passed(record.offset)
            return None
        self._waiting.add(record.offset, send)
        self._begin(record.offset, send, standing)
        return None

    def _look_ahead(self, records: Sequence[Record]) -> None:
        """Begin with the transactional sends among them, and hear recalls; all are read again in their turn."""
        self._scout = records[-1].offset + 1
        for record in records:
            if _TRANSACTIONAL not in record.value and _RECALL not in record.value:
                continue
            try:
                send = decode_send(record.value)
            except ValueError:  # told when it is read in its turn
                continue
            if send.recall:
                self._recalls.note(record.offset, send)
                continue
            if send.message_class != "transactional" or send.id in self._waiting.ids:
                continue
            if not (standing := self._standing(send)).settled:
                self._waiting.add_ahead(record.offset, send)
                self._begin(record.offset, send, standing)

    def _standing(self, send: Send) -> Standing:
        return self.office.book.ledgers[self.partition].get(send.id)

    def _begin(self, offset: int, send: Send, standing: Standing) -> None:
        if standing.channel not in ("", send.channel):  # it had fallen back when the process ended
            send = by_channel(send, standing.channel)
        steps = attempts(send.id, send.message_class == "marketing", standing, self.office.clock())
        origin, provider = origin_of(send, ""), standing.provider
        job = Job(self._handover.do, offset, send, origin, steps, next(steps), standing.number, provider)
        self._handover.schedule(job)

    async def _follow(self) -> None:
        """Let the ledger take what webhooks told."""
        now = self.office.clock()
        if abs(now - self._followed) >= _FOLLOW_MS:
            self._followed = now
            await self.office.book.follow()
            fail_point("delivery_followed")

    async def save(self) -> None:
        """Make progress durable where it has moved."""
        lowest = self._waiting.lowest
        self._recalls.forget(lowest)
        if lowest != self._saved:
            await self.office.book.write(self.partition, [], Progress(GROUP, {(SENDS, self.partition): lowest}))
            self._saved = lowest
            fail_point("delivery_saved")
