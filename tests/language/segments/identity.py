"""LANGUAGE, "Time, identity, traits": when a record happened, whose it is, which of two counts."""

from __future__ import annotations

from tests.language.lines import alias, did, fact, groups, said, says
from tests.language.story import Row, Story


def between(event: str, start: str, end: str) -> dict[str, object]:
    """An event that happened in [start, end), clock times of 10 January."""
    return {"performed": event, "between": [f"2026-01-10T{start}Z", f"2026-01-10T{end}Z"]}


CLOCKS = Story(
    "clocks",
    [
        # ann's clock was 4:59.500 ahead when she sent
        did("ann", "a", "01-10 12:00") | {"sentAt": "2026-01-10T12:05:00Z", "receivedAt": "2026-01-10T12:00:00.500Z"},
        did("bob", "a", "01-10 12:00") | {"received_at": "2026-01-10T11:00:00Z"},
        did("cid", "a", "01-10 12:00") | {"sentAt": "2026-01-10T12:05:00Z"},
        did("dan", "a", "01-10 13:00", logged="01-12"),
    ],
    [
        Row(
            "`timestamp`, corrected for the sender's clock where both `sentAt` and `received_at` are given",
            between("a", "11:55:00.500", "11:55:00.501"),
            {"01-12": "ann"},
        ),
        Row("never after `received_at`", between("a", "11:00:00.000", "11:00:00.001"), {"01-12": "bob"}),
        Row("where both `sentAt` and `received_at`", between("a", "12:00:00", "12:00:00.001"), {"01-12": "cid"}),
        Row("Conditions look at `at`", between("a", "13:00:00", "13:00:00.001"), {"01-12": "dan"}),
        Row(
            "they are asked at a log time `t`",
            {"performed": "a"},
            {"01-11 23:59:59.999": "ann bob cid", "01-12": "ann bob cid dan"},
        ),
    ],
)

MERGES = Story(
    "merges",
    [
        did("~x1", "a", "01-01 10:00"),
        did("~x2", "a", "01-01 10:00"),
        did("~x3", "a", "01-01 10:00"),
        did("~x4", "a", "01-01 10:00"),
        says("ann", "01-02", also="~x1"),
        alias("bob", "01-02", previousId="~x2"),
        alias("cid", "01-02", anonymousId="~x3"),
        says("dan", "01-03", also="~x1"),
        did("~x1", "b", "01-04"),
        alias("eve", "01-05", previousId="ann"),
    ],
    [
        Row("A contact's id is `userId`", {"everyone": True}, {"01-02": "ann bob cid ~x4"}),
        Row(
            "a contact of its own until an `identify` that carries both, or an `alias`",
            {"performed": "a"},
            {"01-01 23:59:59.999": "~x1 ~x2 ~x3 ~x4", "01-02": "ann bob cid ~x4"},
        ),
        Row("The first merge of an id stands", {"performed": "a"}, {"01-03": "ann bob cid ~x4"}),
        Row("a later claim by another user is", {"performed": "b"}, {"01-04": "ann"}),
        Row(
            "(its `previousId`, or `anonymousId`, into its `userId`), merges it",
            {"and": [{"performed": "a"}, {"performed": "b"}]},
            {"01-04 23:59:59.999": "ann", "01-05": "eve"},
        ),
    ],
)

SPANS = Story(
    "spans",
    [
        groups("ann", "acme", "01-01", plan="gold"),
        groups("bob", "acme", "01-02"),
        groups("cid", "globex", "01-02", plan="silver"),
        groups("bob", "globex", "01-03"),
        groups("cid", "globex", "01-04", plan="gold"),
    ],
    [
        Row(
            "A `group` record's traits are its account's",
            {"trait": "account.plan", "op": "eq", "value": "gold"},
            {"01-01": "ann", "01-01 23:59:59.999": "ann", "01-02": "ann bob", "01-03": "ann"},
        ),
        Row(
            "the contact sees them as `account.…`",
            {"trait": "account.plan", "op": "exists"},
            {"01-01 23:59:59.999": "ann", "01-04": "ann bob cid"},
        ),
        Row(
            "Commands on files, and the batch side, see the settled state.",
            {"trait": "account.plan", "op": "eq", "value": "gold"},
            {"01-03 23:59:59.999": "ann", "01-04": "ann bob cid"},
        ),
    ],
)

TWICE = Story(
    "duplicates",
    [
        did("ann", "buy", "01-01", id="m1", n=1),
        did("ann", "buy", "01-01 23:59:59.999", id="m1", n=2),
        did("bob", "buy", "01-01", id="m1", n=1),  # another contact's event is another event
        did("cid", "buy", "01-01", id="m2", n=1),
        did("cid", "buy", "01-02", id="m2", n=2),
        *(did("dan", "call", "01-01", n=1) for _ in range(2)),  # nothing says that it is the same call
    ],
    [
        Row(
            "Events of a contact with the same `messageId` count once",
            {"performed": "buy", "count": {"op": "eq", "value": 1}},
            {"01-01 23:59:59.999": "ann bob cid"},
        ),
        Row(
            "Events of a contact with the same `messageId` count once",
            {"performed": "call", "count": {"op": "eq", "value": 2}},
            {"01-01": "dan"},
        ),
        Row(
            "the first in the log",
            {"performed": "buy", "sum": {"property": "n", "op": "eq", "value": 1}},
            {"01-01 23:59:59.999": "ann bob cid"},
        ),
        Row(
            "The stream keeps the ids of a contact's last 24 hours",
            {"performed": "buy", "count": {"op": "eq", "value": 1}},
            {"01-02": "ann bob cid"},
            streamed={"01-02": "ann bob"},
        ),
    ],
)

