"""The learning role: learns from examples and publishes model versions.

`examples` has one partition, because a model is a function of its examples in their order: so one worker learns. On
Kafka others stand by: when it is lost, one of them goes on from the versions that were published, which carry what the
learner knew, and publishes what the lost one would have.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from connectors.assignment import assignment
from connectors.open import open_log
from flows.scoring.flow import GROUP, run
from infra.settings import Settings
from schemas.topics import EXAMPLES


def role(settings: Settings, stop: threading.Event) -> None:
    """Run until `stop` is set. Its state is in `data`/learning."""
    log = open_log(settings)

    def work(partitions: Sequence[int], is_over: Callable[[], bool]) -> None:
        run(log, settings.files_url, settings.data / "learning", every=settings.model_every, stop=is_over)

    try:
        assignment(settings, GROUP, EXAMPLES).run(work, stop.is_set)
    finally:
        log.close()
