"""The learning flow: examples, in log order -> one learner a model -> its files, and its versions as definitions.

    log ──RecordBatch──▶ read ──(model, Arrival)──▶ learn ──(model, Publication)──▶ publish
                           └──────(topic, Publication of a dead letter)───────────────┘

A model's version is the number of examples that it has seen, its bytes a function of them. So what is published again
after a crash is the same version with the same body, and the first stands. Keys are few: Bytewax's own recovery store
keeps the learners' states and the offset to go on from. Step ids are a contract.

Where that store is gone, or another worker goes on, a model's learner is that of its last published version, whose file
it is; what it has learned of already is told apart by its watermarks.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import bytewax.operators as op
import fsspec
import msgspec
from bytewax.dataflow import Dataflow
from bytewax.operators import BranchOut, KeyedStream, StatefulBatchLogic
from bytewax.outputs import FixedPartitionedSink, StatefulSinkPartition
from bytewax.recovery import init_db_dir

from connectors.engine import run_flow
from connectors.fail_points import fail_point
from connectors.log import Log
from connectors.source import LogSource, RecordBatch, RecordPuller
from flows.scoring.features import FEATURE_SET, NAMES
from flows.scoring.learner import Learner, export_model
from schemas.definitions.model import Model
from schemas.errors import StateAhead, TerminalError
from schemas.ids import content_hash, uuid5
from schemas.records import DeadLetter, Definition, Entry, Example, Record, decode_definition, decode_example, encode
from schemas.topics import DEAD_LETTERS, DEFINITIONS, EVENTS, EXAMPLES

BY = "learning"  # who publishes
GROUP = "learning"  # of the workers of whom one learns
EVERY = 500  # examples between two versions
BATCH = 250  # examples read at once: a few milliseconds of learning
EPOCH_S = 1.0  # between two snapshots of the learners


class Arrival(NamedTuple):
    """An example, and the partition of `events` whose fold said it."""

    partition: int
    example: Example


class File(NamedTuple):
    """An immutable file, named by its content; its path is below the folder of files."""

    path: str
    data: bytes


class Publication(NamedTuple):
    """What goes out together: first the file, then the record that names it."""

    entry: Entry
    file: File | None = None


_LOG = logging.getLogger(__name__)
Keyed: TypeAlias = tuple[str, Arrival | Publication]


def read(log: Log, batch: RecordBatch) -> Iterable[Keyed]:
    """Each record as its model's next example; one that cannot be read as a dead letter."""
    for record in batch.records:
        try:
            example = decode_example(record.value)
            _check(example)
        except (msgspec.DecodeError, ValueError) as e:
            yield EXAMPLES, Publication(_dead_letter(batch, record, str(e)))
        else:
            yield example.model, Arrival(log.partition_of(EVENTS, example.contact), example)


def _check(example: Example) -> None:
    if example.feature_set != FEATURE_SET or len(example.features) != len(NAMES):
        raise ValueError(
            f"feature_set {example.feature_set} with {len(example.features)} features;"
            f" this learner reads feature_set {FEATURE_SET} with {len(NAMES)}"
        )


def _dead_letter(batch: RecordBatch, record: Record, reason: str) -> Entry:
    where = (batch.topic, batch.partition, record.offset)
    letter = DeadLetter(uuid5("dead", *where), EXAMPLES, reason, record.value, record.logged_at, record.key, *where[1:])
    return Entry(DEAD_LETTERS, EXAMPLES, encode(letter))


class LearnLogic(StatefulBatchLogic[Arrival, Publication, bytes]):
    """One model's learner. Its key is not told to it, so it begins with the first example."""

    def __init__(self, stored: bytes | None, every: int, begin: Callable[[str], Learner] = Learner):
        self._learner = Learner.load(stored) if stored else None
        self._every, self._begin = every, begin

    def on_batch(self, values: list[Arrival]) -> tuple[list[Publication], bool]:
        """Predict, then learn, one by one; a version where one is due."""
        learner = self._learner = self._learner or self._begin(values[0].example.model)
        out = []
        for partition, example in values:
            if not learner.is_new(partition, example):
                continue
            learner.predict_then_learn(example)
            if learner.is_ready(self._every):
                out.append(version_of(learner))
                learner.start_recent()
        return out, StatefulBatchLogic.RETAIN

    def snapshot(self) -> bytes:
        """The learner's state: JSON, no objects."""
        return self._learner.save() if self._learner else b""


def version_of(learner: Learner) -> Publication:
    """The learner's state as a file and its model as a definition."""
    state = learner.save()
    file = File(f"models/{learner.state.model}/{content_hash(state)}.json", state)
    body = export_model(learner, artifact=file.path)
    definition = Definition(Model.KIND, learner.state.model, "publish", learner.next_version(), body, by=BY)
    return Publication(Entry(DEFINITIONS, f"{definition.kind}/{definition.id}", encode(definition)), file)