MANY = Story(
    "many ids",
    [
        *(did(who, "buy", "01-01", id="m") for who in ("ann", "bob")),
        *(did(who, "noise", "01-01 00:00:01", id=f"n{i}") for who, n in (("ann", 511), ("bob", 512)) for i in range(n)),
        *(did(who, "buy", "01-01 00:00:02", id="m") for who in ("ann", "bob")),
    ],
    [
        Row(
            "at most 512",
            {"performed": "buy", "count": {"op": "eq", "value": 1}},
            {"01-01 00:00:02": "ann bob"},
            streamed={"01-01 00:00:02": "ann"},
        ),
        Row(
            "duplicates that come later than that are dropped by the batch alone",
            {"performed": "buy", "count": {"op": "eq", "value": 2}},
            {"01-01 00:00:02": ""},
            streamed={"01-01 00:00:02": "bob"},
        ),
    ],
)

TIES = Story(
    "ties",
    [
        did("ann", "b", "01-01", n=1),
        did("ann", "b", "01-01", n=2),
        did("bob", "b", "01-01", n=2),
        did("bob", "b", "01-01", n=1),
        did("cid", "b", "01-01", n=1),
        did("dan", "b", "01-01", n=2),
        did("cid", "b", "01-01", logged="01-02", n=2),
        did("dan", "b", "01-01", logged="01-02", n=1),
    ],
    [
        Row(
            "Of events with the same `at` the later in the log is the later",
            {"last_performed": "b", "has": [{"property": "n", "op": "eq", "value": 2}]},
            {"01-01": "ann dan", "01-01 23:59:59.999": "ann dan", "01-02": "ann cid"},
        )
    ],
)

# of two contacts that become one: whose record is the later in the log decides, wherever it was written
MERGED_TIES = Story(
    "ties of merged contacts",
    [
        said("ann", "01-01", {"plan": "user"}),
        did("ann", "b", "01-01", n=1),
        fact("ann", "consent_changed", "01-01", channel="email", status="unsubscribed"),
        fact("ann", "segment_removed", "01-01", segment="row-3"),
        said("~x1", "01-01", {"plan": "guest"}),
        did("~x1", "b", "01-01", n=2),
        fact("~x1", "consent_changed", "01-01", channel="email", status="subscribed"),
        fact("~x1", "segment_added", "01-01", segment="row-3"),
        said("~x2", "01-01", {"plan": "guest"}),
        did("~x2", "b", "01-01", n=1),
        fact("~x2", "consent_changed", "01-01", channel="email", status="unsubscribed"),
        fact("~x2", "segment_removed", "01-01", segment="row-3"),
        said("bob", "01-01", {"plan": "user"}),
        did("bob", "b", "01-01", n=2),
        fact("bob", "consent_changed", "01-01", channel="email", status="subscribed"),
        fact("bob", "segment_added", "01-01", segment="row-3"),
        says("ann", "01-02", also="~x1"),
        says("bob", "01-02", also="~x2"),
    ],
    [
        Row(
            "(a tie: the later in the log)",
            {"trait": "plan", "op": "eq", "value": "user"},
            {"01-01": "ann bob", "01-02": "bob"},
        ),
        Row(
            "Of events with the same `at` the later in the log is the later",
            {"last_performed": "b", "has": [{"property": "n", "op": "eq", "value": 2}]},
            {"01-02": "ann bob"},
        ),
        Row("the latest by `at`", {"consent": "email"}, {"01-01": "bob ~x1", "01-02": "ann bob"}),
        Row("the latest by `at` stands", None, {"01-01": "bob ~x1", "01-02": "ann bob"}),
        Row(
            "it has held without a break",
            {"trait": "plan", "op": "eq", "value": "guest", "for": "1d"},
            {"01-01 23:59:59.999": "", "01-02": "ann"},
        ),
    ],
)

# the same event came to two that became one: it counts once, the first in the log
TWO_IDS = Story(
    "duplicates of two ids",
    [
        did("~x1", "buy", "01-01 10:00", id="m1", n=1),
        did("ann", "buy", "01-01 10:00", id="m1", n=2),
        did("bob", "buy", "01-01 10:00", id="m1", n=4),
        did("~x2", "buy", "01-01 11:00", id="m1", n=8),
        said("~x2", "01-01 12:00", {"plan": "guest"}) | {"messageId": "i1"},
        says("bob", "01-01 13:00", also="~x2", plan="user") | {"messageId": "i1"},
        says("ann", "01-01 14:00", also="~x1"),
    ],
    [
        Row(
            "Commands on files, and the batch side, see the settled state.",
            {"performed": "buy", "count": {"op": "eq", "value": 1}},
            {"01-01 11:00": "ann bob ~x1 ~x2", "01-01 13:00": "ann bob ~x1", "01-01 14:00": "ann bob"},
        ),
        Row(
            "Events of a contact with the same `messageId` count once, the first in the log.",
            {"performed": "buy", "sum": {"property": "n", "op": "in", "value": [1, 4]}},
            {"01-01 13:00": "bob ~x1", "01-01 14:00": "ann bob"},
        ),
        Row("the first in the log", {"trait": "plan", "op": "eq", "value": "guest"}, {"01-01 14:00": "bob"}),
    ],
)

STORIES = (CLOCKS, MERGES, SPANS, TWICE, MANY, TIES, MERGED_TIES, TWO_IDS)
