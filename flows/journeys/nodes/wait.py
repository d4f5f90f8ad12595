"""Wait: two wake sources only, something that concerns the wait, or a computed instant. Nothing polls."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeGuard, assert_never
from zoneinfo import ZoneInfo

from flows.contact.subject import is_zone
from flows.journeys.localtime import next_clock, next_in_window, parse_clock, read_date
from flows.journeys.matching import compile_match
from flows.journeys.nodes.base import Leave, Node, Rest, Result, Visit, rest_until
from flows.journeys.run import event_value, opened_value
from flows.scoring import reducer as scoring
from flows.scoring.send_time import choose
from flows.segments.where import EventMatcher
from schemas.definitions import nodes
from schemas.definitions import waits as written
from schemas.times import DAY, parse_duration


@dataclass(frozen=True, slots=True)
class Zone:
    """Whose clock it is: `fixed`, else the contact's, else `default`, else the workspace's."""

    fixed: str | None
    default: str | None

    def of(self, visit: Visit) -> ZoneInfo:
        """The zone of the visit's contact."""
        if self.fixed is not None:
            return ZoneInfo(self.fixed)
        own = visit.scope.view.trait("timezone") if self.default is not None else None
        if self.default is not None and not (isinstance(own, str) and is_zone(own)):
            return ZoneInfo(self.default)
        return ZoneInfo(visit.scope.view.zone)


class _Timed:
    """A wait whose instant is fixed when its node is entered."""

    __slots__ = ()

    def wake(self, visit: Visit) -> Result:
        """Go on when the instant has come."""
        due = visit.run.due
        return Leave() if due is None else rest_until(due, visit.scope.at)


@dataclass(frozen=True, slots=True)
class WaitFor(_Timed):
    """A length of time."""

    id: str
    length: int

    def enter(self, visit: Visit) -> Result:
        """From now on."""
        return rest_until(visit.run.since + self.length, visit.scope.at)


@dataclass(frozen=True, slots=True)
class WaitUntil(_Timed):
    """The next such local time, strictly ahead."""

    id: str
    minutes: int
    weekdays: frozenset[int]
    zone: Zone

    def enter(self, visit: Visit) -> Result:
        """Today, if still ahead."""
        return Rest(next_clock(visit.scope.at, self.minutes, self.weekdays, self.zone.of(visit)))


@dataclass(frozen=True, slots=True)
class WaitWindow(_Timed):
    """Inside `[start, end)` at once, else its next start."""

    id: str
    start: int
    end: int
    weekdays: frozenset[int]
    zone: Zone

    def enter(self, visit: Visit) -> Result:
        """Now, or when it opens."""
        at = visit.scope.at
        return rest_until(next_in_window(at, self.start, self.end, self.weekdays, self.zone.of(visit)), at)


@dataclass(frozen=True, slots=True)
class WaitUntilDate:
    """A date of a trait or of the entry, moved by calendar days or a length of time; a trait that changes moves it."""

    id: str
    path: str
    of_entry: bool
    days: int
    shift: int
    zone: Zone

    def enter(self, visit: Visit) -> Result:
        """Past and missing pass at once."""
        value = self._value(visit)
        due = read_date(value, self.days, self.zone.of(visit)) if isinstance(value, str) else None
        return Leave("missing") if due is None else rest_until(due + self.shift, visit.scope.at)

    def wake(self, visit: Visit) -> Result:
        """A value of the entry stays; a trait is read anew."""
        due = visit.run.due
        return rest_until(due, visit.scope.at) if self.of_entry and due is not None else self.enter(visit)

    def _value(self, visit: Visit) -> Any:
        return opened_value(visit.run, self.path) if self.of_entry else visit.scope.view.trait(self.path)


@dataclass(frozen=True, slots=True)
class WaitForEvent:
    """An event that is logged after the node was entered and did not happen before."""

    id: str
    match: EventMatcher
    key: str  # the path that must equal the run's; empty: any
    timeout: int | None

    def enter(self, visit: Visit) -> Result:
        """What was logged until now does not count."""
        return _timeout(visit, self.timeout)

    def wake(self, visit: Visit) -> Result:
        """`happened`, or `timeout` when it is time."""
        return Leave("happened") if self._happened(visit) else _timeout(visit, self.timeout)

    def _happened(self, visit: Visit) -> bool:
        scope = visit.scope
        event = scope.event
        if event is None or scope.quiet or event.at < visit.run.since or not self.match(event, scope.view, scope.at):
            return False
        return not self.key or _same(event_value(event, self.key), opened_value(visit.run, self.key))


