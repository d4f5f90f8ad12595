"""The contacts role: folds the partitions of `events`, all of them or a worker's share. Workers share nothing."""

from __future__ import annotations

import threading

from connectors.engine import run_flow
from connectors.open import open_log
from flows.contact.flow import Partition, build
from infra.collectors import FoldCollector
from infra.metrics import registered
from infra.settings import Settings
from schemas.topics import EVENTS
from sinks.past_store import PastStore
from sinks.snapshot_store import SnapshotStore


def role(settings: Settings, stop: threading.Event, worker: int = 0, workers: int = 1) -> None:
    """Run until `stop` is set. The states are in `data`/state, a folder a partition, whichever worker folds it."""
    log, snapshots, past = open_log(settings), SnapshotStore(settings.files_url), PastStore(settings.files_url)
    state, every = settings.data / "state", settings.checkpoint_s
    opened: dict[int, Partition] = {}
    numbers = range(log.partitions(EVENTS))[worker::workers]
    flow = build(
        log, state, numbers, checkpoint_s=every, stop=stop.is_set, opened=opened, members_of=snapshots.get, past=past
    )
    try:
        with registered(FoldCollector(log, opened)):
            run_flow(flow)
    finally:
        past.close()
        log.close()
