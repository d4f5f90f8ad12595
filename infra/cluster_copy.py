"""A copy of the topics of a cluster in one SQLite file, taken while everything runs, and new topics made of one.

    topics     topic -> its partitions
    records    topic, partition, offset -> logged_at, key, value
    ends       topic, partition -> begin, end
    progress   group, topic, partition -> next offset

A copy is no single moment, so the order in which the topics' ends are taken matters: what readers have done before what
they read, conclusions before the events that they come from, and the ledger after all of them, so that what was handed
over to a provider before the copy is known to have been. Definitions come last: those of every event are in it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from itertools import starmap
from pathlib import Path
from typing import Final

from connectors import kafka_topics
from connectors.kafka_config import KafkaConfig
from connectors.kafka_log import KafkaLog
from connectors.kafka_offsets import Offsets
from connectors.kafka_restore import Restorer
from infra.backup import Manifest, aside, checked, copy_kept, install, refuse_full, write_manifest
from schemas.errors import InvalidInput, Violation
from schemas.records import Record
from schemas.topics import ATTEMPTS, DEFINITIONS, EVENTS, NAMES

TOPICS_FILE: Final = "topics.db"
_LAST: Final = (EVENTS, ATTEMPTS, DEFINITIONS)
ORDER: Final = (*(name for name in NAMES if name not in _LAST), *_LAST)
_TABLES: Final = """\
CREATE TABLE topics (topic TEXT PRIMARY KEY, partitions INTEGER NOT NULL);
CREATE TABLE records (topic TEXT, partition INTEGER, offset INTEGER, logged_at INTEGER NOT NULL, key TEXT NOT NULL,
  value BLOB NOT NULL, PRIMARY KEY (topic, partition, offset)) WITHOUT ROWID;
CREATE TABLE ends (topic TEXT, partition INTEGER, begin INTEGER NOT NULL, end INTEGER NOT NULL);
CREATE TABLE progress (name TEXT, topic TEXT, partition INTEGER, next INTEGER NOT NULL);
"""
_TIMEOUT_S: Final = 30.0


def backup(config: KafkaConfig, log: KafkaLog, data: Path, folder: Path) -> Manifest:
    """Copy the cluster's topics, and what lies in `data`, to the new folder.

    InvalidInput where the folder holds something; LogUnavailable where a topic cannot be read.
    """
    refuse_full("backup", folder)
    with aside(folder) as made:
        logged_at = _copy(config, log, made / TOPICS_FILE)
        copy_kept(data, made)
        return write_manifest(made, logged_at)


def restore(config: KafkaConfig, folder: Path, data: Path) -> Manifest:
    """Make the topics of a copy on a cluster that has none of them yet, and its files in the empty folder `data`.

    InvalidInput where the copy is none of a cluster or is damaged, or where a topic or `data` holds something. Where it
    is interrupted, delete the topics and begin anew.
    """
    manifest = checked(folder)
    if TOPICS_FILE not in manifest.files:
        embedded = f"{folder} holds no {TOPICS_FILE}: it is a copy of an embedded installation, without WAXWING_LOG"
        raise InvalidInput("restore", [Violation("folder", embedded)])
    refuse_full("restore", data)
    _make_topics(config, folder / TOPICS_FILE)
    kept = {name: file for name, file in manifest.files.items() if name != TOPICS_FILE}
    install(Manifest(manifest.version, manifest.logged_at, kept), folder, data)
    return manifest


def _copy(config: KafkaConfig, log: KafkaLog, path: Path) -> int:
    """The last `logged_at`, in ms."""
    last = 0
    with closing(sqlite3.connect(path)) as db, db:
        db.executescript(_TABLES)
        db.executemany("INSERT INTO progress VALUES (?, ?, ?, ?)", kafka_topics.groups(config))
        for topic in ORDER:
            count = log.partitions(topic)
            db.execute("INSERT INTO topics VALUES (?, ?)", (topic, count))
            for partition in range(count):
                begin, end = log.begin(topic, partition), log.end(topic, partition)
                db.execute("INSERT INTO ends VALUES (?, ?, ?, ?)", (topic, partition, begin, end))
                for record in _records(log, topic, partition, begin, end):
                    db.execute("INSERT INTO records VALUES (?, ?, ?, ?, ?, ?)", (topic, partition, *record))
                    last = max(last, record.logged_at)
    return last


def _records(log: KafkaLog, topic: str, partition: int, begin: int, end: int) -> Iterator[Record]:
    offset = begin
    while offset < end and (records := log.read(topic, partition, offset)):
        yield from (record for record in records if record.offset < end)
        offset = records[-1].offset + 1


def _make_topics(config: KafkaConfig, path: Path) -> None:
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
        partitions = dict(db.execute("SELECT topic, partitions FROM topics"))
        kafka_topics.create(config, partitions[EVENTS])
        _refuse_full(config, partitions)
        with kafka_topics.filling(config):
            _fill(config, db)
        _set_progress(config, db)


def _refuse_full(config: KafkaConfig, partitions: dict[str, int]) -> None:
    offsets = Offsets(config, _TIMEOUT_S)
    try:
        full = [
            Violation(f"{config.name(topic)} partition {n}", "is not empty: a copy goes into new topics")
            for topic, count in sorted(partitions.items())
            for n in range(count)
            if offsets.end(config.name(topic), n)
        ]
    finally:
        offsets.close()
    if full:
        raise InvalidInput("restore", full)


def _fill(config: KafkaConfig, db: sqlite3.Connection) -> None:
    restorer = Restorer(config)
    for topic, partition, begin, end in db.execute("SELECT topic, partition, begin, end FROM ends").fetchall():
        found = db.execute(
            "SELECT offset, logged_at, key, value FROM records WHERE topic = ? AND partition = ? ORDER BY offset",
            (topic, partition),
        )
        restorer.fill(config.name(topic), partition, starmap(Record, found), begin, end)


def _set_progress(config: KafkaConfig, db: sqlite3.Connection) -> None:
    moves: dict[str, dict[tuple[str, int], int]] = {}
    for group, topic, partition, offset in db.execute("SELECT name, topic, partition, next FROM progress"):
        moves.setdefault(config.name(group), {})[config.name(topic), partition] = offset
    offsets = Offsets(config, _TIMEOUT_S)
    try:
        for group, places in sorted(moves.items()):
            offsets.commit(group, places)
    finally:
        offsets.close()