@dataclass(frozen=True, slots=True)
class WaitForSegment:
    """Membership: at once for a member, else when the contact enters."""

    id: str
    segment: str
    timeout: int | None

    def enter(self, visit: Visit) -> Result:
        """A member passes."""
        return Leave("happened") if visit.scope.view.member(self.segment) else _timeout(visit, self.timeout)

    def wake(self, visit: Visit) -> Result:
        """`happened` at the flip, unless history that is imported made it; `timeout` when it is time."""
        scope = visit.scope
        entered = not scope.quiet and any(f.entered and f.segment == self.segment for f in scope.flips)
        return Leave("happened") if entered else _timeout(visit, self.timeout)


@dataclass(frozen=True, slots=True)
class WaitBestTime(_Timed):
    """The contact's own hour within a length of time, chosen when the node is entered; the step says why."""

    id: str
    within: int

    def enter(self, visit: Visit) -> Result:
        """Now, or when the hour begins."""
        scope = visit.scope
        hours = scope.state.get(scoring.SECTION).hours
        due, why = choose(scope.at, self.within, scope.view.zone, hours, scope.active.send_time)
        return Leave(why=why) if due <= scope.at else Rest(due, why)


Wait = WaitFor | WaitUntil | WaitWindow | WaitUntilDate | WaitForEvent | WaitForSegment | WaitBestTime


def is_wait(node: Node) -> TypeGuard[Wait]:
    """Whether runs rest at the node."""
    return isinstance(node, Wait)


def _timeout(visit: Visit, timeout: int | None) -> Result:
    """From entering the node."""
    return Rest(None) if timeout is None else rest_until(visit.run.since + timeout, visit.scope.at, "timeout")


def _same(value: Any, key: Any) -> bool:
    """Equal as JSON: true is not 1."""
    return bool(value == key) and isinstance(value, bool) == isinstance(key, bool)


def compile_wait(node: nodes.AnyWait, key: str) -> Wait:
    """`key` is the path of the journey's entry key, empty where it has none."""
    match node:
        case written.WaitFor():
            return WaitFor(node.id, parse_duration(node.for_))
        case written.WaitUntil():
            return WaitUntil(node.id, parse_clock(node.until), _weekdays(node), _zone(node))
        case written.WaitWindow():
            start, end = parse_clock(node.window.from_), parse_clock(node.window.to)
            return WaitWindow(node.id, start, end, _weekdays(node), _zone(node))
        case written.WaitUntilDate():
            return _compile_date(node)
        case written.WaitForEvent():
            match = compile_match(node.for_event)
            return WaitForEvent(node.id, match, key if node.match_key else "", _length(node.timeout))
        case written.WaitBestTime():
            return WaitBestTime(node.id, parse_duration(node.best_time))
        case written.WaitForSegment():
            return WaitForSegment(node.id, node.for_segment, _length(node.timeout))
        case _:
            assert_never(node)


def _compile_date(node: written.WaitUntilDate) -> WaitUntilDate:
    of_entry = isinstance(node.until_date, written.EntryRef)
    path = node.until_date.entry if isinstance(node.until_date, written.EntryRef) else node.until_date
    days, shift = split_shift(node.offset)
    return WaitUntilDate(node.id, path, of_entry, days, shift, _zone(node))


def split_shift(text: str) -> tuple[int, int]:
    """An offset as calendar days and as milliseconds: days and weeks keep the local time, the rest is exact."""
    shift = parse_duration(text)
    return (shift // DAY, 0) if text.endswith(("d", "w")) else (0, shift)


def _weekdays(node: written.LocalWait) -> frozenset[int]:
    return frozenset(written.WEEKDAYS.index(day) for day in node.weekdays)


def _zone(node: written.LocalWait | written.WaitUntilDate) -> Zone:
    return Zone(node.timezone, node.default_timezone)


def _length(text: str | None) -> int | None:
    return None if text is None else parse_duration(text)
