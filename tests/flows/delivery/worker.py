"""The delivery role in a process of its own, to be killed: `python -m tests.flows.delivery.worker DATA`."""

from __future__ import annotations

import signal
import sys
import threading
from pathlib import Path

from infra.roles.delivery import role
from infra.settings import Settings

if __name__ == "__main__":
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    role(Settings(data=Path(sys.argv[1]), partitions=2, _env_file=None), stop)
