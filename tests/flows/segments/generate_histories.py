"""Random histories with what the world sends: late, out of order, twice, at the same instant, merged."""

from __future__ import annotations

from schemas.ids import address_hash
from schemas.records import Event
from schemas.times import DAY, HOUR
from tests.flows.segments.generate_values import (
    ADDRESSES,
    ANONYMOUS,
    CHANNELS,
    DATES,
    EARLIER,
    EVENTS,
    JSON,
    NUMBERS,
    OUTCOMES,
    WORDS,
    ZONES,
    Values,
)
from tests.flows.segments.naive import Logged


class Histories(Values):
    """Logs of a few contacts."""

    def log(self, count: int) -> list[Logged]:
        """A log in its order: `logged_at` never decreases, `at` may lie far before."""
        log: list[Logged] = []
        for i, logged_at in enumerate(sorted(self.instant() for _ in range(count))):
            again = self._again(log, logged_at) if self.random.random() < 0.06 else None
            event = again or self._sent(self._event(f"m{i}"), logged_at, log)
            event.received_at = logged_at
            log.append(Logged(logged_at, event.user_id or event.anonymous_id, event))
        return log

    def _sent(self, event: Event, logged_at: int, log: list[Logged]) -> Event:
        """By whom and when."""
        r = self.random
        event.user_id = r.choice(self.contacts if event.type == "alias" else (*self.contacts, *EARLIER))
        if r.random() < 0.08 and event.type not in ("alias", "group"):
            event.anonymous_id, event.user_id = r.choice(ANONYMOUS), ""
            if event.type == "identify" and r.random() < 0.6:
                event.user_id = r.choice(self.contacts)  # the two are one from now on
        event.at = min(self._at(logged_at, log), logged_at + HOUR)
        return event

    def _at(self, logged_at: int, log: list[Logged]) -> int:
        r = self.random
        kind = r.random()
        if kind < 0.5:
            return logged_at
        if kind < 0.6 and log:
            return min(log[-1].event.at, logged_at)  # at the same instant as another
        if kind < 0.7:
            return logged_at + r.randint(1, HOUR)  # a clock ahead
        return min(logged_at, self.instant())

    def _again(self, log: list[Logged], logged_at: int) -> Event | None:
        """A record of the last day once more, as it was or altered: the stream knows the ids of a day."""
        first_at = {x.event.id: x.logged_at for x in reversed(log)}
        recent = [x for x in log if logged_at - first_at[x.event.id] < DAY and x.event.type != "alias"]
        if not recent:
            return None
        first = self.random.choice(recent).event
        again = self._event(first.id) if self.random.random() < 0.5 else Event(first.type, first.id)
        again.properties, again.traits = again.properties or first.properties, again.traits or first.traits
        again.event, again.group_id = again.event or first.event, again.group_id or first.group_id
        again.at, again.user_id, again.anonymous_id = first.at, first.user_id, first.anonymous_id
        return again

    def _event(self, id: str) -> Event:
        r = self.random
        kind = r.random()
        if kind < 0.45:
            return Event("track", id, event=r.choice(EVENTS), properties=self._properties())
        if kind < 0.5:
            return Event(r.choice(("page", "screen")), id, properties=self._properties())
        if kind < 0.76:
            return Event("identify", id, traits=self._traits())
        if kind < 0.77:
            return Event("alias", id, previous_id=r.choice((ANONYMOUS[0], *EARLIER)))
        if kind < 0.80:
            said = {"plan": r.choice(WORDS)} if r.random() < 0.7 else {}
            return Event("group", id, group_id=r.choice(("acme", "globex")), traits=said)
        if kind < 0.87:
            return Event(f"{r.choice(CHANNELS)}_{r.choice(OUTCOMES)}", id, properties=self._outcome())
        return self._fact(id)

    def _properties(self) -> dict[str, JSON]:
        r = self.random
        found: dict[str, JSON] = {p: self.value() for p in ("sku", "paid", "$amount") if r.random() < 0.5}
        if r.random() < 0.7:
            found["total"] = r.choice((r.choice(NUMBERS[:8]), "10", None, 10, 20))
        if r.random() < 0.5:
            found["nested"] = r.choice(({"value": r.choice(NUMBERS[:10])}, {}, 3))
        if r.random() < 0.5:
            found["when"] = self.moment()
        return found

    def _traits(self) -> dict[str, JSON]:
        r = self.random
        found: dict[str, JSON] = {
            p: self.value() for p in ("plan", "age", "flag", "first name", "$x", "tags") if r.random() < 0.3
        }
        if r.random() < 0.4:
            city = r.choice((self.value(), {"name": self.value()}, {"name": None}, {}))
            found["address"] = r.choice(({"city": city}, {"city": city, "zip": "1"}, self.value(), {}))
        for path in DATES:
            if r.random() < 0.3:
                found[path] = self.moment()
        if r.random() < 0.25:
            found["timezone"] = r.choice((*ZONES, None, 3))
        for path in ("email", "phone", "push_token"):
            if r.random() < 0.2:
                found[path] = r.choice((*ADDRESSES, None, 5))
        return found

    def _outcome(self) -> dict[str, JSON]:
        r = self.random
        found: dict[str, JSON] = {
            k: r.choice(("spring", "autumn")) for k in ("campaign", "template") if r.random() < 0.7
        }
        return found | ({"machine": r.choice((True, False, "true"))} if r.random() < 0.4 else {})

    def _fact(self, id: str) -> Event:
        r = self.random
        kind, channel = r.random(), r.choice(CHANNELS[:3])
        if kind < 0.45:
            status = r.choice(("subscribed", "unsubscribed", "pending"))
            topic = {"topic": r.choice(("news", "offers", "default"))} if r.random() < 0.7 else {}
            return Event("consent_changed", id, properties={"channel": channel, "status": status, **topic})
        if kind < 0.6:
            digest = address_hash(r.choice(ADDRESSES[:3]))
            return Event("address_suppressed", id, properties={"channel": channel, "address_hash": digest})
        return Event(r.choice(("segment_added", "segment_removed")), id, properties={"segment": "static"})
