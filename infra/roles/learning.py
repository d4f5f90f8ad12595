"""The learning role: learns from examples and publishes model versions."""

from __future__ import annotations

import threading

from connectors.open import open_log
from flows.scoring.flow import run
from infra.settings import Settings


def role(settings: Settings, stop: threading.Event) -> None:
    """Run until `stop` is set. Its state is in `data`/learning."""
    log = open_log(settings)
    try:
        run(log, settings.files_url, settings.data / "learning", every=settings.model_every, stop=stop.is_set)
    finally:
        log.close()
