"""What has to outlive a restart of the providers' gates, in one small JSON file.

It is written behind: what a kill -9 takes is at most a moment's counts of a warm-up, or a wait that is asked for again.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path

import msgspec

from flows.delivery.pace import Kept

_LOG = logging.getLogger(__name__)


class KeptFile:
    """One `Kept` a provider, by its name. A file that cannot be read is begun anew."""

    def __init__(self, path: Path):
        self._path, self.changed = path, False
        self._kept: dict[str, Kept] = {}
        try:
            self._kept = msgspec.json.decode(path.read_bytes(), type=dict[str, Kept])
        except FileNotFoundError:
            pass
        except (OSError, msgspec.DecodeError) as fault:
            _LOG.error("%s cannot be read, so waits and warm-ups begin anew: %s", path, fault)

    def of(self, provider: str) -> Kept:
        """The provider's, to be changed in place."""
        return self._kept.setdefault(provider, Kept())

    def save(self) -> None:
        """Make it durable where it has changed."""
        if not self.changed:
            return
        self.changed = False
        self._path.parent.mkdir(parents=True, exist_ok=True)
        whole = self._path.with_suffix(".new")
        with whole.open("wb") as file:
            file.write(msgspec.json.encode(self._kept))
            file.flush()
            os.fsync(file.fileno())
        whole.replace(self._path)
