"""Rows of files as events: JSON lines, CSV, Parquet, mappings, and the real data of a rewards programme."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from connectors.files import FileMapping, ImportedFile, Line, read_mapping
from connectors.rows import Rows
from connectors.sqlite_log import SqliteLog
from infra.commands.importing import run
from schemas.errors import InvalidInput
from schemas.records import Event, decode_event
from schemas.topics import EVENTS

MAPPING = Path(__file__).resolve().parents[2] / "infra/samples/starbucks/mapping.yaml"
ROW = {"type": "track", "event": "{}", "user": "who", "at": {"from": "day", "format": "%Y-%m-%d"}}


def lines(path: Path, mapping: FileMapping | None = None, historical: bool = True) -> list[Line]:
    return list(ImportedFile(path, mapping, historical).lines(now=7))


def events(found: Iterable[Line]) -> list[Event]:
    return [decode_event(entry.value) for line in found for entry in line.events]


def mapping(*files: dict[str, Any]) -> FileMapping:
    return FileMapping.model_validate_json(json.dumps({"files": files}))


def write(path: Path, *rows: Any) -> Path:
    text = "\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows)
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


def call(**fields: Any) -> dict[str, Any]:
    return {"type": "track", "event": "paid", "userId": "ann", "timestamp": 5, **fields}


# Segment-spec lines


@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz"])
def test_segment_lines_are_taken_as_they_are_and_are_history(tmp_path, name):
    path = write(
        tmp_path / name,
        call(messageId="m"),
        "",
        {"type": "consent_changed", "userId": "b", "timestamp": 6}
        | {"properties": {"channel": "email", "status": "subscribed"}},
    )
    paid, consent = events(lines(path))
    assert (paid.id, paid.at, paid.received_at, paid.historical) == ("m", 5, 5, True)
    assert (consent.type, consent.historical) == ("consent_changed", True)
    assert not any(e.historical for e in events(lines(path, historical=False)))


def test_a_line_that_cannot_be_read_is_set_aside_and_the_rest_stands(tmp_path):
    found = lines(write(tmp_path / "a.jsonl", call(), "{oh", call(userId=None), call(), '{"a":"\ufffd'))
    assert len(events(found)) == 2
    letters = [line.letter for line in found if line.letter is not None]
    assert [letter.raw for letter in letters] == [
        b"{oh",
        json.dumps(call(userId=None)).encode(),
        '{"a":"\ufffd'.encode(),
    ]
    assert {letter.source for letter in letters} == {"import:a.jsonl"}
    assert letters[1].reason.startswith("line 3: userId: is missing")


def test_exact_repetitions_are_events_of_their_own_and_the_same_file_again_gives_the_same_ids(tmp_path):
    path = write(tmp_path / "a.jsonl", call(), call())
    ids = [e.id for e in events(lines(path))]
    assert len(set(ids)) == 2
    assert [e.id for e in events(lines(write(tmp_path / "copy.jsonl.gz", call(), call())))] == ids


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"[\n{}\n]", "is a list; write one object a line"),
        (gzip.compress(b'{"a":1}\n' * 1000)[:-20], "damaged or cut"),
        (b"\x1f\x8bnonsense", "damaged or cut"),
    ],
    ids=["list", "cut", "nonsense"],
)
def test_a_file_that_is_not_what_it_should_be_is_refused(tmp_path, content, message):
    path = tmp_path / ("a.jsonl.gz" if content[:1] == b"\x1f" else "a.jsonl")
    path.write_bytes(content)
    with pytest.raises(InvalidInput, match=message):
        lines(path)


def test_a_bom_and_windows_line_ends_do_no_harm(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps(call()).encode() + b"\r\n" + json.dumps(call()).encode() + b"\r\n")
    assert len(events(lines(path))) == 2


# Tables


CSV = {
    "match": "*",
    "rules": [{"to": {**ROW, "event": {"from": "what"}, "properties": {"n": {"from": "n", "as": "number"}}}}],
}


def test_csv_is_text_whose_empty_cells_are_missing(tmp_path):
    path = write(tmp_path / "a.csv", "who,what,day,n", "007,paid,2026-01-31,12.5", '8,"a, b",2026-02-01,', ",,,")
    found = lines(path, mapping(CSV))
    first, second = events(found)
    assert (first.user_id, first.event, first.properties) == ("007", "paid", {"n": 12.5})
    assert (second.event, second.properties) == ("a, b", {})
    assert [line.letter.reason.split(":")[0] for line in found if line.letter] == ["line 3"]


def test_a_csv_line_that_is_no_row_is_set_aside_with_its_text(tmp_path):
    path = write(
        tmp_path / "a.csv",
        "who,what,day,n",
        "1,paid,2026-01-31,1",
        "2,paid",
        "3,x,2026-01-31,1,2,3",
        "4,paid,2026-01-31,1",
    )
    found = lines(path, mapping(CSV))
    assert [e.user_id for e in events(found)] == ["1", "4"]
    letters = [line.letter for line in found if line.letter is not None]
    assert [letter.raw for letter in letters] == [b"2,paid", b"3,x,2026-01-31,1,2,3"]
    assert letters[0].reason.startswith("line 3: Expected Number of Columns: 4 Found: 2")


def test_a_delimiter_and_an_encoding_can_be_said(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes("who;what;day;n\nJürg;paid;2026-01-31;1\n".encode("latin-1"))
    (event,) = events(lines(path, mapping({**CSV, "delimiter": ";", "encoding": "latin-1"})))
    assert event.user_id == "Jürg"


def test_parquet_keeps_its_types(tmp_path):
    table = pa.table(
        {
            "who": [1, 2],
            "at": [datetime(2026, 1, 31, 9), None],
            "born": [date(1990, 5, 17), None],
            "total": [Decimal("19.99"), None],
            "tags": [["a", "b"], None],
            "place": [{"city": "Bern"}, None],
        }
    )
    pq.write_table(table, tmp_path / "a.parquet")
    to = {"type": "identify", "user": "who", "at": "at"}
    to["traits"] = {"born": "born", "tags": "tags", "city": "place.city", "cents": {"from": "total", "money": "EUR"}}
    found = lines(tmp_path / "a.parquet", mapping({"match": "*.parquet", "rules": [{"to": to}]}))
    (event,) = events(found)
    assert (event.user_id, event.at) == ("1", 1_769_850_000_000)
    assert event.traits == {"born": "1990-05-17", "tags": ["a", "b"], "city": "Bern", "cents": 1999}
    assert found[1].letter is not None
    assert "timestamp: is missing" in found[1].letter.reason


def test_a_file_that_is_no_parquet_is_refused(tmp_path):
    (tmp_path / "a.parquet").write_bytes(b"nonsense" * 10)
    with pytest.raises(InvalidInput, match=r"a\.parquet"):
        lines(tmp_path / "a.parquet", mapping({"match": "*", "rules": [{"to": {"type": "identify", "user": "who"}}]}))


def test_a_table_of_many_rows_keeps_their_order(tmp_path):
    path = write(tmp_path / "a.csv.gz", "who,what,day,n", *(f"{i},paid,2026-01-31,{i}" for i in range(30_000)))
    assert [e.user_id for e in events(lines(path, mapping(CSV)))] == [str(i) for i in range(30_000)]


# Mappings


def test_of_several_rules_each_that_fits_makes_an_event_and_a_row_may_make_none(tmp_path):
    path = write(tmp_path / "x.jsonl", {"who": 1, "plan": "gold", "t": 1}, {"who": 2, "t": 2}, {"t": 3, "skip": True})
    who = {"user": "who", "at": "t"}
    keep = {"field": "skip", "op": "missing"}
    rules = [
        {"when": [keep], "to": {"type": "track", "event": "seen", **who}},
        {"when": [{"field": "plan", "op": "exists"}], "to": {"type": "identify", "traits": {"plan": "plan"}, **who}},
    ]
    found = lines(path, mapping({"match": "*", "rules": rules}))
    assert [(e.user_id, e.name) for e in events(found)] == [("1", "seen"), ("1", "identify"), ("2", "seen")]
    assert len({e.id for e in events(found)}) == 3
    assert len(found) == 3


def test_repetitions_are_kept_or_dropped_as_the_mapping_says(tmp_path):
    path = write(tmp_path / "x.jsonl", {"who": 1, "t": 1}, {"who": 1, "t": 1})
    rules = [{"to": {"type": "track", "event": "seen", "user": "who", "at": "t"}}]
    for duplicates, distinct in (("keep", 2), ("drop", 1)):
        found = events(lines(path, mapping({"match": "*", "duplicates": duplicates, "rules": rules})))
        assert len({e.id for e in found}) == distinct


def test_the_first_rules_whose_pattern_fits_the_name_count_and_a_file_without_is_refused(tmp_path):
    rules = [{"to": {"type": "identify", "user": "who", "at": "t"}}]
    rules_of = [{"match": "a*", "rules": rules}, {"match": "b*.jsonl", "rules": rules}]
    with pytest.raises(InvalidInput, match=r"no rules for it; it has some for a\*, b\*\.jsonl"):
        lines(write(tmp_path / "c.jsonl", {}), mapping(*rules_of))
    with pytest.raises(InvalidInput, match="a table needs a mapping"):
        lines(write(tmp_path / "c.csv", "a,b"))
    with pytest.raises(InvalidInput, match="is none of"):
        lines(write(tmp_path / "c.xlsx", "a"))


def test_data_cannot_forge_facts_of_waxwings_own_and_a_rule_may_state_them(tmp_path):
    path = write(tmp_path / "x.jsonl", {"who": 1, "t": 1, "what": "email_opened"})
    by_data = {"type": "track", "event": {"from": "what"}, "user": "who", "at": "t"}
    by_rule = {"type": "email_opened", "user": "who", "at": "t"}
    (line,) = lines(path, mapping({"match": "*", "rules": [{"to": by_data}]}))
    assert line.letter is not None
    (event,) = events(lines(path, mapping({"match": "*", "rules": [{"to": by_rule}]})))
    assert event.type == "email_opened"


def test_every_fault_of_a_mapping_is_said_with_its_place(tmp_path):
    path = write(tmp_path / "m.yaml", "files:\n  - match: a\n    colour: 1\n    rules: [{to: {type: identify}}]\n")
    with pytest.raises(InvalidInput) as caught:
        read_mapping(path)
    text = str(caught.value)
    assert "files.0.colour" in text
    assert "files.0.rules.0.to: give `user` or `anonymous`" in text
    with pytest.raises(InvalidInput, match="holds 2 objects"):
        read_mapping(write(tmp_path / "two.yaml", "[{}, {}]"))


# Real data


@pytest.mark.slow
@pytest.mark.data
def test_a_rewards_programme_is_imported_whole(tmp_path, shared, capsys):
    """The totals were counted from the files by somebody else; `facts.json` has them."""
    folder = shared / "data/starbucks"
    facts = json.loads((folder / "facts.json").read_text())
    rules = read_mapping(MAPPING)
    log = SqliteLog(tmp_path / "log.db")
    files = [ImportedFile(folder / name, rules) for name in ("profile.json.gz", "transcript.json.gz")]
    summary = run(log, files)
    with capsys.disabled():
        print(f"\nimport of starbucks: {summary.as_dict()}")
    assert (summary.read, summary.appended, summary.dead) == (17_000 + facts["rows"],) * 2 + (0,)
    found = [decode_event(r.value) for n in range(4) for r in log.read(EVENTS, n, 0, 1_000_000)]
    log.close()
    tracks = [e for e in found if e.type == "track"]
    names = Counter(e.event.replace("_", " ") for e in tracks)
    assert names == facts["event_counts"]
    assert len({e.id for e in found}) == len(found)  # the 397 repeated lines too
    assert len({e.user_id for e in tracks}) == facts["persons_in_transcript"]
    assert (
        sum(e.properties["amount_minor"] for e in tracks if e.event == "transaction")
        == facts["transaction_total_cents"]
    )
    of_offers = Counter(
        (e.properties["offer_id"], e.event.replace("_", " ")) for e in tracks if "offer_id" in e.properties
    )
    rewards: Counter[str] = Counter()
    for e in tracks:
        if e.event == "offer_completed":
            rewards[e.properties["offer_id"]] += e.properties["reward"]
    for offer, counts in facts["per_offer"].items():
        assert rewards[offer] == counts.pop("reward_total")
        assert {name: of_offers[offer, name] for name in counts} == counts
    start = 1_532_649_600_000  # 2018-07-27T00:00:00Z
    waves = Counter((e.at - start) // 3_600_000 for e in tracks if e.event == "offer_received")
    assert waves == {int(hour): count for hour, count in facts["offer_send_hours"].items()}
    people = [e for e in found if e.type == "identify"]
    assert sum(not {"age", "gender", "income"} & set(e.traits) for e in people) == 2_175
    assert {e.properties["offer_type"] for e in tracks if "offer_id" in e.properties} == {
        "bogo",
        "discount",
        "informational",
    }
    assert all(e.historical for e in found)


@pytest.mark.slow
@pytest.mark.data
def test_a_large_csv_is_read_row_by_row(shared):
    rows = Rows(shared / "data/online_retail/online_retail.csv.gz")
    total = customers = 0
    for row in rows:
        record = json.loads(row.data)
        assert not row.fault
        total += 1
        customers += "CustomerID" in record
    assert (total, rows.done, total - customers) == (541_909, 541_909, 135_080)
