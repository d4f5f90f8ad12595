"""The one Bytewax source over any Log. What a flow reads is its pullers' business; pacing and ending are here.

A part asks its puller for what to emit now. An empty answer makes it sleep for `poll_ms`; while the log is away it asks
again and again, and the flow keeps what it holds. Once `stop()` is true the part ends, and when all parts have ended so
does the dataflow, after everything that was emitted has passed through.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Final, NamedTuple, Protocol

from bytewax.inputs import FixedPartitionedSource, StatefulSourcePartition

from connectors.log import Log
from connectors.outage import Outage
from schemas.errors import LogUnavailable
from schemas.records import Record

_AGAIN: Final = timedelta(seconds=1)  # after a read that found the log away
_LOG: Final = logging.getLogger(__name__)


class RecordBatch(NamedTuple):
    """The next records of one partition, never none."""

    topic: str
    partition: int
    records: list[Record]


class Puller(Protocol):
    """One part's side of a source. May have `snapshot() -> state`, for flows that use Bytewax's own recovery."""

    def pull(self) -> list[Any]:
        """What to emit now; empty where there is nothing, or nothing may be emitted yet. Never blocks.

        LogUnavailable where the log is away, with nothing moved: it is called again.
        """
        ...


class LogSource(FixedPartitionedSource[Any, Any]):
    """A source whose parts are `pullers`: from the part's name (without a `.`) to what makes its puller.

    A factory is called on the worker that owns the part, without arguments, or with the state that its puller's
    `snapshot()` gave when Bytewax resumes from its recovery store.
    """

    def __init__(
        self,
        pullers: Mapping[str, Callable[..., Puller]],
        poll_ms: float = 5.0,
        stop: Callable[[], bool] = lambda: False,
    ):
        if dotted := [name for name in pullers if "." in name]:
            raise ValueError(f"part names may not contain a dot: {', '.join(dotted)}")
        self._pullers, self._poll, self._stop = dict(pullers), timedelta(milliseconds=poll_ms), stop

    def list_parts(self) -> list[str]:
        return list(self._pullers)

    def build_part(self, step_id: str, for_part: str, resume_state: Any | None) -> _Part:
        make = self._pullers[for_part]
        puller = make() if resume_state is None else make(resume_state)
        return _Part(for_part, puller, self._poll, self._stop)


class _Part(StatefulSourcePartition[Any, Any]):
    def __init__(self, name: str, puller: Puller, poll: timedelta, stop: Callable[[], bool]):
        self._puller, self._poll, self._stop = puller, poll, stop
        self._awake: datetime | None = None
        self._outage = Outage(_LOG, f"the log of {name}")
        self._snapshot: Callable[[], Any] = getattr(puller, "snapshot", lambda: None)

    def next_batch(self) -> list[Any]:
        if self._stop():
            raise StopIteration
        try:
            items = self._puller.pull()
        except LogUnavailable as fault:
            self._outage.failed(fault)
            self._awake = datetime.now(UTC) + _AGAIN
            return []
        self._outage.worked()
        self._awake = None if items else datetime.now(UTC) + self._poll
        return items

    def next_awake(self) -> datetime | None:
        return self._awake

    def snapshot(self) -> Any:
        return self._snapshot()


class RecordPuller:
    """The ordinary puller: a partition's records in order from `start` on, up to `limit` at a time."""

    def __init__(self, log: Log, topic: str, partition: int, start: int, limit: int = 2_000):
        self._log, self._topic, self._partition, self._limit = log, topic, partition, limit
        self._offset = start

    def pull(self) -> list[RecordBatch]:
        """One batch; none at the end."""
        records = self._log.read(self._topic, self._partition, self._offset, self._limit)
        if not records:
            return []
        self._offset = records[-1].offset + 1
        return [RecordBatch(self._topic, self._partition, records)]

    def snapshot(self) -> int:
        """The offset to go on from: the one after the last record that was emitted."""
        return self._offset


def record_pullers(
    log: Log,
    topic: str,
    start: Callable[[int], int] = lambda partition: 0,
    limit: int = 2_000,
    numbers: Sequence[int] | None = None,
) -> dict[str, Callable[..., Puller]]:
    """A RecordPuller for each partition of a topic, or for those with `numbers`, for `LogSource`. `start` says where
    one begins when it is built.

    For a consumer group: `record_pullers(log, topic, lambda n: log.committed(group, topic, n))`.
    """

    def make(partition: int, resumed: int | None = None) -> Puller:
        return RecordPuller(log, topic, partition, start(partition) if resumed is None else resumed, limit)

    numbers = range(log.partitions(topic)) if numbers is None else numbers
    return {f"{topic}-{n}": partial(make, n) for n in numbers}
