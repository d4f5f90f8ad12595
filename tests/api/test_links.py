"""What is behind the links in messages, for people and machines."""

from __future__ import annotations

import time
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest

from connectors.sqlite_log import SqliteLog
from flows.contact.active import Definitions
from flows.contact.partition import PartitionFold
from flows.content.clicks import HOLD_MS
from flows.content.links import Links
from flows.delivery.origin import Origin
from infra.link_key import link_key
from schemas.records import TICK, Definition, Entry, Event, Record, decode_event, encode
from schemas.topics import EVENTS
from tests.api.support import TestClient, api, events, records, settings

PERSON = {"User-Agent": "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Safari/605.1.15"}
ORIGIN = Origin("send-1", "ann", "email", "spring", "welcome", 3, "hello", "t", "news")
TOPICS = [
    {"kind": "topic", "id": "news", "name": "News & more", "channel": "email"},
    {"kind": "topic", "id": "offers", "name": "Offers", "description": "Once a month", "channel": "email"},
    {"kind": "topic", "id": "alerts", "name": "Alerts", "channel": "sms"},
]
Api = tuple[TestClient, SqliteLog, Links]


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Api]:
    with api(tmp_path) as (client, log):
        client.headers.update(PERSON)
        published = [Definition("topic", body["id"], "publish", 1, dict(body)) for body in TOPICS]
        log.append([Entry("definitions", f"topic/{d.id}", encode(d)) for d in published])
        yield client, log, Links("", link_key(settings(tmp_path)), ORIGIN)


def machine(event: Event) -> tuple[bool, str]:
    return bool(event.properties.get("machine")), event.properties["reason"]


def test_a_person_s_click_leads_to_its_target_and_is_told(served: Api):
    client, log, links = served
    answer = client.get(links.url("c", "https://a.example/?x=1"), follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (302, "https://a.example/?x=1")
    [event] = events(log)
    assert (event.type, event.properties["channel"], event.properties["url"], machine(event)) == (
        "link_followed",
        "email",
        "https://a.example/?x=1",
        (False, "person v2"),
    )


def test_a_head_request_is_answered_and_told_as_a_machine_s(served: Api):
    client, log, links = served
    assert client.head(links.url("c", "https://a.example"), follow_redirects=False).status_code == 302
    assert [machine(e) for e in events(log)] == [(True, "head_request v2")]


def test_an_open_by_apple_s_proxy_is_kept_and_marked(served: Api):
    client, log, links = served
    answer = client.get(links.url("o"), headers={"User-Agent": "Mozilla/5.0"})
    assert answer.content.startswith(b"GIF89a")
    assert [machine(e) for e in events(log)] == [(True, "apple_mpp v2")]


def test_a_click_right_after_the_hand_over_is_a_machine_s(served: Api):
    client, log, links = served
    now = time.time_ns() // 1_000_000
    client.get(links._replace(at=now).url("c", "https://a.example"), follow_redirects=False)
    client.get(links._replace(at=now - 60_000).url("c", "https://a.example"), follow_redirects=False)
    assert sorted(machine(e) for e in events(log)) == [(False, "person v2"), (True, "too_soon v2")]


def test_of_links_that_are_followed_at_once_all_are_a_machine_s_clicks(served: Api):
    client, log, links = served
    for n in range(3):
        client.get(links.url("c", f"https://a.example/{n}"), follow_redirects=False)
    definitions = Definitions()
    fold = PartitionFold(0, definitions, {}, 0)
    followed = [r for r in records(log, EVENTS) if r.key == "ann"]
    fold.push([*followed, Record(1 << 40, followed[-1].logged_at + HOLD_MS, "", TICK)])
    clicks = [decode_event(e.value) for e in fold.work(100) if e.topic == EVENTS]
    assert [(c.type, *machine(c)) for c in clicks] == [("email_clicked", True, "at_once v2")] * 3
    assert {c.properties["url"] for c in clicks} == {f"https://a.example/{n}" for n in range(3)}


@pytest.mark.parametrize("page", ["", "/preferences"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_looking_at_a_page_changes_no_consent(served: Api, page: str, method: str):
    client, log, links = served
    client.request(method, links.unsubscribe_url + page)
    assert events(log) == []


class Boxes(HTMLParser):
    """The topics of a page that have a box, and whether it is ticked."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.ticked: dict[str, bool] = {}
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if values.get("type") == "checkbox":
            self.ticked[str(values["value"])] = "checked" in values


def test_the_preferences_are_the_topics_of_the_channel(served: Api):
    client, _, links = served
    answer = client.get(links.preferences_url)
    assert Boxes(answer.text).ticked == {"news": True, "offers": False, "default": True}
    assert "News &amp; more" in answer.text
    assert "default-src 'none'" in answer.headers["content-security-policy"]


def test_only_what_was_changed_is_said_with_its_proof(served: Api):
    client, log, links = served
    form = {"topic": ["offers", "default"], "had": ["news", "default"], "had_not": ["offers"]}
    assert client.post(links.preferences_url, data=form).status_code == 200
    said = {e.properties["topic"]: e.properties for e in events(log)}
    assert {topic: p["status"] for topic, p in said.items()} == {"news": "unsubscribed", "offers": "subscribed"}
    assert {(p["channel"], p["source"], p["proof"]) for p in said.values()} == {("email", "preferences", "send-1")}


def test_topics_that_are_not_on_the_page_cannot_be_chosen(served: Api):
    client, log, links = served
    client.post(links.preferences_url, data={"topic": ["alerts", "made-up"], "had_not": ["alerts", "made-up"]})
    assert events(log) == []


@pytest.mark.parametrize(
    ("accepted", "language"), [("de-CH,de;q=0.9", "de"), ("fr", "fr"), ("pl,en;q=0.5", "en"), ("", "en")]
)
def test_pages_speak_the_reader_s_language(served: Api, accepted: str, language: str):
    client, _, links = served
    for url in (links.unsubscribe_url, links.preferences_url):
        assert f'<html lang="{language}">' in client.get(url, headers={"Accept-Language": accepted}).text


def test_a_link_that_was_altered_leads_nowhere(served: Api):
    client, log, links = served
    url = links.url("c", "https://a.example")
    assert client.get(url[:-3] + "AAA", follow_redirects=False).status_code == 404
    assert client.post(links.unsubscribe_url[:-3] + "AAA/preferences").status_code == 404
    assert events(log) == []
