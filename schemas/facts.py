"""Names of the facts that Waxwing itself writes to `events`, and what their properties hold.

message outcomes   `<channel>_<outcome>` with properties send, campaign, journey, version, node, template, topic,
                   provider, variant; opens and clicks may carry `machine: true`; clicks `url`; failures `reason`
consent_changed    channel, topic, status (subscribed | unsubscribed | pending), source, text_version, proof
address_suppressed channel, address_hash (`schemas.ids.address_hash`), reason
segment_added      segment (a static one); likewise segment_removed
"""

from __future__ import annotations

from typing import Final

CHANNELS: Final = ("email", "sms", "push", "webhook")
OUTCOMES: Final = (
    "sent",  # the provider accepted it
    "delivered",
    "opened",
    "clicked",
    "bounced",
    "complained",
    "unsubscribed",
    "failed",  # refused for good; never reached anybody
    "skipped",  # never handed over, with the reason
    "unknown",  # an attempt whose end nobody knows
    "replied",
)
MESSAGE_FACTS: Final = frozenset(f"{c}_{o}" for c in CHANNELS for o in OUTCOMES)
CONSENT_CHANGED: Final = "consent_changed"
ADDRESS_SUPPRESSED: Final = "address_suppressed"
SEGMENT_ADDED: Final = "segment_added"
SEGMENT_REMOVED: Final = "segment_removed"
TICK: Final = "tick"
HYDRATE: Final = "hydrate"
ENTER: Final = "enter"
CONTROL: Final = frozenset({TICK, HYDRATE, ENTER})
OWN_FACTS: Final = MESSAGE_FACTS | {CONSENT_CHANGED, ADDRESS_SUPPRESSED, SEGMENT_ADDED, SEGMENT_REMOVED}
RESERVED: Final = OWN_FACTS | CONTROL  # a public write key may not claim these
SEGMENT_CALLS: Final = frozenset({"track", "identify", "page", "screen", "group", "alias"})
