"""Members of snapshots: immutable files by the hash of their content, in a folder or in S3 (fsspec)."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

import fsspec
import msgspec
from fsspec.utils import get_protocol

from schemas.definitions.snapshot import FILE_PATTERN
from schemas.ids import content_hash

_NAME: Final = re.compile(FILE_PATTERN)
_S3: Final = {"use_listings_cache": False, "skip_instance_cache": True}
_NOBODY: Final[frozenset[str]] = frozenset()
_KEPT: Final = 16  # files in memory
_LOG: Final = logging.getLogger(__name__)


class SnapshotStore:
    """Below `url`/snapshots. A file is a JSON array of contacts' ids, sorted: the same members are the same file."""

    def __init__(self, url: str):
        options = _S3 if get_protocol(url) in ("s3", "s3a") else {}
        self._fs, root = fsspec.url_to_fs(url, **options)  # type: ignore[no-untyped-call]
        self._root = f"{root.rstrip('/')}/snapshots"
        self.get = lru_cache(_KEPT)(self._get)

    def put(self, members: Iterable[str]) -> str:
        """Keep the members; their file's name. It is there, whole, when this returns."""
        data = msgspec.json.encode(sorted(members))
        name = f"{content_hash(data)}.json"
        path = self._path(name)
        if not self._fs.exists(path):
            self._write(path, data)
        return name

    def _get(self, name: str) -> frozenset[str]:
        """The members of a file, from memory where it was read lately.

        Nobody where there never was such a file: a file is written before any definition names it, so the definition
        was made by hand. Every other failure is raised.
        """
        try:
            data: bytes = self._fs.cat_file(self._path(name))
        except FileNotFoundError:
            _LOG.error("there is no file %s: a snapshot that names it has no members", self._path(name))
            return _NOBODY
        return msgspec.json.decode(data, type=frozenset[str])

    def _path(self, name: str) -> str:
        if not _NAME.match(name):
            raise ValueError(f"{name!r} is no name of a snapshot's file")
        return f"{self._root}/{name[:2]}/{name}"

    def _write(self, path: str, data: bytes) -> None:
        """Whole or not at all: a folder gets it by a rename, S3 does so by itself."""
        if "file" not in self._fs.protocol:
            self._fs.pipe_file(path, data)
            return
        self._fs.makedirs(path.rpartition("/")[0], exist_ok=True)
        aside = f"{path}.{os.getpid()}"
        self._fs.pipe_file(aside, data)
        os.replace(aside, path)  # noqa: PTH105 - fsspec's paths are strings
