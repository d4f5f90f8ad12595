"""SendGrid's Mail Send against a server that speaks it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from flows.delivery.origin import Origin
from flows.delivery.provider import Accepted, Message, Refused, Result, Retry, Unknown
from schemas.definitions import parse
from schemas.definitions.provider import Provider as Definition
from schemas.errors import InvalidInput
from sinks.providers import http
from sinks.providers.sendgrid import SendGrid, request_of
from tests.sinks.providers.sendgrid_server import KEY, SendGridServer, sendgrid_server

BODY = {
    "kind": "provider",
    "id": "mail",
    "type": "sendgrid",
    "from": {"email": "hello@bank.example", "name": "The Bank"},
    "reply_to": "help@bank.example",
}
ORIGIN = Origin("send-1", "ann", "email", "spring", "welcome", 3, "hello", "t", "news", "sendgrid")
MESSAGE = Message(
    ORIGIN, "ann@example.com", "Hi Ännie", "<p>Hi</p>", "Hi\n", "https://m.example/u/abc", ("https://a.example",)
)


def definition() -> Definition:
    parsed = parse(BODY)
    assert isinstance(parsed, Definition)
    return parsed


def with_server(
    work: Callable[[SendGrid, SendGridServer], Awaitable[Any]], key: str = KEY, timeout_s: float = 5.0
) -> SendGridServer:
    async def run() -> SendGridServer:
        async with sendgrid_server() as server:
            provider = SendGrid(definition(), key, server.url, timeout_s)
            try:
                await work(provider, server)
            finally:
                await provider.close()
            return server

    return asyncio.run(run())


def answers(
    *behaviour: int | str, key: str = KEY, timeout_s: float = 5.0, field: str = "null", **headers: str
) -> list[Result]:
    found: list[Result] = []

    async def work(provider: SendGrid, server: SendGridServer) -> None:
        server.behaviour.extend(behaviour)
        server.headers, server.field = {k.replace("_", "-"): v for k, v in headers.items()}, field
        for _ in behaviour:
            found.append(await provider.send(MESSAGE))

    with_server(work, key, timeout_s)
    return found


@pytest.mark.data
def test_the_request_is_as_the_vendor_describes_it(shared: Path):
    schema = json.loads((shared / "data/vendor_request_schemas/sendgrid_MailSend.schema.json").read_text())
    validator = jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker())
    server = with_server(lambda provider, _: provider.send(MESSAGE))
    plain = request_of(MESSAGE._replace(unsubscribe_url=""), definition())
    for body in (server.accepted[0], plain):
        validator.validate(body)
    assert not validator.is_valid(plain | {"subject": 1})  # the schema does look


def test_the_request_says_who_what_and_how_to_get_away():
    [body] = with_server(lambda provider, _: provider.send(MESSAGE)).accepted
    [person] = body["personalizations"]
    assert person["to"] == [{"email": "ann@example.com"}]
    assert person["custom_args"]["send"] == "send-1"
    assert body["from"] == {"email": "hello@bank.example", "name": "The Bank"}
    assert body["subject"] == "Hi Ännie"
    assert [c["type"] for c in body["content"]] == ["text/plain", "text/html"]
    assert body["categories"] == ["spring", "welcome", "t"]
    assert body["headers"] == {
        "List-Unsubscribe": "<https://m.example/u/abc>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }


def test_transactional_mail_carries_no_unsubscribe_header():
    assert "headers" not in request_of(MESSAGE._replace(unsubscribe_url=""), definition())


def test_accepted_has_the_providers_id():
    assert answers(202) == [Accepted("m1")]


@pytest.mark.parametrize(
    ("status", "kind"),
    [(429, Retry), (500, Retry), (503, Retry), (502, Unknown), (504, Unknown), (400, Refused), (413, Refused)],
)
def test_statuses_are_sorted(status: int, kind: type[Result]):
    [answer] = answers(status)
    assert isinstance(answer, kind)
    assert str(status) in answer.reason


def test_how_long_to_wait_is_taken_from_the_answer():
    assert answers(429, Retry_After="17") == [
        Retry('429 {"errors":[{"message":"status 429","field":null,"help":null}]}', 17)
    ]
    [answer] = answers(429, X_RateLimit_Reset="1")
    assert isinstance(answer, Retry)
    assert answer.after_s == 0  # an instant long ago


def test_a_bad_key_is_a_matter_of_the_account():
    [answer] = answers(202, key="wrong")
    assert isinstance(answer, Refused)
    assert answer.scope == "account"


def test_a_bad_address_is_told_from_a_bad_message():
    for field, scope in (('"personalizations.0.to.0.email"', "address"), ('"subject"', "message"), ("null", "message")):
        [answer] = answers(400, field=field)
        assert isinstance(answer, Refused)
        assert answer.scope == scope


def test_no_answer_and_a_line_cut_after_accepting_are_unknown():
    found = answers("hang", timeout_s=0.2) + answers("cut")
    assert [type(a) for a in found] == [Unknown, Unknown]


def test_no_connection_means_that_it_was_not_accepted():
    async def refused() -> Result:
        provider = SendGrid(definition(), KEY, "http://127.0.0.1:1", 5)
        try:
            return await provider.send(MESSAGE)
        finally:
            await provider.close()

    assert isinstance(asyncio.run(refused()), Retry)


def test_who_cannot_be_reached_is_not_waited_for_as_long_as_an_answer(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(http, "CONNECT_S", 0.05)

    async def unreachable(host: str, port: int) -> str:
        await asyncio.Event().wait()
        return host

    async def ask() -> object:
        async with asyncio.timeout(30):
            return await http.Http("http://mail.example", 3_600, unreachable).request("GET", "/")

    assert isinstance(asyncio.run(ask()), Retry)


def test_connections_are_used_again():
    async def work(provider: SendGrid, _: SendGridServer) -> None:
        for _n in range(20):
            await provider.send(MESSAGE)

    server = with_server(work)
    assert (len(server.accepted), server.connections) == (20, 1)


@pytest.mark.parametrize(
    "address", ["nobody", "a@b", "a b@c.example", "a@b.example\nBcc: x@y.example", "<a@b.example>"]
)
def test_a_sender_that_is_no_address_is_refused(address: str):
    with pytest.raises(InvalidInput, match=r"from\.email"):
        parse(BODY | {"from": {"email": address}})
