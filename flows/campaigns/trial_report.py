"""What a trial of a campaign says: who it reaches, skips by their reasons, sends a day, both by zone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from flows.campaigns.journey import journey_id
from flows.campaigns.launch import Launch
from flows.policy.caps import CAPPED
from schemas.records import Change, Entry, decode_change, decode_send
from schemas.times import format_instant
from schemas.topics import CHANGES, SENDS


class CampaignReport:
    """Fold the effects of a replay with `take`; days are UTC's. `ends` is the last release that is known, ms.

    Of launches audience = sends + skips + waiting.
    """

    def __init__(self, campaign: str):
        self.ends = 0
        self._campaign, self._journey = campaign, journey_id(campaign)
        self._launches: list[dict[str, Any]] = []
        self._audience = self._excluded = self._entered = self._outside = 0
        self._is_released = False
        self._sends: list[dict[str, Any]] = []
        self._skips: list[dict[str, Any]] = []
        self._answers: Counter[str] = Counter()

    def launch(self, launch: Launch, at: int) -> None:
        """A launch was made."""
        said: dict[str, Any] = {"id": launch.id, "at": format_instant(at)}
        if launch.type != "triggered":
            self._is_released = True
            said |= {"audience": launch.audience, "excluded": launch.excluded}
        if launch.left:
            said |= {"begins": format_instant(launch.begins), "ends": format_instant(launch.ends)}
        self._launches.append(said)
        self._audience, self._excluded = self._audience + launch.audience, self._excluded + launch.excluded
        self.ends = max(self.ends, launch.ends)

    def take(self, entry: Entry) -> None:
        """One effect."""
        if entry.topic == CHANGES:
            self._take_change(decode_change(entry.value))
        elif entry.topic == SENDS:
            send = decode_send(entry.value)
            if send.campaign == self._campaign and not send.recall:
                said = {"contact": send.contact, "template": send.template, "channel": send.channel}
                said |= {"variant": send.variant} if send.variant else {}
                self._sends.append(said | {"at": format_instant(send.at)})

    def _take_change(self, change: Change) -> None:
        if change.kind == "send_skipped" and change.campaign == self._campaign:
            said = {"contact": change.contact, "reason": change.reason, "at": format_instant(change.at)}
            self._skips.append(said)
        elif change.journey == self._journey:
            self._entered += change.kind == "journey_entered"
            self._outside += change.kind == "journey_step" and change.node == "outside"

    def answered(self, outcome: str) -> None:
        """Somebody answered one of its messages."""
        self._answers[outcome] += 1

    def as_json(self, zone_of: Callable[[str], str]) -> dict[str, Any]:
        """The figures. Of a triggered campaign `entered` is whom its trigger met, `outside` who is not its audience."""
        reasons = _count(skip["reason"] for skip in self._skips)
        figures: dict[str, Any] = {"launches": self._launches}
        if self._is_released:
            waiting = self._audience - len(self._sends) - len(self._skips)
            figures |= {"audience": self._audience, "excluded": self._excluded, "waiting": waiting}
        else:
            figures |= {"entered": self._entered, "outside": self._outside}
        return {
            **figures,
            "sends_a_day": _count(send["at"][:10] for send in self._sends),
            "skips_by_reason": reasons,
            "caps_hit": reasons.get(CAPPED, 0),
            "by_zone": self._by_zone(zone_of),
            "by_channel": _count(send["channel"] for send in self._sends),
            "by_template": _count(send["template"] for send in self._sends),
            "answers": dict(sorted(self._answers.items())),
            "sends": self._sends,
            "skips": self._skips,
        }

    def _by_zone(self, zone_of: Callable[[str], str]) -> dict[str, dict[str, int]]:
        found: dict[str, dict[str, int]] = {}
        for what, said in (("sends", self._sends), ("skips", self._skips)):
            for one in said:
                counts = found.setdefault(zone_of(one["contact"]), {"sends": 0, "skips": 0})
                counts[what] += 1
        return dict(sorted(found.items()))


def _count(values: Any) -> dict[str, int]:
    return dict(sorted(Counter(values).items()))
