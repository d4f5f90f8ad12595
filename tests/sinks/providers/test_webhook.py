"""Webhooks: signed as Standard Webhooks has it, and never to where only we can reach."""

from __future__ import annotations

import asyncio
import hmac
import time
from base64 import b64decode, b64encode
from hashlib import sha256

import pytest

from flows.delivery.provider import Absent, Accepted, Refused, Result, Retry, Unknown
from sinks.providers.public import NotPublic, is_public, public_only
from sinks.providers.webhook import Webhook, key_of
from tests.sinks.providers.vendor import MESSAGE, ORIGIN, Asked, Say, Vendor, defined, result, with_vendor

SECRET = "whsec_" + b64encode(b"0123456789abcdef0123456789abcdef").decode()
HOOK = MESSAGE._replace(to="", subject="", html="", text="", data={"plan": "gold"})


def webhook(url: str, path: str = "/in?x=1", private: bool = True) -> Webhook:
    return Webhook(defined(type="webhook", url=url + path), SECRET, private, 1)


def test_the_body_is_signed_over_id_time_and_bytes():
    vendor = Vendor(Say(204))
    assert result(vendor, webhook, HOOK) == Accepted()
    [asked] = vendor.asked
    assert (asked.method, asked.path) == ("POST", "/in?x=1")
    id, at, signed = (asked.headers[f"webhook-{name}"] for name in ("id", "timestamp", "signature"))
    assert id == ORIGIN.send
    assert abs(int(at) - time.time()) < 60
    expected = hmac.new(b64decode(SECRET[6:]), f"{id}.{at}.".encode() + asked.body, sha256).digest()
    assert signed == "v1," + b64encode(expected).decode()


def test_the_vector_of_the_specification():
    from sinks.providers.webhook import signature

    key = key_of("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    body = b'{"test": 2432232314}'
    signed = signature(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body)
    assert signed == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_the_body_says_who_why_and_the_data_or_is_the_templates_own():
    vendor = Vendor(Say())
    result(vendor, webhook, HOOK)
    result(vendor, webhook, HOOK._replace(text='{"mine": 1}'))
    assert vendor.asked[0].json == {
        "send": ORIGIN.send,
        "contact": "ann",
        "campaign": "spring",
        "journey": "welcome",
        "version": 3,
        "node": "hello",
        "data": {"plan": "gold"},
    }
    assert vendor.asked[1].json == {"mine": 1}


@pytest.mark.parametrize(
    ("status", "kind"), [(200, Accepted), (299, Accepted), (503, Retry), (429, Retry), (504, Unknown), (410, Refused)]
)
def test_statuses_are_sorted(status: int, kind: type[Result]):
    assert isinstance(result(Vendor(Say(status)), webhook, HOOK), kind)


def test_a_redirect_is_not_followed():
    vendor = Vendor(Say(302, headers=(("Location", "http://127.0.0.1:1/secret"),)))
    assert isinstance(result(vendor, webhook, HOOK), Refused)
    assert len(vendor.asked) == 1


def test_what_is_unknown_may_go_again_under_the_same_id():
    assert with_vendor(Vendor(Say()), webhook, lambda hook: hook.find("x")) == Absent()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]"])
def test_a_private_address_is_never_called(host: str):
    vendor = Vendor(Say())
    found = result(vendor, lambda url: webhook(f"http://{host}:{url.rpartition(':')[2]}", private=False), HOOK)
    assert isinstance(found, Retry)
    assert "not public" in found.reason
    assert vendor.connections == 0


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0", "10.1.2.3", "100.64.0.1", "127.0.0.1", "169.254.169.254", "172.16.0.1", "192.168.0.1", "224.0.0.1",
        "255.255.255.255", "::", "::1", "fc00::1", "fe80::1%eth0", "ff02::1", "::ffff:127.0.0.1",
    ],
)  # fmt: skip
def test_what_is_not_public(address: str):
    assert not is_public(address)


def test_a_name_of_which_one_address_is_private_is_refused(monkeypatch: pytest.MonkeyPatch):
    async def look(*_: object, **__: object) -> list[object]:
        return [(2, 1, 6, "", ("93.184.216.34", 80)), (2, 1, 6, "", ("10.0.0.1", 80))]

    async def run() -> str:
        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", look, raising=False)
        return await public_only("rebind.example", 80)

    with pytest.raises(NotPublic, match=r"10\.0\.0\.1"):
        asyncio.run(run())


def test_the_name_is_resolved_once_and_that_address_called():
    """Between a check and a second look-up the name could be given another address."""
    asked: list[str] = []

    async def resolve(host: str, port: int) -> str:
        asked.append(host)
        return "127.0.0.1"

    def make(url: str) -> Webhook:
        hook = webhook(url.replace("127.0.0.1", "hooks.example"))
        hook.http._resolve = resolve
        return hook

    vendor = Vendor(Say())
    assert result(vendor, make, HOOK) == Accepted()
    assert asked == ["hooks.example"]
    [call] = vendor.asked
    assert isinstance(call, Asked)
    assert call.headers["host"].startswith("hooks.example:")
