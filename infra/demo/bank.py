"""A bank that is made up: people open accounts, visit pages, start and finish applications, deals are won or lost.

`Bank.step(now)` is what happened since the last step: records of the CRM's own stream, and calls that a website would
make through Segment's SDK. A seed makes it repeatable.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from schemas.records import CrmRecord
from schemas.times import format_instant

FIRST = (
    "Anna",
    "Beat",
    "Chiara",
    "David",
    "Elena",
    "Fabio",
    "Greta",
    "Hugo",
    "Ines",
    "Jan",
    "Kaya",
    "Luca",
    "Mia",
    "Noah",
)
LAST = (
    "Aebi",
    "Brunner",
    "Costa",
    "Dubois",
    "Egger",
    "Frei",
    "Gerber",
    "Huber",
    "Iten",
    "Jost",
    "Keller",
    "Lang",
    "Meier",
)
CITIES = (("Zurich", "Europe/Zurich", "de"), ("Lugano", "Europe/Zurich", "it"), ("London", "Europe/London", "en"))
PLANS = ("basic", "basic", "basic", "silver", "silver", "gold")
PAGES = ("/", "/cards", "/savings", "/mortgage", "/mortgage/rates", "/invest", "/contact")
PRODUCTS = (("mortgage", 250_000, 900_000), ("savings", 500, 20_000), ("card", 40, 120), ("invest", 1_000, 60_000))


class Happened(NamedTuple):
    """What a step brought: the CRM's records (keyed by their id) and the website's calls."""

    crm: list[CrmRecord]
    web: list[dict[str, Any]]


@dataclass
class Person:
    """A customer: some are keen, most are not; that is what the learner can find out."""

    id: str
    keen: float
    deal: str = ""
    application: str = ""


@dataclass
class Bank:
    """`people` to begin with, then about `rate` happenings a second."""

    seed: int = 7
    people: int = 400
    rate: float = 80.0
    persons: list[Person] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.rng = random.Random(self.seed)
        self.count = 0
        self.made = 0
        self._owed = 0.0

    def open_day(self, now: int) -> Happened:
        """The customers that the bank has before the demonstration begins."""
        crm: list[CrmRecord] = []
        for _ in range(self.people):
            crm += self.join(now, days_ago=self.rng.randint(8, 900))
        return Happened(crm, [])

    def step(self, now: int, elapsed_s: float) -> Happened:
        """What happened in the last `elapsed_s` seconds."""
        self._owed += self.rate * elapsed_s
        crm: list[CrmRecord] = []
        web: list[dict[str, Any]] = []
        while self._owed >= 1:
            self._owed -= 1
            self.happen(now, crm, web)
        return Happened(crm, web)

    def happen(self, now: int, crm: list[CrmRecord], web: list[dict[str, Any]]) -> None:
        """One happening: mostly a page view."""
        draw = self.rng.random()
        if draw < 0.03 or not self.persons:
            crm += self.join(now)
            return
        person = self.rng.choice(self.persons)
        if draw < 0.72:
            web.append(self.visit(person, now))
        elif draw < 0.86:
            web.append(self.apply(person, now))
        elif draw < 0.95:
            crm += self.deal(person, now)
        else:
            crm.append(self.activity(person, now))

    def join(self, now: int, days_ago: int = 0) -> list[CrmRecord]:
        """A person becomes a contact, with consent for some topics, and an account."""
        rng, self.count = self.rng, self.count + 1
        person = Person(f"p{self.count:05d}", keen=rng.betavariate(1.2, 2.5))
        self.persons.append(person)
        first, last, (city, zone, locale) = rng.choice(FIRST), rng.choice(LAST), rng.choice(CITIES)
        at = format_instant(now)
        data = {
            "first_name": first,
            "last_name": last,
            "email": f"{first}.{last}.{self.count}@example.com".lower(),
            "phone": f"+4179{self.count:07d}",
            "city": city,
            "timezone": zone,
            "locale": locale,
            "plan": rng.choice(PLANS),
            "birthday": f"{rng.randint(1950, 2005)}-{rng.randint(1, 12):02d}-{rng.randint(1, 28):02d}",
            "created_at": format_instant(now - days_ago * 86_400_000),
            "account_id": f"a{self.count % 97:03d}",
            "email_consent": "subscribed" if rng.random() < 0.8 else "unsubscribed",
            "sms_consent": "subscribed" if rng.random() < 0.4 else "pending",
        }
        account = {"name": f"Household {self.count % 97}", "region": city, "contact_id": person.id}
        return [
            CrmRecord("contact", "created", person.id, at, data),
            CrmRecord("account", "updated", data["account_id"], at, account),
        ]

    def visit(self, person: Person, now: int) -> dict[str, Any]:
        """A page view; the keen look at more than the home page."""
        page = self.rng.choice(PAGES if self.rng.random() < 0.3 + person.keen else PAGES[:1])
        return self._call(
            person, now, type="page", name=page, properties={"path": page, "url": f"https://bank.example{page}"}
        )

    def apply(self, person: Person, now: int) -> dict[str, Any]:
        """An application is started, or one that was started is sent off: that is the order."""
        product, low, high = self.rng.choice(PRODUCTS)
        if person.application and self.rng.random() < 0.35 + person.keen / 2:
            application, person.application = person.application, ""
            total = round(self.rng.uniform(low, high) / 100, 2)
            properties = {"order_id": application, "application_id": application, "total": total, "currency": "CHF"}
            return self._call(person, now, type="track", event="order_completed", properties=properties)
        self.made += 1
        person.application = f"app-{self.made}"
        properties = {"application_id": person.application, "product": product}
        return self._call(person, now, type="track", event="application_started", properties=properties)

    def deal(self, person: Person, now: int) -> list[CrmRecord]:
        """A deal is opened, or moves to its end."""
        at = format_instant(now)
        if not person.deal:
            self.made += 1
            person.deal = f"d{self.made}"
            data: dict[str, Any] = {"contact_id": person.id, "stage": "open", "product": self.rng.choice(PRODUCTS)[0]}
            return [CrmRecord("deal", "created", person.deal, at, data)]
        stage = "closed_won" if self.rng.random() < 0.3 + person.keen / 2 else "closed_lost"
        amount = round(self.rng.uniform(100, 5_000), 2)
        data = {"contact_id": person.id, "stage": stage, "amount": amount, "currency": "CHF"}
        record = CrmRecord("deal", "updated", person.deal, at, data, {"stage": "open"})
        person.deal = ""
        return [record]

    def activity(self, person: Person, now: int) -> CrmRecord:
        """Somebody called or met the person."""
        self.made += 1
        data = {"contact_id": person.id, "type": self.rng.choice(["call", "meeting", "note"]), "subject": "check-in"}
        return CrmRecord("activity", "created", f"t{self.made}", format_instant(now), data)

    def _call(self, person: Person, now: int, **fields: Any) -> dict[str, Any]:
        self.made += 1
        return {
            "userId": person.id,
            "timestamp": format_instant(now),
            "messageId": f"web-{self.seed}-{now}-{self.made}",
            **fields,
        }
