"""The `provider` definitions as routes: each with its account and its gate, made when first asked for."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from typing import Final

from connectors.log import Log
from flows.content.library import NOW, Library
from flows.definitions.catalogue import Published
from flows.delivery.desk import Route
from flows.delivery.gate import Gate, Limits
from flows.delivery.pace import compile_plan
from flows.delivery.provider import Found, Message, Refused, Result, Unknown
from schemas.definitions import parse
from schemas.definitions.provider import Provider as Definition
from schemas.errors import InvalidInput
from sinks.providers.kept import KeptFile
from sinks.providers.make import make
from sinks.providers.secrets import Secrets

_LOG = logging.getLogger(__name__)
_FRESH_S: Final = 0.5


class Defined:
    """Those defined now, looked at again every half second.

    Where one cannot be made, for want of its secret say, that is told, and messages wait: none is skipped for it.
    """

    def __init__(
        self,
        log: Log,
        library: Library,
        secrets: Secrets,
        kept: KeptFile,
        base_url: str,
        allow_private: bool,
        share: float = 1.0,
    ):
        self._log, self._library, self._secrets, self._kept = log, library, secrets, kept
        self._base_url, self._allow_private, self._share = base_url, allow_private, share
        self._made: dict[tuple[str, int], Route] = {}
        self._routes: dict[str, list[Route]] = {}
        self._read_at, self._next_offset = 0.0, -1

    def routes(self, channel: str) -> Sequence[Route]:
        """The channel's, by priority and then by id."""
        if time.monotonic() - self._read_at >= _FRESH_S:
            self._library.refresh(self._log.read)
            self._read_at = time.monotonic()
            if self._library.next_offset != self._next_offset:
                self._next_offset = self._library.next_offset
                self._routes = self._read()
        return self._routes.get(channel, ())

    def kept(self) -> None:
        """What a gate keeps has changed."""
        self._kept.changed = True

    def _read(self) -> dict[str, list[Route]]:
        found: dict[str, list[tuple[int, Route]]] = {}
        for published in self._library.catalogue.active(NOW).of("provider"):
            definition = parse(published.body)
            assert isinstance(definition, Definition)
            route = self._route(published, definition)
            found.setdefault(definition.delivers, []).append((definition.priority, route))
        by_priority = {channel: sorted(routes, key=lambda r: r[0]) for channel, routes in found.items()}
        return {channel: [route for _, route in routes] for channel, routes in by_priority.items()}

    def _route(self, published: Published, definition: Definition) -> Route:
        key = (published.id, published.version)
        if key not in self._made:
            self._made[key] = self._make(definition)
        return self._made[key]

    def _make(self, definition: Definition) -> Route:
        plan = compile_plan(definition.warm_up) if definition.warm_up else None
        limits = shared(Limits(definition.concurrency, definition.rate, plan), self._share)
        try:
            provider = make(definition, self._secrets, self._base_url, self._allow_private)
        except InvalidInput as fault:
            _LOG.error("not used: %s", fault)
            return Route(Unusable(definition.id, str(fault)), Gate(Limits(concurrency=0)))
        return Route(provider, Gate(limits, self._kept.of(definition.id)))

    async def close(self) -> None:
        """Close every account's connections."""
        for route in self._made.values():
            await route.provider.close()


def shared(limits: Limits, share: float) -> Limits:
    """What of an account's limits a worker has that delivers this share of the partitions.

    >>> shared(Limits(64, 10.0), 0.25)
    Limits(concurrency=16, per_s=2.5, plan=None)
    """
    concurrency, per_s, plan = limits
    if plan is not None:
        plan = plan._replace(first_day=max(1, round(plan.first_day * share)))
    return Limits(max(1, round(concurrency * share)), None if per_s is None else per_s * share, plan)


class Unusable:
    """Stands for a provider that cannot be made; its gate lets nothing through."""

    def __init__(self, name: str, why: str):
        self.name, self._why = name, why

    async def send(self, message: Message) -> Result:
        """Nothing goes."""
        return Refused(self._why, "account")

    async def find(self, send_id: str) -> Found:
        """There is nobody to ask."""
        return Unknown(self._why)

    async def close(self) -> None:
        """There is nothing to close."""
