"""The contacts role: folds every partition of `events`."""

from __future__ import annotations

import threading

from connectors.open import open_log
from connectors.engine import run_flow
from flows.contact.flow import build
from infra.settings import Settings


def role(settings: Settings, stop: threading.Event) -> None:
    """Run until `stop` is set. The states are in `data`/state, a folder a partition."""
    log = open_log(settings)
    try:
        run_flow(build(log, settings.data / "state", checkpoint_s=settings.checkpoint_s, stop=stop.is_set))
    finally:
        log.close()
