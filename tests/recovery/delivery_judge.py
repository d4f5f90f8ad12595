"""The judge of delivery: the vendor's own list of what it accepted, against the ledger and the facts on the log."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from connectors.log import Log
from flows.delivery.ledger import SETTLED, TOLD
from schemas.records import Attempt, Record, Send, decode_attempt, decode_event, decode_send
from schemas.topics import ATTEMPTS, EVENTS, SENDS
from tests.recovery.judge import read_all

NO_LOOK_UP: Final = "has no look-up"  # so the ledger says of a try whose end could not be known
_FACT: Final = {"accepted": "sent", "refused": "failed", "skipped": "skipped", "unknown": "unknown"}


@dataclass
class DeliveryVerdict:
    """Every way in which delivery can be wrong; all empty where it is right. `standings` counts how the sends stand."""

    lost: list[str] = field(default_factory=list)  # the ledger says accepted, and the vendor does not have it
    untold: list[str] = field(default_factory=list)  # the vendor has it, the ledger says that it did not go
    twice: list[str] = field(default_factory=list)  # accepted again, though what came of it before was known
    moved: list[str] = field(default_factory=list)  # went on after its end, or differs from the facts on the log
    identity: list[str] = field(default_factory=list)  # moments at which rule 7's did not hold
    standings: Counter[str] = field(default_factory=Counter)
    moments: int = 0  # at which the identity was looked at

    @property
    def is_right(self) -> bool:
        """Whether nothing is wrong."""
        return not (self.lost or self.untold or self.twice or self.moved or self.identity)

    def report(self) -> dict[str, Any]:
        """As `make chaos` counts, and how the sends stand."""
        return {
            "lost": len(self.lost) + len(self.untold),
            "duplicated": len(self.twice),
            "diverged": len(self.moved) + len(self.identity),
            "unknown": self.standings["unknown"],
            "standings": dict(self.standings),
            "moments": self.moments,
        }


def judge_delivery(log: Log, mail: Collection[str], hooks: Collection[str]) -> DeliveryVerdict:
    """`mail` are the sends of messages that the vendor accepted, each as often as it did; `hooks` those of webhooks,
    whose receiver takes an id once and tells nobody. Of the mail the vendor's events have told.

    Rule 7's identity: planned = sent + skipped + failed + unknown + queued.
    """
    verdict = DeliveryVerdict()
    planned = {s.id: s for s in _decoded(log, SENDS, decode_send)}
    tries: dict[str, list[Attempt]] = defaultdict(list)
    for attempt in _decoded(log, ATTEMPTS, decode_attempt):
        tries[attempt.send].append(attempt)
    ends = {send: _end(tries[send]) for send in planned}
    by_mail, by_hook = Counter(mail), Counter(set(hooks))
    for send, end in ends.items():
        _judge_send(planned[send], tries[send], end, by_mail[send], by_hook[send], verdict)
    _judge_facts(log, ends, verdict)
    for partition in range(log.partitions(SENDS)):
        _judge_moments(log, partition, verdict)
    verdict.identity += sorted(tries.keys() - planned.keys())
    verdict.standings = Counter(ends.values())
    return verdict


def _judge_send(send: Send, tries: list[Attempt], end: str, mail: int, hooks: int, verdict: DeliveryVerdict) -> None:
    accepted = mail + hooks
    in_the_dark = sum(a.status == "retry" and NO_LOOK_UP in a.reason for a in tries)
    may_repeat = in_the_dark if send.message_class == "transactional" else 0
    if end == "accepted" and not accepted:
        verdict.lost.append(send.id)
    if mail if end == "unknown" else accepted and end in ("refused", "skipped"):
        verdict.untold.append(send.id)
    if accepted > 1 + may_repeat:
        verdict.twice.append(send.id)
    statuses = [a.status for a in tries if a.reason != TOLD]
    first = next((n for n, status in enumerate(statuses) if status in SETTLED), len(statuses))
    if any(status != statuses[first] for status in statuses[first:]):
        verdict.moved.append(f"{send.id}: {statuses}")


def _end(tries: list[Attempt]) -> str:
    """How it ended, by the words of its records alone; `queued` where it has not."""
    settled = [a.status for a in tries if a.status in SETTLED]
    if not settled:
        return "queued"
    return "accepted" if settled[0] == "unknown" and "accepted" in settled else settled[0]


def _judge_facts(log: Log, ends: Mapping[str, str], verdict: DeliveryVerdict) -> None:
    facts: dict[str, set[str]] = defaultdict(set)
    for event in _decoded(log, EVENTS, decode_event):
        fact = event.type.rpartition("_")[2]
        if fact in _FACT.values():
            facts[event.properties["send"]].add(fact)
    for send, end in ends.items():
        told = facts[send] - {"unknown"} if end == "accepted" else facts[send]
        if told != ({_FACT[end]} if end in _FACT else set()):
            verdict.moved.append(f"{send}: {end}, and the facts say {sorted(facts[send])}")


def _judge_moments(log: Log, partition: int, verdict: DeliveryVerdict) -> None:
    """After each record of the partition, in the order of the log's clock: all that stand somehow are the planned."""
    sends = [(r.logged_at, 0, r) for r in read_all(log, SENDS, partition)]
    attempts = [(r.logged_at, 1, r) for r in read_all(log, ATTEMPTS, partition)]
    planned, stands, counts = set[str](), dict[str, str](), Counter[str]()
    for at, topic, record in sorted(sends + attempts, key=lambda found: (found[0], found[1], found[2].offset)):
        if topic == 0:
            send, status = decode_send(record.value).id, "queued"
            planned.add(send)
        else:
            attempt = decode_attempt(record.value)
            send, status = attempt.send, attempt.status if attempt.status in SETTLED else "queued"
        before = stands.get(send)
        if before in (None, "queued") or (before, status) == ("unknown", "accepted"):
            counts[before or status] -= before is not None
            counts[status] += 1
            stands[send] = status
        verdict.moments += 1
        if counts.total() != len(planned) or min(counts.values()) < 0:
            verdict.identity.append(f"partition {partition} at {at}: {len(planned)} planned, {dict(counts)}")


def _decoded(log: Log, topic: str, decode: Any) -> Iterator[Any]:
    records: list[Record] = [r for n in range(log.partitions(topic)) for r in read_all(log, topic, n)]
    return (decode(record.value) for record in records)
