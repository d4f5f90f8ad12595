"""Event lines as a person writes them into a file, and the short way in which cases write instants."""

from __future__ import annotations

from typing import Any

from schemas.times import format_instant, parse_instant

Line = dict[str, Any]


def at(text: str) -> int:
    """The instant of `01-31`, `01-31 09:00`, `01-31 09:00:00.001` (UTC, in 2026), or of full ISO."""
    if "T" in text:
        return parse_instant(text)
    day, _, clock = text.partition(" ")
    return parse_instant(f"2026-{day}T{clock or '00:00'}Z")


def _line(kind: str, who: str, when: str, fields: dict[str, Any], **more: Any) -> Line:
    """Ids that begin with `~` are anonymous."""
    id = {"anonymousId": who} if who.startswith("~") else {"userId": who}
    return {"type": kind, **id, "timestamp": format_instant(at(when)), **fields, **_options(more)}


def _options(more: dict[str, Any]) -> dict[str, Any]:
    made = {name: value for name, value in more.items() if value is not None and name != "logged"}
    if more.get("logged") is not None:
        made["logged_at"] = format_instant(at(more["logged"]))
    return made


def did(who: str, event: str, when: str, logged: str | None = None, id: str | None = None, **properties: Any) -> Line:
    """A track; logged then, or when it is said."""
    return _line("track", who, when, {"event": event, "properties": properties}, logged=logged, messageId=id)


def fact(who: str, kind: str, when: str, logged: str | None = None, **properties: Any) -> Line:
    """One of Waxwing's own facts."""
    return _line(kind, who, when, {"properties": properties}, logged=logged)


def says(who: str, when: str, logged: str | None = None, also: str | None = None, **traits: Any) -> Line:
    """An identify; `also` is the anonymous id beside the user's."""
    return _line("identify", who, when, {"traits": traits}, logged=logged, anonymousId=also)


def said(who: str, when: str, traits: dict[str, Any], logged: str | None = None) -> Line:
    """An identify whose traits have names that are no words of Python."""
    return says(who, when, logged, None, **traits)


def groups(who: str, account: str, when: str, logged: str | None = None, **traits: Any) -> Line:
    """A group."""
    return _line("group", who, when, {"groupId": account, "traits": traits}, logged=logged)


def alias(who: str, when: str, **ids: str) -> Line:
    """An alias; `previousId` or `anonymousId` names what becomes a part of the user."""
    return _line("alias", who, when, ids)
