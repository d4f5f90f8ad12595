"""The records of every topic, as they stand on the log: JSON, one object each, decoded by msgspec.

All instants are milliseconds since the epoch. Fields at their default are left out on the wire, so a field can be
added with a default and old records still read; none is ever renamed or given another meaning. One example of each
is pinned in `tests/golden/records`.
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import msgspec

from schemas.facts import UNNAMED

JSON = Any  # what a JSON value decodes to


class Record(NamedTuple):
    """One record of one partition, as the log hands it out. `logged_at` never decreases within a partition."""

    offset: int
    logged_at: int
    key: str
    value: bytes


class Entry(NamedTuple):
    """One record to append. Without `partition` the key decides."""

    topic: str
    key: str
    value: bytes
    partition: int | None = None


class Event(msgspec.Struct, omit_defaults=True, gc=False):
    """`events`: a fact about a contact, normalised from Segment's spec. Keyed by contact id.

    `type` is one of Segment's (`track identify page screen group alias`), a fact of Waxwing's own (see
    `schemas.facts`), or a control record (`tick`, `hydrate`, `enter`). `event` is a track's name. `at` is when it
    happened, already corrected for the sender's clock and never after `received_at`. `place` is set by the fold, and
    travels with what is said or forwarded because of it: see `placed`.
    """

    type: str
    id: str = ""
    at: int = 0
    event: str = ""
    properties: dict[str, JSON] = {}
    traits: dict[str, JSON] = {}
    user_id: str = ""
    anonymous_id: str = ""
    previous_id: str = ""
    group_id: str = ""
    received_at: int = 0
    context: dict[str, JSON] = {}
    historical: bool = False
    place: list[int] = []

    @property
    def name(self) -> str:
        """What conditions and triggers call it: a track's own name, else the type; "" of what is no event to them."""
        if self.type == "track":
            return self.event
        return "" if self.type in UNNAMED else self.type


def placed(event: Event, logged_at: int, partition: int, offset: int) -> None:
    """Say where the event first stood in the log, unless that is known: `[logged_at - at, partition, offset]`.

    Of records with the same `at` the one with the greater place is the later.
    """
    if not event.place:
        late = logged_at - event.at
        event.place = [late if late > 0 else 0, partition, offset]


class CrmRecord(msgspec.Struct, omit_defaults=True, gc=False):
    """`crm`: the CRM's own change record; a `crm_mapping` definition turns it into events. `at` is ISO 8601."""

    entity: Literal["contact", "account", "deal", "activity", "task"]
    op: Literal["created", "updated", "deleted"]
    id: str
    at: str
    data: dict[str, JSON] = {}
    previous: dict[str, JSON] = {}


LEAD_MS = 1_000  # a definition's activation lies this long after its logged_at (rule 4)
SHORT_LEAD_MS = 300  # the least that a definition's activation lies after its logged_at
FRESH_MS = 200  # `definitions` was read to its end at most this long before a batch's last logged_at (rule 4)


class Definition(msgspec.Struct, omit_defaults=True, gc=False):
    """`definitions`: one act on a definition. Active from its `logged_at` + `lead` on. Keyed by kind/id.

    `publish` carries a new version's body: the first record of a version wins, later ones are void. With `warming` it
    does not become current yet: what it asks of events accumulates. `switch` makes a version current that has warmed
    up, and its body (`since`, `leaves`, `past`: partition -> file) brings what came before; `rollback` makes an earlier
    one current; `delete` ends the definition (its versions stay readable), and with `archive` it is still listed.
    `draft` keeps a body aside that nothing acts on, written upon `version`; with an empty body it is discarded. A
    warming version's and a switch's lead may be shorter, where the log lets everybody heed it
    (`connectors.log.Log.lead_ms`).
    """

    kind: str
    id: str
    op: Literal["publish", "rollback", "switch", "delete", "draft"]
    version: int
    body: dict[str, JSON] = {}
    by: str = ""
    warming: bool = False
    lead: int = LEAD_MS
    archive: bool = False


class Change(msgspec.Struct, omit_defaults=True, gc=False):
    """`changes`: what the fold concluded about a contact at an instant. Keyed by contact id.

    kind                fields that it uses
    segment_entered     segment, version
    segment_left        segment, version
    journey_entered     journey, version, run, entry
    journey_step        journey, version, run, entry, node, branch (the edge taken to leave the node, if any),
                        value (why, where a node chose: the arm of a split whose shares move, the hour of `best_time`)
    journey_exited      journey, version, run, entry, node, reason
    journey_moved       the same, with the version and node that a migration moved the run to; reason (the migration's
                        id), branch (the node where it was), value (the version that it was on)
    journey_converted   as journey_exited: the goal was reached within its window after the run had ended; reason
                        `holdout`: by a contact that was held out
    journey_refused     journey, version, entry, reason (an entry that re-entry, key or holdout refused), holdout (the
                        universal one), run (of who is held out and watched: journey_converted says its goal)
    send_skipped        campaign, journey, version, run, entry, node, send, channel, topic, reason
    touch               touch (clicked, opened, …), send, campaign, journey, node, channel
    credit              conversion (event id), event (its name), model, send, campaign, journey, node, channel,
                        amount_minor, currency, share (0..1)
    score               model, version, value (0..100)
    consent             channel, topic, value (status)
    merge_refused       reason, value (who claimed the id)
    holdout_entered     holdout, value (the salt by which); likewise holdout_left
    """

    id: str
    kind: str
    contact: str
    at: int
    segment: str = ""
    journey: str = ""
    version: int = 0
    run: str = ""
    entry: str = ""
    node: str = ""
    branch: str = ""
    reason: str = ""
    send: str = ""
    campaign: str = ""
    channel: str = ""
    topic: str = ""
    touch: str = ""
    conversion: str = ""
    event: str = ""
    model: str = ""
    amount_minor: int = 0
    currency: str = ""
    share: float = 0.0
    value: JSON = None
    historical: bool = False
    holdout: str = ""