def last_published(log: Log, files: str, model: str) -> Learner:
    """The learner as it was when it published its last version; a new one where it never did, or its file is gone."""
    learner, version, artifact, offset = Learner(model), 0, "", 0
    while records := log.read(DEFINITIONS, 0, offset):
        offset = records[-1].offset + 1
        for record in records:
            if record.key != f"{Model.KIND}/{model}":
                continue
            said = decode_definition(record.value)
            if said.by == BY and said.body and said.version > version:  # an earlier one may have been said again
                version, artifact = said.version, said.body["artifact"]
    if not artifact:
        return learner
    fs, root = fsspec.core.url_to_fs(files)  # type: ignore[no-untyped-call]
    try:
        learner = Learner.load(fs.cat_file(f"{root.rstrip('/')}/{artifact}"))
    except (OSError, TerminalError) as fault:
        _LOG.warning("model %s is learned anew, from what the log holds: %s", model, fault)
        return learner
    learner.start_recent()
    return learner


def store(files: str, file: File) -> None:
    """Write the file below the fsspec address unless it is there; a reader never sees a part of it."""
    fs, root = fsspec.core.url_to_fs(files)  # type: ignore[no-untyped-call]
    path = f"{root.rstrip('/')}/{file.path}"
    if fs.exists(path):
        return
    fs.makedirs(path.rpartition("/")[0], exist_ok=True)
    fs.pipe_file(f"{path}.part", file.data)
    fs.mv(f"{path}.part", path)


class PublishSink(FixedPartitionedSink[Publication, None]):
    """Stores files, then appends records, durably, before Bytewax saves the learners that said them.

    A partitioned sink, because a recovery epoch waits for it and not for a dynamic one.
    """

    def __init__(self, log: Log, files: str):
        self._log, self._files = log, files

    def list_parts(self) -> list[str]:
        return ["definitions"]

    def build_part(self, step_id: str, for_part: str, resume_state: None) -> _PublishPart:
        return _PublishPart(self._log, self._files)


class _PublishPart(StatefulSinkPartition[Publication, None]):
    def __init__(self, log: Log, files: str):
        self._log, self._files = log, files

    def write_batch(self, values: list[Publication]) -> None:
        fail_point("before_publish")
        for publication in values:
            if publication.file is not None:
                store(self._files, publication.file)
        self._log.append([publication.entry for publication in values])
        fail_point("after_publish")

    def snapshot(self) -> None:
        return None


def _puller(log: Log, resumed: int = 0) -> RecordPuller:
    if resumed > (end := log.end(EXAMPLES, 0)):
        raise StateAhead(
            f"the learners have read {EXAMPLES} up to offset {resumed}, the log ends at {end}; it was restored from an"
            " older copy. Remove the folder of the learning flow's state to learn anew"
        )
    return RecordPuller(log, EXAMPLES, 0, resumed, BATCH)


def build(
    log: Log,
    files: str,
    every: int = EVERY,
    poll_ms: float = 50.0,
    stop: Callable[[], bool] = lambda: False,
) -> Dataflow:
    """The dataflow. `files` is the fsspec address of immutable files. It ends when `stop` says so."""
    flow = Dataflow("learning")
    batches = op.input("examples", flow, LogSource({f"{EXAMPLES}-0": partial(_puller, log)}, poll_ms, stop))
    keyed = op.flat_map("read", batches, partial(read, log))
    split: BranchOut[Any, Any] = op.branch("is_read", keyed, lambda item: isinstance(item[1], Arrival))
    learned = op.stateful_batch(
        "learn", split.trues, lambda stored: LearnLogic(stored, every, partial(last_published, log, files))
    )
    published: KeyedStream[Publication] = op.merge("all", learned, split.falses)
    op.output("publish", published, PublishSink(log, files))
    return flow


def recovery_store(folder: Path) -> Path:
    """Bytewax's recovery store in the folder; made aside and renamed, so that a kill leaves all of it or nothing."""
    if not folder.exists():
        aside = folder.with_name(f"{folder.name}.{os.getpid()}.new")
        aside.mkdir(parents=True)
        init_db_dir(aside, 1)  # type: ignore[no-untyped-call]
        aside.rename(folder)
    return folder


def run(
    log: Log,
    files: str,
    folder: Path,
    every: int = EVERY,
    epoch_s: float = EPOCH_S,
    stop: Callable[[], bool] = lambda: False,
) -> None:
    """Run the flow with its state in the folder until `stop` says so; started again it goes on where it was."""
    run_flow(build(log, files, every, stop=stop), recovery_store(folder), epoch_s)
