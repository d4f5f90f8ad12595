"""A broker by hand: `python -m infra.broker [FOLDER]` prints its address and runs until Ctrl-C."""

from __future__ import annotations

import signal
import sys
import tempfile
from pathlib import Path

from infra.broker import missing, running


def main(folder: str = "") -> int:
    if lacking := missing():
        print(f"no broker can run here: {lacking}", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="waxwing-broker-") as aside, running(Path(folder or aside)) as bootstrap:
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        print(f"WAXWING_LOG=kafka://{bootstrap}", flush=True)
        try:
            signal.pause()
        except KeyboardInterrupt:
            return 0
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