class Quiet(msgspec.Struct, omit_defaults=True, gc=False):
    """Quiet hours of a send's contact, `[begins, ends)`: a send that comes into them waits for the end, or `skips`."""

    begins: int
    ends: int
    skips: bool = False


class Fallback(msgspec.Struct, omit_defaults=True, gc=False):
    """What delivery needs to hand a send over by another channel. Fields are those of `Send`."""

    channel: str
    to: str = ""
    template_version: int = 0
    data: dict[str, JSON] = {}
    quiet: list[Quiet] = []


class Send(msgspec.Struct, omit_defaults=True, gc=False):
    """`sends`: a message that may go. Whole in itself: what its template names is in `data`. Keyed by contact id.

    `id` is uuid5 of (journey, version, contact, entry key, node, occurrence). `at` is when it was planned, `expires`
    when it is too late to hand it over. `message_class` is marketing or transactional. `fallback` are the later ones of
    its `channels` that could be used when it was planned; `quiet` the quiet hours that begin before it expires.

    With `recall` it is no message: what was planned for this contact before it, on its channel (without one: on each
    that reaches a person) and on its topic, where that is not `default`, must not be handed over any more, for this
    reason. Of class marketing it concerns marketing alone, of class transactional everything.
    """

    id: str
    contact: str
    at: int
    expires: int
    channel: str
    channels: list[str] = []
    to: str = ""
    template: str = ""
    template_version: int = 0
    locale: str = ""
    topic: str = "default"
    message_class: Literal["marketing", "transactional"] = "marketing"
    campaign: str = ""
    journey: str = ""
    version: int = 0
    run: str = ""
    entry: str = ""
    node: str = ""
    variant: str = ""
    data: dict[str, JSON] = {}
    quiet: list[Quiet] = []
    fallback: list[Fallback] = []
    recall: str = ""


def is_test(send: Send) -> bool:
    """Whether somebody sent it to try a template: the fold plans each message for a journey."""
    return not send.journey and not send.recall


class Attempt(msgspec.Struct, omit_defaults=True, gc=False):
    """`attempts`: the ledger. `started` is durable before the provider is called; the others end it. Keyed by contact.

    status     accepted (the provider has it), refused (terminal, `reason` says why), retry (not accepted, another
               attempt follows), skipped (never handed over, `reason`), unknown (no telling; nothing is sent again
               but by the policy of the class)
    failures   of a retry: how many tries failed by then, of those that count
    in_the_dark  of a retry: of one of these nobody knows whether the provider has it
    """

    send: str
    contact: str
    number: int
    status: Literal["started", "accepted", "refused", "retry", "skipped", "unknown"]
    at: int
    channel: str = ""
    provider: str = ""
    provider_id: str = ""
    reason: str = ""
    campaign: str = ""
    due: int = 0
    properties: dict[str, JSON] = {}
    failures: int = 0
    in_the_dark: bool = False


class Example(msgspec.Struct, omit_defaults=True, gc=False):
    """`examples`: the features a contact had when a message was planned, and how it ended. Keyed by model.

    `features` are in the order of `flows.scoring.features.NAMES`; `label` is 1 where the contact opened or clicked
    within the model's window. `version` is the model version that was active at the decision (0: none).
    """

    id: str
    model: str
    contact: str
    at: int
    features: list[float]
    label: Literal[0, 1]
    labelled_at: int
    version: int = 0
    feature_set: int = 1


class CrmCommand(msgspec.Struct, omit_defaults=True, gc=False):
    """`crm_commands`: what the CRM is asked or told: add_tag, remove_tag, set_field, create_task, … by a journey;
    segment_entered, segment_left (`data.segment`) of segments that say `crm`.
    """

    id: str
    contact: str
    at: int
    command: str
    journey: str = ""
    version: int = 0
    node: str = ""
    data: dict[str, JSON] = {}


class DeadLetter(msgspec.Struct, omit_defaults=True, gc=False):
    """`dead_letters`: bytes that could not be read, whole (base64 on the wire), why, and where from."""

    id: str
    source: str
    reason: str
    raw: bytes
    at: int
    key: str = ""
    partition: int = -1
    offset: int = -1


encode = msgspec.json.Encoder().encode
decode_event = msgspec.json.Decoder(Event).decode
decode_crm = msgspec.json.Decoder(CrmRecord).decode
decode_definition = msgspec.json.Decoder(Definition).decode
decode_change = msgspec.json.Decoder(Change).decode
decode_send = msgspec.json.Decoder(Send).decode
decode_attempt = msgspec.json.Decoder(Attempt).decode
decode_example = msgspec.json.Decoder(Example).decode
decode_crm_command = msgspec.json.Decoder(CrmCommand).decode
decode_dead_letter = msgspec.json.Decoder(DeadLetter).decode

TICK = encode(Event("tick"))
