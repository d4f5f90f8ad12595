"""LANGUAGE, "Time, identity, traits": how traits merge, whose zone counts, and `for`."""

from __future__ import annotations

from tests.language.lines import did, groups, said, says
from tests.language.story import Row, Story


def is_(path: str, value: object) -> dict[str, object]:
    return {"trait": path, "op": "eq", "value": value}


MERGING = Story(
    "traits",
    [
        says("ann", "01-05", plan="gold"),
        says("ann", "01-04", logged="01-06", plan="silver", city="Bern"),
        says("bob", "01-05", plan="silver"),
        says("bob", "01-05", plan="gold"),
        says("cid", "01-05", plan="gold"),
        says("cid", "01-07", plan=None),
        says("dan", "01-05", address={"city": "Bern", "zip": "1"}),
        says("dan", "01-06", address={"zip": "2"}),
        said("eve", "01-05", {"first name": "Eve", "$x": 1, "a": {"b c": 2}}),
        says("fay", "01-05", plan=""),
        says("gus", "01-05", city="Ulm"),
    ],
    [
        Row("Traits merge key by key", is_("city", "Bern"), {"01-05": "", "01-06": "ann"}),
        Row(
            "for each the value with the latest `at` stands (a tie: the later in the log)",
            is_("plan", "gold"),
            {"01-05": "ann bob cid", "01-06": "ann bob cid"},
        ),
        Row("so a late `identify` does not overwrite what is newer", is_("plan", "silver"), {"01-06": ""}),
        Row("`null` removes", is_("plan", "gold"), {"01-06 23:59:59.999": "ann bob cid", "01-07": "ann bob"}),
        Row(
            "Nested objects merge by path",
            {"and": [is_("address.city", "Bern"), is_("address.zip", "2")]},
            {"01-05 23:59:59.999": "", "01-06": "dan"},
        ),
        Row("Paths split at dots", is_("a.b c", 2), {"01-05": "eve"}),
        Row("keys may hold spaces and `$`", {"and": [is_("first name", "Eve"), is_("$x", 1)]}, {"01-05": "eve"}),
        Row(
            '`""` is a value',
            {"and": [is_("plan", ""), {"trait": "plan", "op": "exists"}]},
            {"01-07": "fay"},
        ),
        Row(
            "absent and `null` are missing",
            {"trait": "plan", "op": "missing"},
            {"01-05": "dan eve gus", "01-07": "cid dan eve gus"},
        ),
    ],
)

# 2 January begins in Tokyo at 15:00 of the 1st in UTC, in Berlin at 23:00, in New York at 05:00 of the 2nd
RENEWALS = [
    says("ann", "01-01", renewal="2026-01-02", timezone="Asia/Tokyo"),
    says("bob", "01-01", renewal="2026-01-02"),
    says("cid", "01-01", renewal="2026-01-02", timezone="Mars/One"),
    says("dan", "01-01", renewal="2026-01-02", timezone="America/New_York"),
    says("dan", "01-02 03:00", timezone=None),
]
PAST = {"trait": "renewal", "op": "within_last", "value": "1d"}
ZONES = Story(
    "zones",
    RENEWALS,
    [
        Row(
            "The contact's zone is the trait `timezone` (IANA)",
            PAST,
            {"01-01 14:59:59.999": "", "01-01 15:00": "ann", "01-02 14:59:59.999": "ann bob cid dan"},
        ),
        Row(
            "without one the default of the workspace",
            PAST,
            {
                "01-01 22:59:59.999": "ann",
                "01-01 23:00": "ann bob cid",
                "01-02 02:59:59.999": "ann bob cid",
                "01-02 03:00": "ann bob cid dan",
                "01-02 23:00": "",
            },
        ),
    ],
    others=[{"kind": "workspace", "id": "default", "timezone": "Europe/Berlin"}],
)
NO_ZONE = Story(
    "no zone",
    RENEWALS[1:4],
    [
        Row(
            "UTC where none is set",
            PAST,
            {
                "01-01 23:59:59.999": "",
                "01-02": "bob cid",
                "01-02 04:59:59.999": "bob cid",
                "01-02 05:00": "bob cid dan",
            },
        )
    ],
)

WEEK = {"trait": "plan", "op": "eq", "value": "gold", "for": "7d"}
HELD = Story(
    "for",
    [
        says("ann", "01-01", plan="gold"),
        says("ann", "01-05", plan="gold"),
        says("bob", "01-01", plan="gold"),
        says("bob", "01-05", plan="silver"),
        says("bob", "01-06", plan="gold"),
        says("cid", "01-01", plan="gold"),
        says("cid", "01-06", plan="gold"),
        says("cid", "01-04", logged="01-10", plan="silver"),  # a break, told late: it held from the 6th on
        says("dan", "01-05", logged="01-11", plan="gold"),
        did("eve", "a", "01-01"),
        says("fay", "01-01", plan="gold"),
        says("fay", "01-08", plan=None),
    ],
    [
        Row(
            '`"for":"7d"` on a trait leaf: it has held without a break since `t-7d` or before',
            WEEK,
            {"01-07 23:59:59.999": "", "01-12 23:59:59.999": "ann dan", "01-13": "ann bob cid dan"},
        ),
        Row(
            "by the `at` of the identifies", WEEK, {"01-09 23:59:59.999": "ann cid", "01-10": "ann", "01-12": "ann dan"}
        ),
        Row("the same value said again is no break", WEEK, {"01-08": "ann cid"}),
        Row(
            "it has held without a break",
            {"trait": "plan", "op": "missing", "for": "7d"},
            {"01-01": "eve", "01-08": "eve", "01-14 23:59:59.999": "eve", "01-15": "eve fay"},
        ),
    ],
)

# What an account's traits were is the account's history, whoever is in it by then.
ACCOUNTS = Story(
    "for on an account's traits",
    [
        groups("ann", "acme", "01-01", plan="gold"),
        groups("ann", "acme", "01-03", plan="silver"),
        groups("bob", "acme", "01-08"),
        groups("cid", "globex", "01-01", plan="silver"),
        groups("ann", "acme", "01-02", logged="01-09", plan="gold"),
        groups("ann", "acme", "01-06", logged="01-12", plan="bronze"),
        groups("ann", "acme", "01-07", logged="01-13", plan="silver"),
        groups("bob", "globex", "01-14"),
    ],
    [
        Row(
            "it has held without a break since `t-7d` or before",
            {"trait": "account.plan", "op": "eq", "value": "silver", "for": "7d"},
            {
                "01-07 23:59:59.999": "",
                "01-08": "cid",
                "01-09 23:59:59.999": "cid",
                "01-10": "ann bob cid",
                "01-11 23:59:59.999": "ann bob cid",
                "01-12": "cid",
                "01-13 23:59:59.999": "cid",
                "01-14": "ann bob cid",
            },
        ),
        Row(
            "the same value said again is no break",
            {"trait": "account.plan", "op": "ne", "value": "gold", "for": "7d"},
            {"01-08": "cid", "01-09 23:59:59.999": "cid", "01-10": "ann bob cid"},
        ),
    ],
)

STORIES = (MERGING, ZONES, NO_ZONE, HELD, ACCOUNTS)
