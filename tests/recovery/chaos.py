"""`make chaos KILLS=n`: kill -9 under load, over and over, each run judged against the pure fold of its log.

Prints a line a run on stderr, and at the end one JSON line: `lost` are acknowledged events that the log does not hold,
and effects that only the pure fold has; `duplicated` are effects that it does not have; `diverged` are effects of other
bytes and contacts with another state; `unknown` are sends of which nobody knows whether they went (none here: this is
the contacts flow alone; delivery has its own kills in tests/flows/delivery).
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

from tests.recovery.driver import Run

KILLS_A_RUN = 20


def main(kills: int) -> int:
    total = {"kills": 0, "lost": 0, "duplicated": 0, "diverged": 0, "unknown": 0}
    seed = 100
    while total["kills"] < kills:
        seed += 1
        with tempfile.TemporaryDirectory() as folder:
            run = Run(Path(folder), kills=min(KILLS_A_RUN, kills - total["kills"]), seed=seed)
            verdict = run.go()
        total["kills"] += run.died.total()
        total["lost"] += len(verdict.lost) + len(verdict.missing)
        total["duplicated"] += len(verdict.extra)
        total["diverged"] += len(verdict.different) + len(verdict.states)
        line = f"seed {seed}: {dict(run.died)}, {run.sent} events, {run.published} definition changes"
        print(f"{line}, {verdict.compared}, {verdict.repeated} repeated", file=sys.stderr, flush=True)
    print(json.dumps(total))
    return 1 if total["lost"] or total["duplicated"] or total["diverged"] else 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
