"""What hydration has folded, and whom a launch releases when: immutable files by the hash of their content.

They lie in a folder or in S3 (fsspec).

A file is written before the record that names it. It is needed as long as the log may be folded anew from before it.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final

import fsspec
from fsspec.utils import get_protocol

from flows.segments.hydration import unpack
from schemas.ids import content_hash

_S3: Final = {"use_listings_cache": False, "skip_instance_cache": True}
_KEPT: Final = 16  # files in memory
_LOG: Final = logging.getLogger(__name__)


class PastStore:
    """Below `url`/hydration. `get` reads a file, or waits for one that `prefetch` is reading already."""

    def __init__(self, url: str):
        options = _S3 if get_protocol(url) in ("s3", "s3a") else {}
        self._fs, root = fsspec.url_to_fs(url, **options)  # type: ignore[no-untyped-call]
        self._root = f"{root.rstrip('/')}/hydration"
        self._read: dict[str, Future[Mapping[str, bytes]]] = {}
        self._lock = threading.Lock()
        self._thread = ThreadPoolExecutor(1, "past")

    def put(self, data: bytes) -> str:
        """Keep a file; its name. It is there, whole, when this returns."""
        name = f"{content_hash(data)}.msgpack"
        if not self._fs.exists(f"{self._root}/{name}"):
            self.note(name, data)
        return name

    def note(self, name: str, data: bytes) -> None:
        """Write a file under a name that may be written again; its readers see it whole."""
        path = f"{self._root}/{name}"
        if "file" not in self._fs.protocol:
            self._fs.pipe_file(path, data)
            return
        self._fs.makedirs(self._root, exist_ok=True)
        aside = f"{path}.{os.getpid()}"
        self._fs.pipe_file(aside, data)
        os.replace(aside, path)  # noqa: PTH105 - fsspec's paths are strings

    def noted(self, name: str) -> bytes | None:
        """What was written last under the name; None where nothing was."""
        try:
            return bytes(self._fs.cat_file(f"{self._root}/{name}"))
        except FileNotFoundError:
            return None

    def read(self, name: str) -> bytes:
        """A file by the name that `put` gave; FileNotFoundError where there is none."""
        return bytes(self._fs.cat_file(f"{self._root}/{name}"))

    def prefetch(self, name: str) -> Future[Mapping[str, bytes]]:
        """Begin to read a file that will be asked for: its activation is ahead, and the fold must not wait."""
        with self._lock:
            found = self._read.get(name)
            if found is None or (found.done() and found.exception() is not None):
                while len(self._read) >= _KEPT:
                    self._read.pop(next(iter(self._read)))
                found = self._read[name] = self._thread.submit(self._load, name)
            return found

    def get(self, name: str) -> Mapping[str, bytes]:
        """Contact -> what the file brings it, encoded."""
        return self.prefetch(name).result()

    def _load(self, name: str) -> Mapping[str, bytes]:
        if "/" in name or not name.endswith(".msgpack"):
            raise ValueError(f"{name!r} is no name of a hydration's file")
        found = unpack(self.read(name))
        _LOG.info("%s brings something to %d contacts", name, len(found))
        return found

    def close(self) -> None:
        """End the reading thread."""
        self._thread.shutdown()
