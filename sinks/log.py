"""The one Bytewax sink over any Log.

Guarantee: what one activation writes is one append, durable before the next one begins, together with the progress that
it stands for. A restart from that progress therefore repeats nothing and loses nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from bytewax.outputs import DynamicSink, StatelessSinkPartition

from connectors.log import Claim, Log, Progress
from schemas.records import Entry


class Batch(NamedTuple):
    """Entries to append, and how far a consumer group has come once they are there."""

    entries: list[Entry]
    progress: Progress | None = None


class LogSink(DynamicSink[Batch]):
    """Appends the batches. A failed append stops the flow: Bytewax raises it to whoever runs it."""

    def __init__(self, log: Log):
        self._log = log

    def build(self, step_id: str, worker_index: int, worker_count: int) -> _Part:
        return _Part(self._log)


class _Part(StatelessSinkPartition[Batch]):
    def __init__(self, log: Log):
        self._log = log

    def write_batch(self, items: list[Batch]) -> None:
        entries = [entry for batch in items for entry in batch.entries]
        progress = merged([batch.progress for batch in items if batch.progress is not None])
        if entries or progress is not None:
            self._log.append(entries, progress)


class ClaimedSink(DynamicSink[Batch]):
    """As LogSink, by a claim: who has lost a partition to another worker appends nothing for it, and ends (Fenced).

    Each batch carries the progress of its partition.
    """

    def __init__(self, claim: Callable[[], Claim]):
        self._claim = claim

    def build(self, step_id: str, worker_index: int, worker_count: int) -> _ClaimedPart:
        return _ClaimedPart(self._claim())


class _ClaimedPart(StatelessSinkPartition[Batch]):
    def __init__(self, claim: Claim):
        self._claim = claim

    def write_batch(self, items: list[Batch]) -> None:
        moves = [batch.progress for batch in items if batch.progress is not None]
        parts: dict[int, list[Entry]] = {}
        for batch, progress in zip(items, moves, strict=True):
            [(_, number)] = progress.offsets
            parts.setdefault(number, []).extend(batch.entries)
        self._claim.append(parts, merged(moves))

    def close(self) -> None:
        self._claim.close()


def merged(moves: Sequence[Progress]) -> Progress | None:
    """One progress that stands for all: of each partition's offsets the last. A flow has one group, else ValueError."""
    if not moves:
        return None
    groups = {progress.group for progress in moves}
    if len(groups) > 1:
        raise ValueError(f"one flow, one consumer group; these are {', '.join(sorted(groups))}")
    offsets: dict[tuple[str, int], int] = {}
    for progress in moves:
        offsets.update(progress.offsets)
    return Progress(moves[0].group, offsets)
