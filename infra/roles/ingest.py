"""The ingest role: the CRM's change records into events. On Kafka several workers share the partitions of `crm`."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from connectors.assignment import assignment
from connectors.engine import run_flow
from connectors.ingest_flow import GROUP, build
from connectors.open import open_log
from infra.settings import Settings
from schemas.topics import CRM


def role(settings: Settings, stop: threading.Event) -> None:
    """Run until `stop` is set. The log knows how far it has come."""
    log = open_log(settings)

    def work(partitions: Sequence[int], is_over: Callable[[], bool]) -> None:
        run_flow(build(log, stop=is_over, numbers=partitions))

    try:
        assignment(settings, GROUP, CRM).run(work, stop.is_set)
    finally:
        log.close()
