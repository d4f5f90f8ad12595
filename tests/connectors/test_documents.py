"""Files that people write are read as they stand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from connectors.documents import files_of, read_documents


def bodies(tmp_path: Path, text: str, name: str = "a.yaml") -> list[dict[str, Any]]:
    (tmp_path / name).write_text(text)
    documents, faults = read_documents(tmp_path / name)
    assert not faults
    return [d.body for d in documents]


def fault(tmp_path: Path, text: str, name: str = "a.yaml") -> str:
    (tmp_path / name).write_text(text)
    documents, (found,) = read_documents(tmp_path / name)
    assert not documents
    return str(found).removeprefix(str(tmp_path) + "/")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("12:30", "12:30"),
        ("09:00", "09:00"),
        ("2026-01-31", "2026-01-31"),
        ("2026-01-31T09:00:00Z", "2026-01-31T09:00:00Z"),
        ("no", "no"),
        ("true", True),
        ("0123", "0123"),
        ("1_000", "1_000"),
        ("12", 12),
        ("-1.5", -1.5),
        ("1e3", 1000.0),
        ("~", None),
        ("", None),
        ('"12"', "12"),
    ],
)
def test_a_scalar_is_what_yaml_1_2_says(tmp_path, text, value):
    (body,) = bodies(tmp_path, f"v: {text}")
    assert body == {"v": value}
    assert type(body["v"]) is type(value)


def test_the_key_on_stays_a_key(tmp_path):
    assert bodies(tmp_path, "on: {event: paid}") == [{"on": {"event": "paid"}}]


def test_a_file_holds_one_object_a_list_or_several_documents(tmp_path):
    assert bodies(tmp_path, "a: 1") == [{"a": 1}]
    assert bodies(tmp_path, "- a: 1\n- a: 2") == [{"a": 1}, {"a": 2}]
    assert bodies(tmp_path, "a: 1\n---\n- a: 2\n---\n") == [{"a": 1}, {"a": 2}]
    assert bodies(tmp_path, '[{"a": 1}, {"a": 2}]', "a.json") == [{"a": 1}, {"a": 2}]
    assert bodies(tmp_path, "") == []


def test_each_object_has_its_place(tmp_path):
    (tmp_path / "a.yaml").write_text("- a: 1\n- 7")
    documents, faults = read_documents(tmp_path / "a.yaml")
    assert [d.place for d in documents] == [f"{tmp_path}/a.yaml[1]"]
    assert str(faults[0]) == f"{tmp_path}/a.yaml[2]: must be an object with kind and id, not int"


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("a.yaml", "a: [1", "a.yaml: line 1, column 6: expected ',' or ']'"),
        ("a.yaml", "a: 1\na: 2", "a.yaml: line 2, column 1: 'a' stands twice"),
        ("a.yaml", "1: 2", "a.yaml: line 1, column 1: the key 1 is no string"),
        ("a.yaml", "a: !!python/object/apply:os.getcwd []", "a.yaml: line 1, column 4: could not determine"),
        ("a.json", '{"a": 1, "a": 2}', "a.json: 'a' stands twice"),
        ("a.json", "{", "a.json: Expecting property name"),
    ],
)
def test_a_fault_says_where(tmp_path, name, text, expected):
    assert fault(tmp_path, text, name).startswith(expected)


def test_bytes_that_are_no_text_are_a_fault(tmp_path):
    (tmp_path / "a.yaml").write_bytes(b"a: \xff")
    assert "utf-8" in str(read_documents(tmp_path / "a.yaml")[1][0])


def test_a_folder_is_read_with_those_in_it_in_order(tmp_path):
    for name in ("b.yaml", "a.json", "c.txt", "in/d.yml"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("{}")
    assert [str(p.relative_to(tmp_path)) for p in files_of(tmp_path)] == ["a.json", "b.yaml", "in/d.yml"]
    with pytest.raises(FileNotFoundError):
        files_of(tmp_path / "nowhere")
