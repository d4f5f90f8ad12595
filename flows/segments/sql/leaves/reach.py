"""`consent`, `suppressed`, `reachable`: whether a contact may be written to."""

# ruff: noqa: S608 - what is put together are constants and placeholders, never values
from __future__ import annotations

from typing import Final

from flows.segments.sql.compiler import Compiler
from schemas.definitions.condition_tree import Consent, Reachable
from schemas.facts import ADDRESS_SUPPRESSED, CONSENT_CHANGED

_ADDRESSES: Final = {"email": "email", "sms": "phone", "push": "push_token"}  # the trait that is a channel's address
_DEFAULT: Final = "default"
_STATUSES: Final = "'subscribed', 'unsubscribed', 'pending'"


def consent(c: Compiler, leaf: Consent) -> str:
    """Subscribed to the topic."""
    return f"{_status(c, leaf.channel, leaf.topic)} = 'subscribed'"


def _status(c: Compiler, channel: str, topic: str) -> str:
    """The status last said, by `at`; the topic's default where nothing ever was."""
    status = f"text({c.property('status')})"
    said = (
        f"type = '{CONSENT_CHANGED}' AND text({c.property('channel')}) = {c.params.text(channel)}"
        f" AND topic_of({c.property('topic')}) = {c.params.text(topic)} AND {status} IN ({_STATUSES})"
    )
    last = c.aggregate(f"argMaxIf({status}, (at, place), {said})")
    default = c.params.text(c.given.topics.get((channel, topic), ""))
    return f"if({last} = '', {default}, {last})"


def suppressed(c: Compiler, channel: str) -> str:
    """The contact's address is on the list, whoever's record put it there."""
    if channel not in _ADDRESSES:
        return "0"
    name = c.params.text(channel)
    listed = (
        f"SELECT lower(text({c.property('address_hash')})) FROM rows"
        f" WHERE type = '{ADDRESS_SUPPRESSED}' AND text({c.property('channel')}) = {name}"
    )
    address = _address(c, channel)
    return f"({address} != '' AND address_hash({address}) IN ({listed}))"


def reachable(c: Compiler, leaf: Reachable) -> str:
    """Has an address, not suppressed, and the channel itself is not unsubscribed."""
    if leaf.channel not in _ADDRESSES:
        return "0"
    status = _status(c, leaf.channel, _DEFAULT)
    return f"({_address(c, leaf.channel)} != '' AND NOT {suppressed(c, leaf.channel)} AND {status} != 'unsubscribed')"


def _address(c: Compiler, channel: str) -> str:
    return f"trimmed({c.trait(_ADDRESSES[channel])})"
