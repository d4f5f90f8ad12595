"""The provider that a definition names, with its secret."""

from __future__ import annotations

from typing import assert_never

from flows.delivery.provider import Provider
from schemas.definitions.provider import Provider as Definition
from sinks.providers import fcm, onesignal, postmark, sendgrid, telnyx, twilio
from sinks.providers.fcm import Fcm
from sinks.providers.onesignal import OneSignal
from sinks.providers.postmark import Postmark
from sinks.providers.secrets import Secrets
from sinks.providers.sendgrid import SendGrid
from sinks.providers.ses import Ses
from sinks.providers.smtp import Smtp
from sinks.providers.telnyx import Telnyx
from sinks.providers.twilio import Twilio
from sinks.providers.webhook import Webhook


def make(definition: Definition, secrets: Secrets, base_url: str, allow_private: bool = False) -> Provider:
    """The account; InvalidInput where its secret is not set or cannot be one. `base_url` is ours, for callbacks."""
    url = secrets.url
    if definition.type == "smtp" and not definition.account:
        return Smtp(definition, "", allow_private)
    secret = secrets.of_provider(definition.id, definition.secret_name, definition.type)
    match definition.type:
        case "sendgrid":
            return SendGrid(definition, secret, url("sendgrid", sendgrid.URL))
        case "ses":
            return Ses(definition, secret, url("ses", ""))
        case "postmark":
            return Postmark(definition, secret, url("postmark", postmark.URL))
        case "smtp":
            return Smtp(definition, secret, allow_private)
        case "twilio":
            return Twilio(definition, secret, base_url, url("twilio", twilio.URL))
        case "telnyx":
            return Telnyx(definition, secret, base_url, url("telnyx", telnyx.URL))
        case "fcm":
            return Fcm(definition, secret, url("fcm", fcm.URL))
        case "onesignal":
            return OneSignal(definition, secret, url("onesignal", onesignal.URL))
        case "webhook":
            return Webhook(definition, secret, allow_private)
        case _:
            assert_never(definition.type)
