"""Merging: an anonymous contact, or one with an earlier id, becomes a part of another (LANGUAGE, "Time, identity").

    user ──merge_claimed──▶ earlier id ──merged (its whole state)──▶ user
                                       ──every later record, forwarded──▶ user

The first merge of an id stands: a later claim by another is recorded and refused. The partition of the earlier id
decides, so it does not matter where the two live.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from flows.campaigns import reducer as campaigns
from flows.contact import profile
from flows.contact.recent import union
from flows.contact.scope import Scope
from flows.contact.section import Contact, Section
from flows.holdouts import reducer as holdouts
from flows.journeys import merging
from flows.policy import reducer as policy
from flows.segments import engine as segments
from schemas.errors import TerminalError
from schemas.facts import MERGE_CLAIMED, MERGED
from schemas.records import Change, Event

# A section, and what takes another contact's section of the kind into this one's.
Absorber = tuple[Section[Any], Callable[[Scope, Any], None]]


def claim(scope: Scope) -> None:
    """The user's side: an identify with both ids, or an alias, claims the earlier id."""
    event = scope.event
    assert event is not None
    earlier = event.previous_id or event.anonymous_id if event.type == "alias" else event.anonymous_id
    if event.type not in ("identify", "alias") or not earlier:
        return
    own = scope.state.get(profile.SECTION)
    if event.user_id not in (scope.contact, *own.absorbed):  # a claim of what is a part of this contact is its own
        return
    if earlier == scope.contact or earlier in own.absorbed:
        return
    own.absorbed.append(earlier)
    said = Event(MERGE_CLAIMED, scope.id("claim", earlier), event.at, received_at=event.received_at)
    said.properties = {"into": scope.contact}
    scope.record(said, earlier)


def claimed(scope: Scope) -> None:
    """The earlier id's side: hand the state over and forward from now on; or refuse."""
    state, into = scope.state, str(scope.event.properties.get("into", "")) if scope.event else ""
    if not into or into == scope.contact or state.merged_into == into:
        return
    if state.merged_into or into in state.get(profile.SECTION).absorbed:
        refused = Change(scope.id("refused", into), "merge_refused", scope.contact, scope.at)
        refused.reason = f"merged into {state.merged_into}" if state.merged_into else f"has absorbed {into}"
        refused.value = into
        scope.change(refused)
        return
    segments.leave_all(scope, "merged")
    merging.hand_over(scope)
    holdouts.leave_all(scope)
    campaigns.skip_all(scope, campaigns.MERGED)
    _send(scope, state, into)
    state.clear()
    state.merged_into = into


def _send(scope: Scope, state: Contact, into: str) -> None:
    said = Event(MERGED, scope.id("merged", into), scope.at, received_at=scope.at)
    said.properties = {"source": scope.contact, "state": b64encode(state.save()).decode()}
    scope.record(said, into)


def hand_over(scope: Scope, past: Mapping[str, Any], sections: int) -> None:
    """Send a merged contact's past, which became known after its merge, on to what it is a part of: leaf -> state, and
    the messages that a cap counts."""
    state = Contact(None, sections)
    state.get(segments.SECTION).states = dict(past)
    state.get(policy.SECTION).planned = policy.past_of(past).planned
    _send(scope, state, scope.state.merged_into)


def forward(scope: Scope) -> None:
    """Send a record of a merged contact on to what it is a part of, unchanged."""
    assert scope.event is not None
    scope.record(scope.event, scope.state.merged_into)


def absorb(scope: Scope, absorbers: Sequence[Absorber], sections: int) -> None:
    """The user's side of `merged`: take the other's state in, section by section."""
    assert scope.event is not None
    try:
        other = Contact(b64decode(str(scope.event.properties.get("state", "")), validate=True), sections)
    except NotBase64 as e:
        raise TerminalError(f"a merged record for {scope.contact!r} carries no state: {e}") from None
    scope.state.recent = union(scope.state.recent, other.recent)
    for section, take in absorbers:
        if other.has(section):
            take(scope, other.get(section))
