from __future__ import annotations

import json
import os
from contextlib import closing
from pathlib import Path

import pytest

from sinks.state_copies import KEPT, StateCopies
from sinks.state_store import Checkpoint, StateStore


def filled(folder: Path, next_offset: int, **states: bytes) -> StateStore:
    store = StateStore(folder)
    store.commit(Checkpoint(3, next_offset, next_offset * 10, states))
    return store


def contents(folder: Path) -> tuple[int, int, dict[str, bytes]]:
    with closing(StateStore(folder)) as store:
        return store.next_offset, store.logged_at, store.load()


def test_another_worker_goes_on_from_the_newest_copy(tmp_path: Path):
    copies = StateCopies((tmp_path / "files").as_uri())
    with closing(filled(tmp_path / "a" / "3", 5, ada=b"1", bob=b"1")) as store:
        assert copies.put(3, store) == 5
        store.commit(Checkpoint(3, 9, 90, {"ada": b"2"}))
        assert copies.put(3, store) == 9
    assert copies.offsets(3) == [9, 5]
    assert StateCopies((tmp_path / "files").as_uri()).bring(3, tmp_path / "b" / "3") == 9
    assert contents(tmp_path / "b" / "3") == (9, 90, {"ada": b"2", "bob": b"1"})


def test_a_disk_that_is_ahead_of_every_copy_is_kept(tmp_path: Path):
    copies = StateCopies((tmp_path / "files").as_uri())
    with closing(filled(tmp_path / "a" / "3", 5, ada=b"1")) as store:
        copies.put(3, store)
    filled(tmp_path / "b" / "3", 7, ada=b"own").close()
    assert copies.bring(3, tmp_path / "b" / "3") == 0
    assert contents(tmp_path / "b" / "3")[2] == {"ada": b"own"}
    filled(tmp_path / "c" / "3", 4, ada=b"old", eve=b"old").close()
    assert copies.bring(3, tmp_path / "c" / "3") == 5
    assert contents(tmp_path / "c" / "3")[2] == {"ada": b"1"}


def test_without_a_copy_nothing_is_touched(tmp_path: Path):
    assert StateCopies(tmp_path.as_uri()).bring(3, tmp_path / "b" / "3") == 0
    assert not (tmp_path / "b").exists()


@pytest.mark.parametrize("damage", ["manifest", "file", "missing"])
def test_a_damaged_copy_is_passed_over_for_the_one_before(
    tmp_path: Path, damage: str, caplog: pytest.LogCaptureFixture
):
    copies = StateCopies((tmp_path / "files").as_uri())
    with closing(filled(tmp_path / "a" / "3", 5, ada=b"1")) as store:
        copies.put(3, store)
        before = set((tmp_path / "files/states/3/files").iterdir())
        store.commit(Checkpoint(3, 9, 90, {"ada": b"2"}))
        copies.put(3, store)
    newest = tmp_path / "files/states/3" / f"{9:020d}.json"
    [new, *_] = set((tmp_path / "files/states/3/files").iterdir()) - before
    match damage:
        case "manifest":
            newest.write_bytes(newest.read_bytes()[:-20])
        case "file":
            new.write_bytes(b"something else")
        case _:
            new.unlink()
    assert copies.bring(3, tmp_path / "b" / "3") == 5
    assert contents(tmp_path / "b" / "3")[2] == {"ada": b"1"}
    assert "at offset 9 cannot be used" in caplog.text


def test_a_copy_brings_only_what_is_new_and_old_ones_go(tmp_path: Path):
    copies = StateCopies((tmp_path / "files").as_uri())
    folder = tmp_path / "files/states/3/files"
    with closing(filled(tmp_path / "a" / "3", 1, **{f"c{i}": os.urandom(100) for i in range(5_000)})) as store:
        copies.put(3, store)
        [large] = [path for path in folder.iterdir() if path.stat().st_size > 400_000]
        written = large.stat().st_mtime_ns
        for offset in range(2, 6):
            store.commit(Checkpoint(3, offset, offset, {"c0": b"%d" % offset}))
            copies.put(3, store)
    assert large.stat().st_mtime_ns == written
    assert copies.offsets(3) == [5, 4][:KEPT]
    for path in folder.iterdir():  # two hours pass
        os.utime(path, (path.stat().st_atime - 7_200, path.stat().st_mtime - 7_200))
    with closing(filled(tmp_path / "a" / "3", 6, c0=b"6")) as store:
        copies.put(3, store)
    manifests = [json.loads(path.read_bytes()) for path in (tmp_path / "files/states/3").glob("*.json")]
    named = {digest for manifest in manifests for digest in manifest["files"].values()}
    assert len(manifests) == KEPT
    assert {path.name for path in folder.iterdir()} == named
    assert copies.bring(3, tmp_path / "b" / "3") == 6
    assert contents(tmp_path / "b" / "3")[2]["c0"] == b"6"
