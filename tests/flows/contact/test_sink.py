"""The contacts flow's sink: a state is saved only once what it knows to be said is on the log."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from connectors.definition_reader import DefinitionReader, PastFiles
from connectors.log import Appended, Claim, Progress
from connectors.sqlite_log import SqliteLog
from flows.contact import flow
from schemas.errors import LogUnavailable
from schemas.records import Entry, Event, encode
from schemas.topics import EVENTS
from sinks.state_store import saved_offset


class Away:
    """A claim on a log that takes what is said, or nothing at all, and no progress."""

    def __init__(self, claim: Claim, takes: bool):
        self.claim, self.takes = claim, takes

    def append(
        self, parts: Mapping[int, Sequence[Entry]], progress: Progress | None = None
    ) -> dict[int, list[Appended]]:
        if progress is not None or not self.takes:
            raise LogUnavailable("the log is away")
        return self.claim.append(parts)

    def close(self) -> None:
        self.claim.close()


class World:
    """A log of one partition with a contact's record that has something to say, its fold, and the sink."""

    def __init__(self, folder: Path):
        self.log, self.folder = SqliteLog(folder / "log.db", partitions=1), folder / "state"
        said = Event("identify", "e", self.log.now(), traits={"email": "ann@example.com"})
        self.log.append([Entry(EVENTS, "ann", encode(said))])
        self.reader = DefinitionReader(self.log, lambda file: frozenset(), PastFiles(None, [0]))
        self.partition = flow.Partition(self.log, 0, self.folder, self.reader, checkpoint_s=0.0)
        self.puller = flow.EventPuller(self.log, self.partition, self.reader)
        self.claim: Claim = self.log.claim(flow.GROUP, [0])

    def sink(self, claim: Claim | None = None) -> flow._CommittingPart:
        return flow._CommittingPart(claim or self.claim, {0: self.partition})

    def fold(self, *steps: flow.Step) -> list[flow.Effects | flow.Checkpoint]:
        return flow.fold_steps({0: self.partition}, steps or [flow.Step(0, self.log.read(EVENTS, 0, 0))])

    def saved(self) -> int:
        return saved_offset(self.folder / "0")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.log.close()


def test_effects_are_on_the_log_and_then_the_state_is_saved(world: World) -> None:
    sink, items = world.sink(), world.fold()
    assert [type(item) for item in items] == [flow.Effects, flow.Checkpoint]
    sink.write_batch(items)
    sink.close()
    assert (world.log.end(EVENTS, 0), world.saved()) == (2, 1)


def test_at_an_end_the_last_state_is_saved_too(world: World) -> None:
    sink = world.sink()
    sink.write_batch(world.fold()[:1])
    world.partition.emitted = False
    world.partition.fold.changed = {"ann"}
    sink.close()
    assert world.saved() == 1


def test_effects_that_cannot_be_appended_stop_the_worker_and_no_state_is_saved(world: World) -> None:
    sink = world.sink(Away(world.claim, takes=False))
    with pytest.raises(LogUnavailable):
        sink.write_batch(world.fold())
    sink.close()
    assert (world.log.end(EVENTS, 0), world.saved()) == (1, 0)


def test_a_fold_that_fails_halfway_saves_no_state_whose_effects_the_sink_never_got(world: World) -> None:
    sink = world.sink()
    partition = world.partition
    step = flow.Step(0, world.log.read(EVENTS, 0, 0))
    work = partition.fold.work
    left = iter([work])

    def fails_then(limit: int) -> list[Entry]:
        return next(left)(limit)

    partition.fold.work = fails_then  # type: ignore[method-assign]
    with pytest.raises(StopIteration):
        world.fold(step, flow.Step(0, []))
    partition.fold.changed = {"ann"}
    sink.close()
    assert (world.log.end(EVENTS, 0), world.saved()) == (1, 0)


def test_a_commit_that_the_log_refused_stops_the_worker_also_where_nothing_more_comes(world: World) -> None:
    sink = world.sink(Away(world.claim, takes=True))
    sink.write_batch(world.fold())
    sink._thread.shutdown()
    assert world.partition.has_failed()
    (step,) = world.puller.pull()
    with pytest.raises(LogUnavailable):
        world.fold(step)
    sink.close()
    assert world.saved() == 0
