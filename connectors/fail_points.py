"""Named points at which a test may kill the process, as a power cut would: `WAXWING_DIE_AT=name WAXWING_DIE_IN=0.05`.

Off, and free, unless the variable is set. A kill is SIGKILL to this very process: no handler runs. With
`WAXWING_DIE_BY=SIGSTOP` the process is frozen instead, until somebody wakes it up.
"""

from __future__ import annotations

import os
import random
import signal

_AT = os.environ.get("WAXWING_DIE_AT", "")
_IN = float(os.environ.get("WAXWING_DIE_IN", "1"))
_BY = signal.Signals[os.environ.get("WAXWING_DIE_BY", "SIGKILL")]


def fail_point(name: str) -> None:
    """Die here with the set probability, if this is the named point."""
    if name == _AT and random.random() < _IN:
        os.kill(os.getpid(), _BY)
