"""The state store of a partition, on a real RocksDB."""

from __future__ import annotations

import multiprocessing
from pathlib import Path

import pytest

from schemas.errors import Fenced, StateAhead
from sinks.state_store import Checkpoint, StateStore


def test_states_and_offset_come_back_together(tmp_path: Path):
    store = StateStore(tmp_path / "0")
    store.commit(Checkpoint(0, 5, 77, {"ann": b"1", "böb": b"2"}))
    store.commit(Checkpoint(0, 9, 77, {"ann": b"3"}))
    store.close()
    again = StateStore(tmp_path / "0")
    assert (again.load(), again.next_offset, again.logged_at) == ({"ann": b"3", "böb": b"2"}, 9, 77)
    again.close()


def test_a_new_store_is_empty_and_at_the_start(tmp_path: Path):
    store = StateStore(tmp_path / "0")
    assert (store.load(), store.next_offset) == ({}, 0)
    store.close()


def test_an_owner_that_was_replaced_can_commit_no_more(tmp_path: Path):
    store = StateStore(tmp_path / "0")
    store.owner = "somebody else has written the token since"
    with pytest.raises(Fenced, match="another process"):
        store.commit(Checkpoint(0, 1, 77, {"ann": b"1"}))
    assert store.load() == {}
    store.close()


def test_a_state_past_the_end_of_its_log_is_refused(tmp_path: Path):
    store = StateStore(tmp_path / "0")
    store.commit(Checkpoint(0, 5, 77, {}))
    store.check(5)
    with pytest.raises(StateAhead, match="restored"):
        store.check(4)
    store.close()


def _commit_until_killed(path: Path) -> None:
    store = StateStore(path)
    for n in range(1, 1_000_000):
        store.commit(Checkpoint(0, n, 77, {"a": str(n).encode(), f"c{n % 100}": str(n).encode()}))


def test_a_kill_leaves_states_and_offset_of_one_and_the_same_commit(tmp_path: Path):
    context = multiprocessing.get_context("spawn")
    child = context.Process(target=_commit_until_killed, args=(tmp_path / "0",))
    child.start()
    log = tmp_path / "0"
    while not any(f.suffix == ".log" and f.stat().st_size > 20_000 for f in (log.iterdir() if log.exists() else ())):
        assert child.is_alive()
        child.join(0.02)
    child.kill()
    child.join()
    child.close()
    store = StateStore(tmp_path / "0")
    states, at = store.load(), store.next_offset
    assert at > 0
    assert states["a"] == str(at).encode()
    assert states[f"c{at % 100}"] == str(at).encode()
    store.close()
