"""Copies of partitions' states, in a folder or in S3 (fsspec), from which another worker folds on.

    states/3/00000000000000123456.json    a copy of partition 3: its place in the log, the files that it is made of.
                                          Written last, so a copy that is there is whole
    states/3/files/SHA256                 those files by their content: RocksDB's tables never change, so a copy brings
                                          only what is new since the last one

A state is a fold of the log up to its offset. So a copy is right whoever made it, also a worker that had lost the
partition by then; and of several the one with the greatest offset is the best.
"""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import fsspec
import msgspec
from fsspec.utils import get_protocol

from sinks.state_store import VERSION, StateStore, saved_offset

KEPT: Final = 2  # copies of a partition; the one before the newest, for whoever is reading it
_S3: Final = {"use_listings_cache": False, "skip_instance_cache": True}
_YOUNG: Final = timedelta(hours=1)  # a file that no copy names may belong to one that is being made
_LOG: Final = logging.getLogger(__name__)


class Copy(msgspec.Struct, frozen=True):
    """What a copy says: the offset and the log time of its states, and file name -> SHA-256."""

    version: int
    next_offset: int
    logged_at: int
    files: dict[str, str]


class StateCopies:
    """Below `url`/states. For one thread at a time a partition."""

    def __init__(self, url: str):
        options = _S3 if get_protocol(url) in ("s3", "s3a") else {}
        self._fs, root = fsspec.url_to_fs(url, **options)  # type: ignore[no-untyped-call]
        self._root = f"{root.rstrip('/')}/states"
        self._is_local = "file" in self._fs.protocol
        self._hashes: dict[tuple[int, int, int], str] = {}  # of tables: (inode, size, time of change)

    def offsets(self, partition: int) -> list[int]:
        """The places of the copies that are there, the newest first."""
        folder = f"{self._root}/{partition}"
        if not self._fs.exists(folder):
            return []
        names = [path.rpartition("/")[2] for path in self._fs.ls(folder, detail=False)]
        return sorted((int(n[:-5]) for n in names if n.endswith(".json") and n[:-5].isdigit()), reverse=True)

    def put(self, partition: int, store: StateStore) -> int:
        """Copy the store as it stands, unless that copy is there; its offset. Older copies go."""
        there = self.offsets(partition)
        if there and there[0] >= store.next_offset:
            return there[0]
        aside = store.path.with_name(f"{store.path.name}.copy")
        shutil.rmtree(aside, ignore_errors=True)
        try:
            next_offset, logged_at = store.copy_to(aside)
            files = {path.name: self._upload(partition, path) for path in sorted(aside.iterdir())}
        finally:
            shutil.rmtree(aside, ignore_errors=True)
        copy = Copy(VERSION, next_offset, logged_at, files)
        self._write(self._manifest(partition, next_offset), msgspec.json.encode(copy))
        self._prune(partition)
        return next_offset

    def bring(self, partition: int, folder: Path) -> int:
        """Put the newest whole copy in the place of the store in `folder`, where that is behind it; the copy's offset.

        0 where there is none, or none that is better. A copy that is damaged is passed over, and said to be.
        """
        offsets = self.offsets(partition)
        own = saved_offset(folder) if offsets else 0
        for offset in offsets:
            if offset <= own:
                return 0
            aside = folder.with_name(f"{folder.name}.brought")
            shutil.rmtree(aside, ignore_errors=True)
            aside.mkdir(parents=True)
            try:
                self._download(partition, offset, aside)
            except (OSError, ValueError) as fault:  # msgspec's errors are ValueErrors
                _LOG.warning("the copy of partition %d at offset %d cannot be used: %s", partition, offset, fault)
                shutil.rmtree(aside, ignore_errors=True)
                continue
            shutil.rmtree(folder, ignore_errors=True)
            aside.rename(folder)
            _LOG.info("partition %d goes on from its copy at offset %d", partition, offset)
            return offset
        return 0

    def _download(self, partition: int, offset: int, folder: Path) -> None:
        copy = self._read(partition, offset)
        if copy.version > VERSION:
            raise ValueError(f"it is of version {copy.version}, this Waxwing reads up to {VERSION}")
        for name, digest in copy.files.items():
            if Path(name).name != name:
                raise ValueError(f"{name!r} is no file name")
            self._fs.get_file(self._file(partition, digest), str(folder / name))
            if _digest(folder / name) != digest:
                raise ValueError(f"{name} is not what was written")

    def _upload(self, partition: int, path: Path) -> str:
        stat = path.stat()
        key = (stat.st_ino, stat.st_size, stat.st_mtime_ns)
        digest = self._hashes.get(key) or _digest(path)
        target = self._file(partition, digest)
        if path.suffix == ".sst":
            self._hashes[key] = digest
        if not self._fs.exists(target):
            if self._is_local:
                self._fs.makedirs(target.rpartition("/")[0], exist_ok=True)
                self._fs.put_file(str(path), f"{target}.{os.getpid()}")
                os.replace(f"{target}.{os.getpid()}", target)  # noqa: PTH105 - fsspec's paths are strings
            else:
                self._fs.put_file(str(path), target)
        return digest

    def _write(self, path: str, data: bytes) -> None:
        """Whole or not at all: S3 does so by itself."""
        if not self._is_local:
            self._fs.pipe_file(path, data)
            return
        self._fs.pipe_file(f"{path}.{os.getpid()}", data)
        os.replace(f"{path}.{os.getpid()}", path)  # noqa: PTH105

    def _prune(self, partition: int) -> None:
        offsets = self.offsets(partition)
        if len(offsets) <= KEPT:
            return
        for offset in offsets[KEPT:]:
            self._fs.rm_file(self._manifest(partition, offset))
        used = {digest for offset in offsets[:KEPT] for digest in self._read(partition, offset).files.values()}
        young = datetime.now(UTC) - _YOUNG
        for path in self._fs.ls(f"{self._root}/{partition}/files", detail=False):
            if path.rpartition("/")[2] not in used and self._fs.modified(path) < young:
                self._fs.rm_file(path)

    def _read(self, partition: int, offset: int) -> Copy:
        return msgspec.json.decode(self._fs.cat_file(self._manifest(partition, offset)), type=Copy)

    def _manifest(self, partition: int, offset: int) -> str:
        return f"{self._root}/{partition}/{offset:020d}.json"

    def _file(self, partition: int, digest: str) -> str:
        return f"{self._root}/{partition}/files/{digest}"


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
