"""Immutable files by the hash of their content, in a folder or in S3 (fsspec)."""

from __future__ import annotations

import os
import re
from typing import Final

import fsspec
from fsspec.utils import get_protocol

from schemas.definitions.asset import FILE_PATTERN
from schemas.ids import content_hash

_NAME: Final = re.compile(FILE_PATTERN)
_S3: Final = {"use_listings_cache": False, "skip_instance_cache": True}


class AssetStore:
    """Below `url`/assets. Names are `<sha256>.<ending>`: the same bytes are kept once, and never change."""

    def __init__(self, url: str):
        options = _S3 if get_protocol(url) in ("s3", "s3a") else {}
        self._fs, root = fsspec.url_to_fs(url, **options)  # type: ignore[no-untyped-call]
        self._root = f"{root.rstrip('/')}/assets"

    def put(self, data: bytes, ending: str) -> str:
        """Keep the bytes; their name."""
        name = f"{content_hash(data)}.{ending}"
        self._write(self._path(name), data)
        return name

    def get(self, name: str, width: int = 0) -> bytes | None:
        """The bytes of a name, or of the smaller image made of it; None where there are none."""
        if not _NAME.match(name):
            return None
        try:
            found: bytes = self._fs.cat_file(self._path(name, width))
        except FileNotFoundError:
            return None
        return found

    def put_resized(self, name: str, width: int, data: bytes) -> None:
        """Keep the smaller image that was made of a name's."""
        self._write(self._path(name, width), data)

    def _path(self, name: str, width: int = 0) -> str:
        folder = f"{self._root}/{width}" if width else self._root
        return f"{folder}/{name[:2]}/{name}"

    def _write(self, path: str, data: bytes) -> None:
        """Whole or not at all: a folder gets it by a rename, S3 does so by itself."""
        if self._fs.exists(path):
            return
        if "file" not in self._fs.protocol:
            self._fs.pipe_file(path, data)
            return
        self._fs.makedirs(path.rpartition("/")[0], exist_ok=True)
        aside = f"{path}.{os.getpid()}"
        self._fs.pipe_file(aside, data)
        os.replace(aside, path)  # noqa: PTH105 - fsspec's paths are strings
