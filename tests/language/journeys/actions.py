"""LANGUAGE, "Journeys": action nodes, branches, and what they ask of the entry."""

from __future__ import annotations

from typing import Any

from tests.flows.journeys.scenario import journey, message, node, started_by
from tests.language.lines import Line, did, fact, says
from tests.language.told import Told

MAIL = says("u", "01-01", email="u@example.com")
GO = did("u", "go", "01-05 10:00")

FLAT = 'Action nodes are flat: `{"id":"a","type":"action","do":"send","channel":"email","template":"welcome"}`'
WELCOME = {"id": "a", "type": "action", "do": "send", "channel": "email", "template": "welcome"}
ORDER = '`"channels":["push","sms"]` is an order of fallback.'
BOTH = {"id": "a", "type": "action", "do": "send", "channels": ["push", "sms"], "template": "note"}
PHONE, TOKEN = says("u", "01-01", phone="+41"), says("u", "01-01", push_token="t")
SKIPPED = "A skipped send takes the branch `skipped` where there is one, else goes on."
BRANCH = ["start -> a", "a -> done", "a -> instead: skipped", "instead -> done"]


def fallback(*lines: Line, sends: list[str], skips: list[str]) -> Told:
    return Told(ORDER, [journey(started_by(), BOTH)], [*lines, GO], {"sends": sends, "skips": skips})


ACTIONS = (
    Told(FLAT, [journey(started_by(), WELCOME)], [MAIL, GO], {"sends": ["u a 01-05 10:00"]}),
    fallback(PHONE, TOKEN, sends=["u a 01-05 10:00"], skips=[]),
    fallback(PHONE, sends=["u a 01-05 10:00"], skips=[]),
    fallback(MAIL, sends=[], skips=["u a no_address 01-05 10:00"]),
    Told(
        SKIPPED,
        [journey(started_by(), message("a"), message("b"))],
        [GO],
        {
            "sends": [],
            "skips": ["u a no_address 01-05 10:00", "u b no_address 01-05 10:00"],
            "completed": 1,
        },
    ),
    Told(
        SKIPPED,
        [
            journey(
                started_by(),
                message("a"),
                node("instead", "action", do="send", channel="sms", template="note"),
                node("done", "exit"),
                edges=BRANCH,
            )
        ],
        [PHONE, GO],
        {"sends": ["u instead 01-05 10:00"], "skips": ["u a no_address 01-05 10:00"]},
    ),
    Told(
        SKIPPED,
        [journey(started_by(), message("a"), message("instead"), node("done", "exit"), edges=BRANCH)],
        [MAIL, GO],
        {"sends": ["u a 01-05 10:00"], "skips": []},
    ),
)

ELSE = '`"else":"rest"` on a condition with `branches` names the branch for those whom none fits.'


def plan(name: str) -> dict[str, Any]:
    return {"name": name, "if": {"trait": "plan", "op": "eq", "value": name}}


FORKED = journey(
    started_by(),
    {"id": "fork", "type": "condition", "branches": [plan("gold"), plan("silver")], "else": "rest"},
    message("g"),
    message("s"),
    message("r"),
    node("done", "exit"),
    edges=[
        "start -> fork",
        "fork -> g: gold",
        "fork -> s: silver",
        "fork -> r: rest",
        "g -> done",
        "s -> done",
        "r -> done",
    ],
)
BRANCHES = tuple(
    Told(ELSE, [FORKED], [MAIL, *lines, GO], {"sends": [f"u {taken} 01-05 10:00"]})
    for taken, lines in (
        ("g", [says("u", "01-02", plan="gold")]),
        ("s", [says("u", "01-02", plan="silver")]),
        ("r", [says("u", "01-02", plan="bronze")]),
        ("r", []),
    )
)

ENTRY = '`{"entry":"properties.total",…}` takes the operators of `trait`.'


def asked(entered: dict[str, Any], yes: bool, when: str = "01-05 10:00", **test: Any) -> Told:
    body = journey(
        started_by(),
        node("ask", "condition", if_={"entry": "properties.total", **test}),
        message("y"),
        message("n"),
        node("done", "exit"),
        edges=["start -> ask", "ask -> y: yes", "ask -> n: no", "y -> done", "n -> done"],
    )
    taken = "y" if yes else "n"
    return Told(ENTRY, [body], [MAIL, did("u", "go", when, **entered)], {"sends": [f"u {taken} {when}"]})


ASKED = (
    asked({"total": 10}, True, op="eq", value=10),
    asked({"total": "10"}, False, op="eq", value=10),
    asked({}, False, op="gt", value=0),
    asked({}, True, op="ne", value=0),
    asked({"total": None}, True, op="missing"),
    asked({"total": 10}, True, op="between", value=[10, 11]),
    asked({"total": "Gold"}, True, op="starts_with", value="g", ignore_case=True),
    asked({"total": "2026-01-05T09:00:00Z"}, True, op="within_last", value="3601s"),
    asked({"total": "2026-01-05T09:00:00Z"}, False, op="within_last", value="1h"),
    asked({"total": "2000-01-05"}, True, op="anniversary"),
)

CONSENT = "the line's consent and suppression count"
COUNTED = (
    Told(
        CONSENT,
        [journey(started_by(), message("a"), class_="marketing")],
        [MAIL, fact("u", "consent_changed", "01-02", channel="email", status="subscribed"), GO],
        {"sends": ["u a 01-05 10:00"]},
    ),
    Told(
        CONSENT,
        [journey(started_by(), message("a"))],
        [
            MAIL,
            fact(
                "u",
                "address_suppressed",
                "01-02",
                channel="email",
                # printf %s u@example.com | sha256sum
                address_hash="7615aafcb45bcc853c4ed32cc5539842372555cd025f090746069db279a3d427",
            ),
            GO,
        ],
        {"sends": [], "skips": ["u a suppressed 01-05 10:00"]},
    ),
    Told(
        "a template that is not given does not stop it.",
        [journey(started_by(), message("a", template="nowhere"))],
        [MAIL, GO],
        {"sends": ["u a 01-05 10:00"]},
    ),
)

CASES = (*ACTIONS, *BRANCHES, *ASKED, *COUNTED)
