"""The delivery role in a process of its own, to be killed. It waits a twentieth of the usual, so that a run is short.

python -m tests.recovery.delivery_worker DATA
"""

from __future__ import annotations

import signal
import sys
import threading
from functools import partial
from pathlib import Path
from typing import Final

from flows.delivery import attempts, breaker
from infra.roles import delivery
from infra.settings import Settings
from sinks.providers import make
from sinks.providers.http import TIMEOUT_S
from sinks.providers.sendgrid import SendGrid
from sinks.providers.webhook import Webhook

PARTITIONS: Final = 2
_HASTE: Final = 20

if __name__ == "__main__":
    setattr(make, "SendGrid", partial(SendGrid, timeout_s=TIMEOUT_S / _HASTE))  # noqa: B010 - mypy: they are classes
    setattr(make, "Webhook", partial(Webhook, timeout_s=TIMEOUT_S / _HASTE))  # noqa: B010
    setattr(attempts, "DELAYS", tuple(delay // _HASTE for delay in attempts.DELAYS))  # noqa: B010
    setattr(breaker, "FIRST_PAUSE", breaker.FIRST_PAUSE // _HASTE)  # noqa: B010
    setattr(delivery, "TIMEOUT_S", TIMEOUT_S / _HASTE)  # noqa: B010
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    data, provider = Path(sys.argv[1]), "real"
    delivery.role(
        Settings(data=data, partitions=PARTITIONS, provider=provider, allow_private=True, _env_file=None), stop
    )
