"""What an outcome says of its message: carried to the provider and in every link, and back."""

from __future__ import annotations

import msgspec

from schemas.records import Send


class Origin(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """The message that a provider's event or a link belongs to. Array-like: fields are appended, never moved."""

    send: str
    contact: str
    channel: str
    campaign: str = ""
    journey: str = ""
    version: int = 0
    node: str = ""
    template: str = ""
    topic: str = "default"
    provider: str = ""
    variant: str = ""

    def properties(self) -> dict[str, str | int]:
        """The properties that every outcome event carries (see `schemas.facts`)."""
        return {
            "send": self.send,
            "campaign": self.campaign,
            "journey": self.journey,
            "version": self.version,
            "node": self.node,
            "template": self.template,
            "topic": self.topic,
            "provider": self.provider,
            "variant": self.variant,
        }


def origin_of(send: Send, provider: str) -> Origin:
    """The origin of a send that goes by this provider."""
    return Origin(
        send=send.id,
        contact=send.contact,
        channel=send.channel,
        campaign=send.campaign,
        journey=send.journey,
        version=send.version,
        node=send.node,
        template=send.template,
        topic=send.topic,
        provider=provider,
        variant=send.variant,
    )
