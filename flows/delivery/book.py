"""Writing what delivery does: the log first, durably and together; then the ledgers that are folds of it.

It goes by a claim on the partitions of `sends`, taken before their ledgers are read: who worked on one before can write
nothing for it any more, and so begin no attempt.
"""

from __future__ import annotations

import logging
import threading
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from prometheus_client import Counter

from connectors.fail_points import fail_point
from connectors.log import Appended, Log, Progress
from connectors.outage import Outage
from flows.delivery.ledger import settled_by_word
from flows.delivery.outcomes import sent_entry
from flows.delivery.together import Together
from schemas.errors import TransientError
from schemas.records import Attempt, Entry, decode_attempt
from schemas.topics import ATTEMPTS
from sinks.ledger_store import LedgerStore

_LOG = logging.getLogger(__name__)
_ATTEMPTS = Counter("waxwing_delivery_attempts", "Records of the ledger", ["status", "channel", "provider"])
_PAUSE_S = 0.5
_ROLE: Final = "delivery"


class _Page(NamedTuple):
    partition: int
    entries: Sequence[Entry]
    progress: Progress | None = None
    follow: bool = False


class Book:
    """Appends of all partitions of a process share commits. While the log is away writers wait, unless `closing`.

    Fenced where another process has claimed a partition since.
    """

    def __init__(self, log: Log, ledgers: Mapping[int, LedgerStore], closing: threading.Event):
        self._log, self.ledgers, self._closing = log, ledgers, closing
        self.outage = Outage(_LOG, "delivery's log")
        self._claim = log.claim(_ROLE, list(ledgers))
        self._together: Together[_Page, None] = Together(self._write, "delivery-log")

    def catch_up(self) -> None:
        """Fold what was appended after the ledgers were last told: what a crash leaves behind."""
        for partition, ledger in self.ledgers.items():
            ledger.check(self._log.end(ATTEMPTS, partition))
            self._follow(partition)

    async def follow(self) -> None:
        """Fold what others wrote meanwhile: webhooks that settle what was unknown."""
        await self._together.do(_Page(next(iter(self.ledgers)), [], follow=True))

    async def write(self, partition: int, entries: Sequence[Entry], progress: Progress | None = None) -> None:
        """What the partition of `sends` has led to; durable when it returns."""
        await self._together.do(_Page(partition, entries, progress))

    def _write(self, pages: Sequence[_Page]) -> Sequence[None]:
        parts: dict[int, list[Entry]] = defaultdict(list)
        for page in pages:
            if page.entries or page.progress:
                parts[page.partition] += page.entries
        written: dict[int, dict[int, Attempt]] = defaultdict(dict)
        for number, places in self._append(parts, _merged(pages)).items():
            for entry, (partition, offset, _) in zip(parts[number], places, strict=True):
                if entry.topic == ATTEMPTS:
                    attempt = written[partition][offset] = decode_attempt(entry.value)
                    _ATTEMPTS.labels(attempt.status, attempt.channel, attempt.provider).inc()
        for partition, attempts in written.items():
            self._tell(partition, attempts)
            fail_point("delivery_noted")
        if any(page.follow for page in pages):
            for partition in self.ledgers:
                self._follow(partition)
        return [None] * len(pages)

    def _tell(self, partition: int, attempts: Mapping[int, Attempt]) -> None:
        """The ledger takes what was just written from memory, unless somebody else's record lies between."""
        ledger, last = self.ledgers[partition], max(attempts)
        if list(attempts) == list(range(ledger.next_offset, last + 1)):
            ledger.apply(attempts.values(), last + 1)
        else:
            self._follow(partition)

    def _follow(self, partition: int) -> None:
        """What a webhook settles is said as a fact before the ledger knows it: a crash in between repeats it."""
        ledger = self.ledgers[partition]
        while records := self._log.read(ATTEMPTS, partition, ledger.next_offset):
            attempts = [decode_attempt(r.value) for r in records]
            if facts := [sent_entry(a) for a in settled_by_word(attempts, ledger.get)]:
                self._append({partition: facts}, None)
                fail_point("delivery_told")
            ledger.apply(attempts, records[-1].offset + 1)

    def _append(
        self, parts: Mapping[int, Sequence[Entry]], progress: Progress | None
    ) -> Mapping[int, Sequence[Appended]]:
        while parts:
            try:
                fail_point("delivery_writes")
                appended = self._claim.append(parts, progress)
                fail_point("delivery_wrote")
                self.outage.worked()
                return appended
            except TransientError as fault:
                self.outage.failed(fault)
                if self._closing.wait(_PAUSE_S):
                    raise
        return {}

    def close(self) -> None:
        """After the last write."""
        self._together.close()
        self._claim.close()


def _merged(pages: Sequence[_Page]) -> Progress | None:
    moved = [page.progress for page in pages if page.progress]
    offsets = {place: offset for progress in moved for place, offset in progress.offsets.items()}
    return Progress(moved[0].group, offsets) if moved else None
