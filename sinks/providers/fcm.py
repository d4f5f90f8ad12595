"""Firebase Cloud Messaging, HTTP v1: https://firebase.google.com/docs/reference/fcm/rest/v1/projects.messages/send

Access tokens are had with the service account's key (RFC 7523). FCM has no idempotency key, no look-up and no webhook.
Codes: https://firebase.google.com/docs/reference/fcm/rest/v1/ErrorCode
"""

from __future__ import annotations

import asyncio
import time
from base64 import urlsafe_b64encode
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

import msgspec
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from flows.delivery.provider import Accepted, Message, Refused, Result, Retry, Unknown
from schemas.definitions.provider import Provider as Definition
from schemas.errors import InvalidInput, Violation
from sinks.providers.http import TIMEOUT_S, Answer, Http, HttpAccount, by_status, encode_json

URL: Final = "https://fcm.googleapis.com"
SCOPE: Final = "https://www.googleapis.com/auth/firebase.messaging"
_GRANT: Final = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_LIFE_S: Final = 3_600
_EARLY_S: Final = 120  # a token is renewed so long before it ends
_OF_ADDRESS: Final = frozenset({"UNREGISTERED", "SENDER_ID_MISMATCH"})


class ServiceAccount(msgspec.Struct):
    """The part of Google's key file that is needed."""

    client_email: str
    private_key: str
    token_uri: str = "https://oauth2.googleapis.com/token"  # noqa: S105 - an address


class Fcm(HttpAccount):
    """One project (`account`); its secret is the service account's key file, whole."""

    def __init__(self, definition: Definition, key_file: str, url: str = URL, timeout_s: float = TIMEOUT_S):
        super().__init__(definition, Http(url, timeout_s))
        self._tokens = Tokens(definition.id, key_file, timeout_s)
        self._path = f"/v1/projects/{definition.account}/messages:send"

    async def send(self, message: Message) -> Result:
        """One request, with a token that is valid."""
        token = await self._tokens.get()
        if not isinstance(token, str):
            return token
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        answer = await self.http.post(self._path, encode_json(request_of(message)), headers, message.not_after)
        if isinstance(answer, Answer) and answer.status == 401:
            self._tokens.forget()
        return result_of(answer, time.time()) if isinstance(answer, Answer) else answer

    async def close(self) -> None:
        """Close the connections."""
        await super().close()
        await self._tokens.close()


class Tokens:
    """Access tokens of a service account; one request at a time asks for a new one."""

    def __init__(self, whose: str, key_file: str, timeout_s: float):
        try:
            account = msgspec.json.decode(key_file, type=ServiceAccount)
            key = load_pem_private_key(account.private_key.encode(), None)
            self._http = Http("{0.scheme}://{0.netloc}".format(urlsplit(account.token_uri)), timeout_s)
        except (msgspec.DecodeError, ValueError):
            key = None
        if not isinstance(key, RSAPrivateKey):
            raise InvalidInput(
                f"provider {whose}", [Violation("secret", "must be a service account's key file (JSON)")]
            )
        self._account, self._key = account, key
        self._token, self._until = "", 0.0
        self._asking = asyncio.Lock()

    async def get(self) -> str | Result:
        """A valid token, or what stands in its way."""
        async with self._asking:
            if time.time() < self._until:
                return self._token
            body = urlencode({"grant_type": _GRANT, "assertion": self.assertion(int(time.time()))}).encode()
            path = urlsplit(self._account.token_uri).path
            answer = await self._http.post(path, body, {"Content-Type": "application/x-www-form-urlencoded"})
            if isinstance(answer, Unknown):  # the message itself never went out
                return Retry(answer.reason)
            if isinstance(answer, Retry):
                return answer
            return self._taken(answer)

    def _taken(self, answer: Answer) -> str | Result:
        said = answer.json()
        if answer.status != 200 or not isinstance(said.get("access_token"), str):
            late = isinstance(by_status(answer, time.time()), (Retry, Unknown))
            return Retry(answer.reason) if late else Refused(f"no access token: {answer.reason}", "account")
        self._token = said["access_token"]
        self._until = time.time() + float(said.get("expires_in", _LIFE_S)) - _EARLY_S
        return self._token

    def assertion(self, now_s: int) -> str:
        """The JWT that asks for a token: RS256, an hour."""
        claims = {
            "iss": self._account.client_email,
            "scope": SCOPE,
            "aud": self._account.token_uri,
            "iat": now_s,
            "exp": now_s + _LIFE_S,
        }
        signed = b".".join(_base64(encode_json(part)) for part in ({"alg": "RS256", "typ": "JWT"}, claims))
        return (signed + b"." + _base64(self._key.sign(signed, PKCS1v15(), SHA256()))).decode()

    def forget(self) -> None:
        """It was not taken: ask anew."""
        self._until = 0.0

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()


def _base64(data: bytes) -> bytes:
    return urlsafe_b64encode(data).rstrip(b"=")


def request_of(message: Message) -> dict[str, Any]:
    """The body of messages:send. The send's id is in the data, so an app can drop what it has seen."""
    return {
        "message": {
            "token": message.to,
            "notification": {"title": message.subject, "body": message.text},
            "data": {**message.data, "waxwing_send": message.origin.send},
        }
    }


def result_of(answer: Answer, now_s: float) -> Result:
    """What the answer means, by FCM's own code where it has one."""
    result, said = by_status(answer, now_s), answer.json()
    if isinstance(result, Accepted):
        return Accepted(str(said.get("name", "")))
    error = said.get("error")
    details = error.get("details", []) if isinstance(error, dict) else []
    codes = {str(d.get("errorCode", "")) for d in details if isinstance(d, dict)}
    fields = [v.get("field") for d in details if isinstance(d, dict) for v in d.get("fieldViolations", [])]
    if codes & _OF_ADDRESS or "message.token" in fields:
        return Refused(answer.reason, "address")
    return result
