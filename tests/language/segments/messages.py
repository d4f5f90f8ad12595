"""LANGUAGE, "Leaves": message, consent, suppressed, reachable."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

from tests.language.lines import did, fact, says
from tests.language.story import Row, Story

FILTERS = "filtered by any of `campaign journey node template topic provider variant`"
NAMES = ("campaign", "journey", "node", "template", "topic", "provider", "variant")
MACHINES = 'Opens and clicks by machines (property `"machine":true`) do not count unless `"machines":true`.'

OUTCOMES = Story(
    "messages",
    [
        fact("ann", "email_opened", "01-01", **dict.fromkeys(NAMES, "x")),
        fact("bob", "sms_opened", "01-01", **dict.fromkeys(NAMES, "y")),
        fact("cid", "email_opened", "01-01", machine=True, campaign="x"),
        fact("dan", "email_clicked", "01-01", machine=True),
        fact("eve", "email_sent", "01-01", machine=True),
        did("fay", "opened", "01-01"),
        fact("gus", "email_opened", "01-01", machine="true"),
        fact("ann", "push_opened", "01-02"),
    ],
    [
        Row(
            "`message`: an outcome event `<channel>_<outcome>`",
            {"message": "opened", "channel": "email"},
            {"01-01": "ann gus"},
        ),
        *(Row(FILTERS, {"message": "opened", name: "x"}, {"01-01": "ann"}) for name in NAMES),
        Row(
            "these are properties of the event under the same names",
            {"message": "opened", **dict.fromkeys(NAMES, "y")},
            {"01-01": "bob"},
        ),
        Row(MACHINES, {"message": "opened", "channel": "email", "campaign": "x"}, {"01-01": "ann"}),
        Row(MACHINES, {"message": "opened", "campaign": "x", "machines": True}, {"01-01": "ann cid"}),
        Row(MACHINES, {"message": "clicked"}, {"01-01": ""}),
        Row(MACHINES, {"message": "clicked", "machines": True}, {"01-01": "dan"}),
        Row(MACHINES, {"message": "sent"}, {"01-01": "eve"}),
        Row("Without `channel`, any", {"message": "opened"}, {"01-01": "ann bob gus"}),
        Row(
            "`count` as in `performed`.",
            {"message": "opened", "count": {"op": "gte", "value": 2}, "within": "1d"},
            {"01-01 23:59:59.999": "", "01-02": ""},
        ),
        Row(
            "`count` as in `performed`.",
            {"message": "opened", "count": {"op": "gte", "value": 2}, "within": "25h"},
            {"01-01 23:59:59.999": "", "01-02": "ann", "01-02 00:59:59.999": "ann", "01-02 01:00": ""},
        ),
        Row(
            "`count` as in `performed`.",
            {"message": "opened", "count": {"op": "eq", "value": 0}},
            {"01-01": "cid dan eve fay"},
        ),
    ],
)


def consents(who: str, status: str, when: str, logged: str | None = None, **more: str) -> dict[str, Any]:
    return fact(who, "consent_changed", when, logged, channel="email", status=status, **more)


CONSENT = "`consent`: status of channel and topic from `consent_changed` records"
CONSENTS = Story(
    "consent",
    [
        consents("ann", "subscribed", "01-02", topic="news", source="form", text_version="3", proof="ip"),
        consents("ann", "unsubscribed", "01-01", "01-03", topic="news"),
        consents("bob", "pending", "01-02", topic="news"),
        consents("cid", "subscribed", "01-02"),
        says("dan", "01-02", email="dan@example.com"),
        consents("eve", "subscribed", "01-02", topic="news"),
        consents("eve", "unsubscribed", "01-04", topic="news"),
        fact("fay", "consent_changed", "01-02", channel="sms", topic="news", status="subscribed"),
        consents("gus", "unsubscribed", "01-02", topic="offers"),
    ],
    [
        Row(CONSENT, {"consent": "email", "topic": "news"}, {"01-02": "ann eve", "01-04": "ann"}),
        Row(CONSENT, {"consent": "sms", "topic": "news"}, {"01-02": "fay"}),
        Row("the latest by `at`", {"consent": "email", "topic": "news"}, {"01-03 23:59:59.999": "ann eve"}),
        Row(
            "a topic's definition gives the default where nothing was ever said",
            {"consent": "email", "topic": "offers"},
            {"01-02": "ann bob cid dan eve fay"},
        ),
        Row("the topic `default` stands for the channel itself", {"consent": "email"}, {"01-04": "cid"}),
        Row(
            "the topic `default` stands for the channel itself",
            {"consent": "email", "topic": "default"},
            {"01-04": "cid"},
        ),
    ],
    others=[
        {"kind": "topic", "id": "offers", "channel": "email", "default": "subscribed"},
        {"kind": "topic", "id": "news", "channel": "email", "default": "unsubscribed"},
    ],
)


def digest(address: str) -> str:
    return sha256(address.encode()).hexdigest()


def lists(who: str, channel: str, address: str, when: str) -> dict[str, Any]:
    return fact(who, "address_suppressed", when, channel=channel, address_hash=digest(address), reason="bounced")


SUPPRESSED = (
    "`suppressed`: the contact's address on that channel (traits `email`, `phone`, `push_token`) is on the list"
)
REACHABLE = "`reachable`: has an address, not suppressed, and `default` of the channel is not unsubscribed."
LISTED = Story(
    "suppressed and reachable",
    [
        says("ann", "01-01", email=" Ann@Example.com "),
        says("bob", "01-01", email="ann@example.com"),
        says("cid", "01-01", email="cid@example.com", phone="+41", push_token="t1"),
        says("dan", "01-01", email="dan@example.com"),
        consents("dan", "unsubscribed", "01-01"),
        consents("cid", "unsubscribed", "01-01", topic="news"),
        says("eve", "01-01", phone="+42"),
        lists("eve", "email", "ann@example.com", "01-02"),
        lists("cid", "sms", "+41", "01-03"),
        lists("dan", "push", "t1", "01-03"),
        says("fay", "01-04", email="ANN@example.com"),
        says("gus", "01-04", email="\u00a0ann@example.com\u2003"),
        says("ann", "01-05", email="new@example.com"),
    ],
    [
        Row(
            "put there by `address_suppressed`",
            {"suppressed": "email"},
            {"01-01 23:59:59.999": "", "01-02": "ann bob", "01-04": "ann bob fay gus"},
        ),
        Row("whoever has it", {"suppressed": "email"}, {"01-03 23:59:59.999": "ann bob", "01-05": "bob fay gus"}),
        Row(SUPPRESSED, {"suppressed": "sms"}, {"01-02": "", "01-03": "cid"}),
        Row(SUPPRESSED, {"suppressed": "push"}, {"01-02": "", "01-03": "cid"}),
        Row(
            REACHABLE,
            {"reachable": "email"},
            {"01-01": "ann bob cid", "01-02": "cid", "01-05": "ann cid"},
        ),
        Row(REACHABLE, {"reachable": "sms"}, {"01-01": "cid eve", "01-03": "eve"}),
    ],
)

STORIES = (OUTCOMES, CONSENTS, LISTED)
