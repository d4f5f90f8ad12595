"""The ingest role: the CRM's change records into events."""

from __future__ import annotations

import threading

from connectors.engine import run_flow
from connectors.ingest_flow import build
from connectors.open import open_log
from infra.settings import Settings


def role(settings: Settings, stop: threading.Event) -> None:
    """Run until `stop` is set. The log knows how far it has come."""
    log = open_log(settings)
    try:
        run_flow(build(log, stop=stop.is_set))
    finally:
        log.close()
