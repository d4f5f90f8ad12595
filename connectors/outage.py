"""Something that is away and tried again and again: said once when it goes, once when it is back, with how often."""

from __future__ import annotations

import logging
import threading
import time
from typing import Final

SETTLED_S: Final = 2.0  # it is back once it has worked and nothing has failed for so long
FORGOTTEN_S: Final = 60.0  # a failure so long after the last one begins an outage of its own


class Outage:
    """The outages of one thing, `what`, as lines of a logger. For any thread.

    Whoever uses it says `failed` and `worked`; both may come from several at once, some of whom find it back before
    the others do.
    """

    def __init__(self, log: logging.Logger, what: str):
        self._log, self._what = log, what
        self._lock = threading.Lock()
        self._failures = 0
        self._begun = self._last = 0.0

    def failed(self, why: object) -> None:
        """It did not work once more."""
        with self._lock:
            now = time.monotonic()
            if self._failures and now - self._last > FORGOTTEN_S:
                self._failures = 0
            if not self._failures:
                self._begun = now
                self._log.warning("%s is away, and is tried again until it is back: %s", self._what, why)
            self._failures, self._last = self._failures + 1, now

    def worked(self) -> None:
        """It works. Costs one comparison while it has not been away."""
        if not self._failures:
            return
        with self._lock:
            now = time.monotonic()
            if self._failures and now - self._last >= SETTLED_S:
                lasted = self._last - self._begun
                self._log.warning("%s is back; it failed %d times in %.1f s", self._what, self._failures, lasted)
                self._failures = 0
