"""A campaign as the journey that the fold runs: from its trigger, by its arms, to one message. Pure.

    start ──▶ belongs (audience, exclusions; of a triggered one) ──▶ arms ──▶ send or send-<arm> ──▶ done

Its id is `campaign:<id>`, which no journey of a person may have. The contacts of a launch are released at `arms`: they
were chosen when the audience was frozen.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from flows.definitions.catalogue import Published

PREFIX: Final = "campaign:"
ARMS: Final = "arms"
SEND: Final = "send"
_ENDS: Final = ({"id": "done", "type": "exit", "reason": "completed"},)
_OUTSIDE: Final = {"id": "outside", "type": "exit", "reason": "not in the audience"}


def journey_id(campaign: str) -> str:
    """The id of a campaign's journey."""
    return f"{PREFIX}{campaign}"


def as_journey(campaign: Published) -> Published:
    """The journey of one version of a campaign."""
    body = campaign.body
    made: dict[str, Any] = {"kind": "journey", "id": journey_id(campaign.id), "class": body.get("class", "marketing")}
    made |= {field: body[field] for field in ("key", "reentry") if body.get(field) is not None}
    nodes: list[dict[str, Any]] = [{"id": "start", "type": "trigger", "on": body.get("trigger") or {"api": True}}]
    edges: list[dict[str, str]] = []
    sends, split = _sends(campaign.id, body)
    first = str((split or sends[0])["id"])
    asked = _asked(body)
    if asked is not None:
        nodes.append({"id": "belongs", "type": "condition", "if": asked})
        edges += [_edge("start", "belongs"), _edge("belongs", first, "yes"), _edge("belongs", "outside", "no")]
    else:
        edges.append(_edge("start", first))
    if split is not None:
        nodes.append(split)
        edges += [_edge(ARMS, f"{SEND}-{arm['name']}", arm["name"]) for arm in split["arms"]]
    edges += [_edge(str(send["id"]), "done") for send in sends]
    made |= {"nodes": [*nodes, *sends, *_ENDS, *([_OUTSIDE] if asked is not None else [])], "edges": edges}
    return Published("journey", made["id"], campaign.version, made, campaign.since)


def _sends(campaign: str, body: Mapping[str, Any]) -> tuple[list[dict[str, Any]], dict[str, Any] | None]:
    """The messages, and the split before them where there are arms."""
    content = body["content"]
    common: dict[str, Any] = {"type": "action", "do": "send", "campaign": campaign}
    common |= {field: content[field] for field in ("channel", "channels", "topic") if content.get(field)}
    common |= {"expires": body["expires"]} if body.get("expires") else {}
    arms = content.get("arms")
    if not arms:
        return [{"id": SEND, **common, "template": content["template"]}], None
    sends = [{"id": f"{SEND}-{arm['name']}", **common, "template": arm["template"]} for arm in arms]
    split = {"id": ARMS, "type": "split", "arms": [{"name": arm["name"], "share": arm["share"]} for arm in arms]}
    split |= {rule: content[rule] for rule in ("winner", "bandit") if content.get(rule)}
    return sends, split


def _asked(body: Mapping[str, Any]) -> dict[str, Any] | None:
    """Who may enter a triggered campaign; None for everyone, and for launches, whose audience is frozen."""
    if body["type"] != "triggered":
        return None
    audience, exclusions = body.get("audience"), list(body.get("exclusions") or ())
    parts = ([audience] if audience is not None else []) + ([{"not": {"or": exclusions}}] if exclusions else [])
    return {"and": parts} if parts else None


def _edge(source: str, target: str, branch: str = "") -> dict[str, str]:
    return {"from": source, "to": target} | ({"branch": branch} if branch else {})
