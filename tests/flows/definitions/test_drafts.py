"""A draft is a record that the fold of definitions keeps aside; what is archived ends as by a delete."""

from __future__ import annotations

from typing import Any

from flows.definitions.catalogue import Catalogue
from schemas.records import Definition, Record, encode

KEY = ("topic", "news")


def acted(*acts: dict[str, Any]) -> Catalogue:
    catalogue = Catalogue()
    for offset, act in enumerate(acts):
        made = Definition(**{"kind": "topic", "id": "news", "version": 1, **act})
        assert catalogue.apply(Record(offset, offset * 10_000, "topic/news", encode(made)))
    return catalogue


def body(name: str) -> dict[str, Any]:
    return {"kind": "topic", "id": "news", "name": name}


def test_a_draft_activates_nothing_and_takes_no_version():
    catalogue = acted({"op": "draft", "version": 0, "body": body("a"), "by": "ann"})
    assert (catalogue.drafts[KEY].body, catalogue.drafts[KEY].by) == (body("a"), "ann")
    assert (catalogue.last, catalogue.latest_version(*KEY), catalogue.versions) == (-1, 0, {})


def test_a_draft_ends_when_it_is_published_or_discarded_and_not_by_what_others_publish():
    draft = {"op": "draft", "version": 0, "body": body("a")}
    assert not acted(draft, {"op": "publish", "body": body("a")}).drafts
    assert KEY in acted(draft, {"op": "publish", "body": body("b")}).drafts
    assert not acted(draft, {"op": "draft", "version": 0}).drafts


def test_what_is_archived_is_what_stood_until_it_comes_back():
    ended = acted({"op": "publish", "body": body("a")}, {"op": "delete", "archive": True})
    assert ended.active(1 << 60).get(*KEY) is None
    assert ended.archived[KEY].body == body("a")
    deleted = acted({"op": "publish", "body": body("a")}, {"op": "delete"})
    back = acted({"op": "publish", "body": body("a")}, {"op": "delete", "archive": True}, {"op": "rollback"})
    assert not deleted.archived
    assert not back.archived
