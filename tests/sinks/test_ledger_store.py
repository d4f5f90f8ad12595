"""The kept ledger."""

from __future__ import annotations

from pathlib import Path

import pytest

from flows.delivery.ledger import NEVER, Standing
from schemas.errors import Fenced, StateAhead
from schemas.ids import uuid5
from schemas.records import Attempt
from sinks.ledger_store import LedgerStore

SEND = uuid5("a send")


def test_it_says_where_a_send_stands_also_after_it_is_opened_anew(tmp_path: Path):
    ledger = LedgerStore(tmp_path / "0")
    ledger.apply([Attempt(SEND, "c", 1, "started", 5), Attempt("no uuid", "c", 1, "started", 6)], 2)
    ledger.apply([Attempt(SEND, "c", 1, "accepted", 7)], 3)
    ledger.close()
    again = LedgerStore(tmp_path / "0")
    assert again.get(SEND) == Standing("accepted", 1, 7)
    assert again.get("no uuid") == Standing("started", 1, 6)
    assert again.get(uuid5("another")) == NEVER
    assert again.next_offset == 3
    again.close()


def test_a_second_owner_is_refused(tmp_path: Path):
    ledger = LedgerStore(tmp_path / "0")
    with pytest.raises(Fenced, match="another process"):
        LedgerStore(tmp_path / "0")
    ledger.close()


def test_a_ledger_past_the_end_of_its_log_is_refused(tmp_path: Path):
    ledger = LedgerStore(tmp_path / "0")
    ledger.apply([Attempt(SEND, "c", 1, "started", 5)], 4)
    ledger.check(4)
    with pytest.raises(StateAhead, match="older copy"):
        ledger.check(3)
    ledger.close()
