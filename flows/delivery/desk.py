"""Who hands over what next: of a channel's messages the most urgent one, by the first of its providers that may.

A message is chosen only when a provider has room, so a transactional one that comes while others wait is the next. How
many are under way is what the gates allow, each its own: one whose provider hangs holds up none that another may take.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable, Collection, Coroutine, Mapping, Sequence
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

from prometheus_client import Gauge

from connectors.fail_points import fail_point
from flows.delivery.gate import Gate
from flows.delivery.provider import Message, Provider, Result, Unknown
from flows.delivery.waiting import Lanes
from schemas.facts import CHANNELS
from schemas.records import Send

_LOG = logging.getLogger(__name__)
_OPEN = Gauge("waxwing_provider_stopped", "1 while a provider is given no messages because it fails", ["provider"])
_LOOK_MS = 1_000
J = TypeVar("J")


class Route(NamedTuple):
    """A provider and its gate."""

    provider: Provider
    gate: Gate

    async def send(self, message: Message) -> Result:
        """The provider's result; one that breaks its promise never to raise has perhaps sent the message."""
        try:
            return await self.provider.send(message)
        except Exception as fault:
            _LOG.exception("%s failed with send %s", self.provider.name, message.origin.send)
            return Unknown(f"{self.provider.name}: {fault!r}")


class Providers(Protocol):
    """Who delivers each channel now."""

    def routes(self, channel: str) -> Sequence[Route]:
        """The channel's providers, in the order in which they are asked."""
        ...

    def kept(self) -> None:
        """Called when what a gate keeps has changed."""
        ...


class Fixed:
    """Providers that never change, one a channel."""

    def __init__(self, providers: Mapping[str, Provider]):
        gates = {id(p): Gate() for p in providers.values()}
        self._routes = {channel: (Route(p, gates[id(p)]),) for channel, p in providers.items()}

    def routes(self, channel: str) -> Sequence[Route]:
        """The channel's one provider, if it has one."""
        return self._routes.get(channel, ())

    def kept(self) -> None:
        """Nothing outlives the process."""


class Desk(Generic[J]):
    """Lanes and gates of one process, for all of its partitions."""

    def __init__(self, providers: Providers, clock: Callable[[], int]):
        self._providers, self._clock = providers, clock
        self._lanes: dict[str, Lanes[J]] = defaultdict(Lanes)
        self._ready = {channel: asyncio.Semaphore(0) for channel in CHANNELS}
        self._blocked: list[asyncio.Future[None]] = []
        self._stopping = False

    def put(self, send: Send, place: tuple[int, int], job: J) -> None:
        """A message may be handed over now; `place` is its partition and offset."""
        self._lanes[send.channel].put(send, place, job)
        self._ready[send.channel].release()

    def stop(self) -> None:
        """Let nobody take another one."""
        self._stopping = True
        for ready in self._ready.values():
            ready.release()
        self._wake()

    async def hand_out(self, channel: str, do: Callable[[J, Route | None], Coroutine[Any, Any, None]]) -> None:
        """A channel's messages, until `stop`, and then until those under way have ended; a fault in one ends all.

        `do` has to end with `done`, where it is given a route.
        """
        ready = self._ready[channel]
        async with asyncio.TaskGroup() as under_way:
            while True:
                await ready.acquire()
                route = await self._admitted(channel)
                if self._stopping:
                    return
                fail_point("delivery_admitted")
                under_way.create_task(do(self._lanes[channel].take(), route))

    def find(self, channel: str, name: str) -> Provider | None:
        """The provider that a message was given to; the first where the ledger does not name it."""
        return next((r.provider for r in self._providers.routes(channel) if name in ("", r.provider.name)), None)

    def has_other(self, channel: str, failed: Collection[str]) -> bool:
        """Whether the channel has a provider that is well besides these."""
        routes = self._providers.routes(channel)
        return any(r.provider.name not in failed and r.gate.is_well for r in routes)

    def instead(self, route: Route, channel: str, failed: Collection[str], urgent: bool) -> Route:
        """A provider that has room now, of those that did not fail the message; else the one that was given."""
        now = self._clock()
        for other in self._providers.routes(channel):
            if other.provider.name not in failed and other.gate.wait_ms(now, urgent) == 0:
                other.gate.take()
                self.done(route, None)
                return other
        return route

    def done(self, route: Route, result: Result | None, domain: str = "") -> None:
        """What came of a message: gives back its place."""
        gate, name = route.gate, route.provider.name
        before, was, went = gate.breaker.state, gate.kept.paused_until, gate.kept.counts.get("")
        gate.done(self._clock(), result, domain)
        if gate.breaker.state != before:
            _OPEN.labels(name).set(gate.breaker.state != "closed")
            if gate.breaker.state == "open":
                _LOG.error("%s is stopped for now: %s", name, getattr(result, "reason", ""))
            else:
                _LOG.warning("%s goes on", name)
        if (was, went) != (gate.kept.paused_until, gate.kept.counts.get("")):
            self._providers.kept()
        self._wake()

    async def _admitted(self, channel: str) -> Route | None:
        """A provider that has room, waited for; None where the channel has none, or at the end."""
        while not self._stopping:
            routes = self._providers.routes(channel)
            if not routes:
                return None
            now, waits, urgent = self._clock(), list[int](), self._lanes[channel].urgent
            for route in routes:
                wait = route.gate.wait_ms(now, urgent)
                if wait == 0:
                    route.gate.take()
                    return route
                waits += [wait] if wait is not None else []
            await self._change(min(waits, default=0))
        return None

    async def _change(self, wait_ms: int) -> None:
        """Until a place is given back, or the time has passed (0: no time); definitions are looked at each second."""
        change: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._blocked.append(change)
        await asyncio.wait([change], timeout=min(wait_ms or _LOOK_MS, _LOOK_MS) / 1000)
        if not change.done():
            self._blocked.remove(change)

    def _wake(self) -> None:
        """All channels that wait look again: one provider may deliver several, and each waits for its own."""
        blocked, self._blocked = self._blocked, []
        for change in blocked:
            if not change.done():
                change.set_result(None)
