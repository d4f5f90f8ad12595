"""Copies the states of a worker's partitions at intervals, in a thread of its own: the fold goes on meanwhile."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Final

from prometheus_client import Counter

from flows.contact.flow import Partition
from sinks.state_copies import StateCopies
from sinks.state_store import StateStore

_COPIES: Final = Counter("waxwing_state_copies", "Copies of partitions' states", ["result"])
_LOG: Final = logging.getLogger(__name__)


class StateCopier:
    """Begins at once; `opened` are the partitions that are folded now. A copy that fails is tried again the next time:
    whoever needs it takes an older one and folds more.
    """

    def __init__(self, copies: StateCopies, opened: Mapping[int, Partition], every_s: float):
        self._copies, self._opened, self._every_s = copies, opened, every_s
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="state-copies", daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Copy no more; returns once the copy that is under way is made."""
        self._ending.set()
        self._thread.join()

    def last(self, folder: Path) -> None:
        """After the end, once the stores are closed: a copy of each as it is now."""
        for number in self._opened:
            with closing(StateStore(folder / str(number))) as store:
                self._copy(number, store)

    def _run(self) -> None:
        while not self._ending.wait(self._every_s):
            for number, partition in list(self._opened.items()):
                if not self._ending.is_set():
                    self._copy(number, partition.store)

    def _copy(self, number: int, store: StateStore) -> None:
        try:
            offset = self._copies.put(number, store)
        except Exception:  # whatever the files' system raises: S3's clients have errors of their own
            if store.is_closed:  # meanwhile; its last copy follows
                return
            _COPIES.labels("failed").inc()
            _LOG.exception("partition %d: its states could not be copied now", number)
        else:
            _COPIES.labels("made").inc()
            _LOG.debug("partition %d: its states are copied up to offset %d", number, offset)
