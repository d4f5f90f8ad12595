"""SES against moto's server, an implementation of SES that knows nothing of ours."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
import time
from collections.abc import Iterator

import httpx
import pytest

from flows.delivery.provider import Accepted, Refused, Result
from sinks.providers.ses import Ses
from tests.sinks.providers.vendor import FROM, MESSAGE, defined

SES = defined(type="ses", **{"from": FROM}, region="eu-west-1", account="AKIDEXAMPLE")


@pytest.fixture(scope="module")
def moto() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            url = f"http://127.0.0.1:{port}"
            until = time.monotonic() + 30
            while not answers(url):
                assert server.poll() is None
                assert time.monotonic() < until, "moto's server did not come up"
                time.sleep(0.05)
            yield url
        finally:
            server.terminate()


def answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/moto-api/").is_success
    except httpx.TransportError:
        return False


def send(url: str) -> Result:
    async def run() -> Result:
        ses = Ses(SES, "secret", url)
        try:
            return await ses.send(MESSAGE)
        finally:
            await ses.close()

    return asyncio.run(run())


@pytest.mark.slow
def test_a_mail_of_an_identity_that_is_verified_is_sent(moto: str):
    refused = send(moto)
    assert isinstance(refused, Refused)
    assert "not verified" in refused.reason

    identity = "/v2/email/identities"
    said = {"Authorization": "AWS4-HMAC-SHA256 Credential=A/20260101/eu-west-1/ses/aws4_request"}
    httpx.post(moto + identity, json={"EmailIdentity": "hello@bank.example"}, headers=said).raise_for_status()
    accepted = send(moto)
    assert isinstance(accepted, Accepted)

    [mail] = httpx.get(f"{moto}/moto-api/data.json").json()["ses"]["Message"]
    assert mail["id"] == accepted.provider_id
    assert (mail["subject"], mail["destinations"]["ToAddresses"]) == ("Hi Ännie", ["ann@example.com"])
