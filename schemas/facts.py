"""Names of the facts that Waxwing itself writes to `events`, and what their properties hold.

message outcomes   `<channel>_<outcome>` with properties send, campaign, journey, version, node, template, topic,
                   provider, variant; opens and clicks may carry `machine: true`; clicks `url`; failures `reason`
consent_changed    channel, topic, status (subscribed | unsubscribed | pending), source, text_version, proof
address_suppressed channel, address_hash (`schemas.ids.address_hash`), reason
segment_added      segment (a static one); likewise segment_removed
link_followed      channel, the message's properties, url, reason and machine as the visit alone was judged; the fold
                   says `<channel>_clicked` of it, once it knows what else was followed at that moment

What spans contacts is folded under a key of its own; its fold and the contacts' tell each other by these records:
address_held       (key address:…) channel, contact: the contact has this address now
address_shared     (key contact) of older logs: another contact has, or had, this address as well
address_claimed    (key address:…) channel, contact, campaign: a launch's message would go there now
address_answered   (key contact) channel, address_hash, campaign, granted, holder: who asked first has it for a launch
account_said       (key account:…) contact; traits: what a `group` said of the account
account_traits     (key contact) account, claims: [path, at, value] of the account's traits
merge_claimed      (key the id that is to be merged) into
merged             (key the contact that it is merged into) source, state: its whole state, base64
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
LINK_FOLLOWED: Final = "link_followed"
SEGMENT_ADDED: Final = "segment_added"
SEGMENT_REMOVED: Final = "segment_removed"
TICK: Final = "tick"
HYDRATE: Final = "hydrate"
ENTER: Final = "enter"
ADDRESS_HELD: Final = "address_held"
ADDRESS_SHARED: Final = "address_shared"
ADDRESS_CLAIMED: Final = "address_claimed"
ADDRESS_ANSWERED: Final = "address_answered"
ACCOUNT_SAID: Final = "account_said"
ACCOUNT_TRAITS: Final = "account_traits"
MERGE_CLAIMED: Final = "merge_claimed"
MERGED: Final = "merged"
INTERNAL: Final = frozenset(
    {
        ADDRESS_HELD,
        ADDRESS_SHARED,
        ADDRESS_CLAIMED,
        ADDRESS_ANSWERED,
        ACCOUNT_SAID,
        ACCOUNT_TRAITS,
        MERGE_CLAIMED,
        MERGED,
        LINK_FOLLOWED,
    }
)
ADDRESS_KEY: Final = "address:"
ACCOUNT_KEY: Final = "account:"
CONTROL: Final = frozenset({TICK, HYDRATE, ENTER})
UNNAMED: Final = CONTROL | INTERNAL  # no events to conditions and triggers, however they begin
OWN_FACTS: Final = MESSAGE_FACTS | {CONSENT_CHANGED, ADDRESS_SUPPRESSED, SEGMENT_ADDED, SEGMENT_REMOVED}
RESERVED: Final = OWN_FACTS | UNNAMED  # a public write key may not claim these
SEGMENT_CALLS: Final = frozenset({"track", "identify", "page", "screen", "group", "alias"})
