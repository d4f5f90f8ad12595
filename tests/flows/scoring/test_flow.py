"""The learning flow over a real log: versions come out, and a kill changes nothing but duplicates."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from connectors.sqlite_log import SqliteLog
from flows.definitions.catalogue import Catalogue
from flows.scoring.flow import _puller, last_published
from flows.scoring.learner import Learner, export_model
from schemas.definitions import parse
from schemas.errors import StateAhead
from schemas.ids import content_hash
from schemas.records import Definition, Entry, decode_dead_letter, encode
from schemas.topics import DEAD_LETTERS, DEFINITIONS, EXAMPLES
from tests.flows.scoring.learn_child import definitions, learn_until
from tests.flows.scoring.people import examples

EVERY, LAST = 100, 1_500
ROOT = Path(__file__).resolve().parents[3]


def said(count: int = LAST) -> list[Entry]:
    return [Entry(EXAMPLES, e.model, encode(e)) for e in examples(count)]


def append(folder: Path, entries: list[Entry]) -> None:
    log = SqliteLog(folder / "log.db")
    log.append(entries)
    log.close()


def published(folder: Path) -> list[Definition]:
    log = SqliteLog(folder / "log.db")
    try:
        return definitions(log)
    finally:
        log.close()


def by_version(found: list[Definition]) -> dict[int, set[bytes]]:
    versions: dict[int, set[bytes]] = {}
    for d in found:
        versions.setdefault(d.version, set()).add(encode(d))
    return versions


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory) -> list[Definition]:
    folder = tmp_path_factory.mktemp("undisturbed")
    append(folder, said())
    learn_until(folder, LAST, EVERY)
    return published(folder)


def test_a_version_is_published_for_each_n_examples_and_is_what_the_learner_knew_then(undisturbed):
    learner, expected = Learner("engagement"), []
    for i, example in enumerate(examples(LAST), 1):
        learner.predict_then_learn(example)
        if i % EVERY == 0:
            expected.append((i, export_model(learner)["weights"]))
            learner.start_recent()
    assert [(d.version, d.body["weights"]) for d in undisturbed] == expected


def test_each_version_is_a_valid_definition_that_becomes_the_active_one(undisturbed, tmp_path):
    log, catalogue = SqliteLog(tmp_path / "log.db"), Catalogue()
    log.append([Entry(DEFINITIONS, f"{d.kind}/{d.id}", encode(d)) for d in undisturbed])
    for record in log.read(DEFINITIONS, 0, 0):
        assert catalogue.apply(record)
    active = catalogue.active(1 << 60).get("model", "engagement")
    log.close()
    assert active.version == LAST
    assert parse(active.body).metrics["auc"] > 0.7


def test_the_artefact_is_the_whole_learner_under_its_content_hash(tmp_path):
    append(tmp_path, said(300))
    learn_until(tmp_path, 300, EVERY)
    last = published(tmp_path)[-1]
    stored = (tmp_path / "files" / last.body["artifact"]).read_bytes()
    assert last.body["artifact"] == f"models/engagement/{content_hash(stored)}.json"
    assert export_model(Learner.load(stored))["weights"] == last.body["weights"]
    assert not list((tmp_path / "files").rglob("*.part"))


def test_started_again_it_goes_on_where_it_was(tmp_path, undisturbed):
    entries = said()
    append(tmp_path, entries[:450])
    learn_until(tmp_path, 400, EVERY)
    append(tmp_path, entries[450:])
    learn_until(tmp_path, LAST, EVERY)
    assert by_version(published(tmp_path)) == by_version(undisturbed)


@pytest.mark.slow
@pytest.mark.parametrize("point", ["before_publish", "after_publish"])
def test_kill_9_publishes_the_same_versions_with_the_same_bytes(tmp_path, undisturbed, point):
    append(tmp_path, said())
    kills = 0
    for chance in ("1", "0.4", "0.4", "0.4", "0"):
        child = subprocess.run(
            [sys.executable, "-m", "tests.flows.scoring.learn_child", str(tmp_path), str(LAST), str(EVERY)],
            cwd=ROOT,
            env={**os.environ, "WAXWING_DIE_AT": point, "WAXWING_DIE_IN": chance},
            capture_output=True,
            timeout=60,
            check=False,
        )
        if child.returncode == 0:
            break
        assert child.returncode == -9, child.stderr.decode()
        kills += 1
    assert kills > 0
    assert by_version(published(tmp_path)) == by_version(undisturbed)


def test_examples_that_the_fold_repeats_are_learned_once(tmp_path, undisturbed):
    entries = said()
    by_partition: dict[int, list[Entry]] = {}
    log = SqliteLog(tmp_path / "log.db")
    for entry, example in zip(entries, examples(LAST), strict=True):
        by_partition.setdefault(log.partition_of("events", example.contact), []).append(entry)
    # The fold of one partition crashes after its 200th example and repeats its last 50.
    victim = by_partition[0]
    cut = entries.index(victim[200])
    log.append(entries[:cut] + victim[150:200] + entries[cut:])
    log.close()
    learn_until(tmp_path, LAST, EVERY)
    assert [d.body["weights"] for d in published(tmp_path)] == [d.body["weights"] for d in undisturbed]


def test_what_cannot_be_read_goes_to_dead_letters_whole(tmp_path):
    short = encode(examples(1)[0]).replace(b"[0.0,", b"[", 1)
    append(tmp_path, [Entry(EXAMPLES, "engagement", b"{oops"), Entry(EXAMPLES, "engagement", short), *said(EVERY)])
    learn_until(tmp_path, EVERY, EVERY)
    log = SqliteLog(tmp_path / "log.db")
    letters = [decode_dead_letter(r.value) for r in log.read(DEAD_LETTERS, 0, 0)]
    log.close()
    assert [(d.raw, d.offset) for d in letters] == [(b"{oops", 0), (short, 1)]
    assert "12 features" in letters[1].reason


def test_a_log_that_was_restored_from_an_older_copy_is_refused(tmp_path):
    log = SqliteLog(tmp_path / "log.db")
    with pytest.raises(StateAhead, match="offset 5, the log ends at 0"):
        _puller(log, 5)
    log.close()


def test_who_goes_on_without_a_state_and_without_the_first_examples_publishes_the_same(tmp_path, undisturbed):
    append(tmp_path, said(LAST // 2))
    learn_until(tmp_path, last_version(LAST // 2), EVERY)
    before = published(tmp_path)
    shutil.rmtree(tmp_path / "learning")  # another worker, on another disk
    append(tmp_path, said()[LAST // 2 :])
    with closing(sqlite3.connect(tmp_path / "log.db")) as db, db:  # retention has passed by what is learned
        db.execute("DELETE FROM examples WHERE offset < ?", (last_version(LAST // 2) // 2,))
    learn_until(tmp_path, LAST, EVERY)
    after = published(tmp_path)[len(before) :]
    assert [d.version for d in after] == [d.version for d in undisturbed if d.version > before[-1].version]
    assert by_version([*before, *after]) == by_version(undisturbed)


def test_where_the_file_of_the_last_version_is_gone_too_it_learns_anew_and_says_so(tmp_path, undisturbed, caplog):
    append(tmp_path, said())
    learn_until(tmp_path, LAST, EVERY)
    shutil.rmtree(tmp_path / "learning")
    shutil.rmtree(tmp_path / "files")
    log = SqliteLog(tmp_path / "log.db")
    assert last_published(log, (tmp_path / "files").as_uri(), "engagement").state.examples == 0
    assert "model engagement is learned anew" in caplog.text
    log.close()


def last_version(count: int) -> int:
    """The last version that is due after so many examples."""
    return count // EVERY * EVERY
