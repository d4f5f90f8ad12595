"""The contacts role: folds every partition of `events`."""

from __future__ import annotations

import threading

from connectors.engine import run_flow
from connectors.open import open_log
from flows.contact.flow import Partition, build
from infra.collectors import FoldCollector
from infra.metrics import registered
from infra.settings import Settings
from sinks.past_store import PastStore
from sinks.snapshot_store import SnapshotStore


def role(settings: Settings, stop: threading.Event) -> None:
    """Run until `stop` is set. The states are in `data`/state, a folder a partition."""
    log, snapshots, past = open_log(settings), SnapshotStore(settings.files_url), PastStore(settings.files_url)
    state, every = settings.data / "state", settings.checkpoint_s
    opened: dict[int, Partition] = {}
    flow = build(log, state, checkpoint_s=every, stop=stop.is_set, opened=opened, members_of=snapshots.get, past=past)
    try:
        with registered(FoldCollector(log, opened)):
            run_flow(flow)
    finally:
        past.close()
        log.close()
