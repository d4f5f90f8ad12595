"""SES's events, as SNS brings them, normalised: pure.

https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html
"""

from __future__ import annotations

from typing import Any, Final

from flows.delivery.origin import Origin, unpack
from flows.delivery.outcomes import Outcome, ProviderEvent
from schemas.times import parse_instant
from sinks.providers.hook_rows import Row, row_of
from sinks.providers.ses import TAG

_OUTCOMES: Final[dict[str, Outcome]] = {
    "Delivery": "delivered",
    "Bounce": "bounced",
    "Reject": "bounced",
    "Complaint": "complained",
    "Open": "opened",
    "Click": "clicked",
    "Subscription": "unsubscribed",
}


def read(message: str, id: str) -> list[Row]:
    """The one event of a notification's message; `id` is the notification's own, the same when it comes again."""

    def event(data: dict[str, Any]) -> ProviderEvent | None:
        tags = data["mail"].get("tags") or {}
        pieces = [tags[name][0] for i in range(10) if (name := f"{TAG}{i}") in tags]
        return normalise(data, unpack(pieces), id) if pieces else None

    return [row_of(message.encode(), event)]


def normalise(data: dict[str, Any], origin: Origin, id: str) -> ProviderEvent | None:
    """The event in our words; None for what asks for nothing here."""
    type = data.get("eventType") or data["notificationType"]
    outcome = _OUTCOMES.get(type)
    if outcome is None or (type == "Subscription" and not _is_withdrawn(data["subscription"])):
        return None
    said = data.get(type.lower()) or {}
    bounced = said.get("bouncedRecipients") or [{}]
    addresses = [r.get("emailAddress") for r in bounced + (said.get("complainedRecipients") or [])]
    return ProviderEvent(
        outcome=outcome,
        id=str(said.get("feedbackId") or id),
        at=parse_instant(said.get("timestamp") or data["mail"]["timestamp"]),
        origin=origin,
        address=next((a for a in addresses if a), "") or data["mail"]["destination"][0],
        url=str(said.get("link", "")),
        reason=str(bounced[0].get("diagnosticCode") or said.get("reason") or said.get("complaintFeedbackType") or ""),
        permanent=said.get("bounceType") == "Permanent",
    )


def _is_withdrawn(said: dict[str, Any]) -> bool:
    return bool(said["newTopicPreferences"].get("unsubscribeAll"))
