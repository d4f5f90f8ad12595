"""Amazon SES v2: SendEmail, https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html

SES has no idempotency key and no look-up. The origin goes along as message tags, which SES's events carry back.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any, Final

from flows.delivery.origin import pack
from flows.delivery.provider import Accepted, Message, Refused, Result, Retry
from schemas.definitions.provider import Provider as Definition
from sinks.providers.email import from_header, unsubscribe_headers
from sinks.providers.http import TIMEOUT_S, Answer, Http, HttpAccount, by_status, encode_json
from sinks.providers.sigv4 import Key, signed

TAG: Final = "waxwing"  # with a number behind it: a tag's value has at most 256 characters
_TAG_LENGTH: Final = 250
_TAGS: Final = 8
_PATH: Final = "/v2/email/outbound-emails"
_OF_ACCOUNT: Final = frozenset(
    {
        "AccountSuspendedException",
        "SendingPausedException",
        "MailFromDomainNotVerifiedException",
        "LimitExceededException",
        "NotFoundException",
        "AccessDeniedException",
        "UnrecognizedClientException",
        "InvalidSignatureException",
        "SignatureDoesNotMatch",
    }
)


class Ses(HttpAccount):
    """One account in one region; `account` is its access key's id, `secret` the key."""

    def __init__(self, definition: Definition, secret: str, url: str = "", timeout_s: float = TIMEOUT_S):
        region = definition.region or ""
        super().__init__(definition, Http(url or f"https://email.{region}.amazonaws.com", timeout_s))
        self._key = Key(definition.account or "", secret, region, "ses")

    async def send(self, message: Message) -> Result:
        """One request, signed."""
        body = encode_json(request_of(message, self.definition))
        said = {"Host": self.http.host, "Content-Type": "application/json"}
        headers = signed(self._key, "POST", _PATH, said, body, datetime.now(UTC))
        answer = await self.http.post(_PATH, body, headers, message.not_after)
        return result_of(answer, time.time()) if isinstance(answer, Answer) else answer


def request_of(message: Message, definition: Definition) -> dict[str, Any]:
    """The body of SendEmail."""
    tags = [*pack(message.origin, _TAG_LENGTH, _TAGS)]
    body: dict[str, Any] = {
        "FromEmailAddress": from_header(definition),
        "Destination": {"ToAddresses": [message.to]},
        "Content": {
            "Simple": {
                "Subject": _text(message.subject),
                "Body": {"Text": _text(message.text), "Html": _text(message.html)},
                "Headers": [{"Name": k, "Value": v} for k, v in unsubscribe_headers(message).items()],
            }
        },
        "EmailTags": [{"Name": f"{TAG}{i}", "Value": part} for i, part in enumerate(tags)],
    }
    if definition.reply_to:
        body["ReplyToAddresses"] = [definition.reply_to]
    if definition.configuration:
        body["ConfigurationSetName"] = definition.configuration
    return body


def _text(data: str) -> dict[str, str]:
    return {"Data": data, "Charset": "UTF-8"}


def result_of(answer: Answer, now_s: float) -> Result:
    """What the answer means. The error's name is in a header, `Name:address`, or in the body."""
    result, said = by_status(answer, now_s), answer.json()
    if isinstance(result, Accepted):
        return Accepted(str(said.get("MessageId", "")))
    error = answer.headers.get("x-amzn-errortype") or str(said.get("__type", ""))
    error = error.partition(":")[0].rpartition("#")[2]
    if error == "TooManyRequestsException":
        return Retry(f"{error} {answer.reason}", answer.after_s(now_s))
    if isinstance(result, Refused):
        return Refused(f"{error} {answer.reason}".strip(), "account" if error in _OF_ACCOUNT else result.scope)
    return result
