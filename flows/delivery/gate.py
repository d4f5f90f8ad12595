"""Whether a provider may be given one more message now: concurrency, rate, warm-up, its own wish, its health. Pure."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple, assert_never

from flows.delivery.breaker import Breaker
from flows.delivery.pace import ALL, Kept, Plan, Rate
from flows.delivery.provider import Accepted, Refused, Result, Retry, Unknown


class Limits(NamedTuple):
    """Requests under way at once, messages a second, a new sender's plan."""

    concurrency: int = 64
    per_s: float | None = None
    plan: Plan | None = None


class Gate:
    """One provider's. First `wait_ms`, and where that is 0 `take`, then `done`."""

    def __init__(self, limits: Limits = Limits(), kept: Kept | None = None):  # noqa: B008 - immutable
        self.limits, self.kept = limits, kept or Kept()
        self.breaker, self.under_way = Breaker(), 0
        self._of_domain: Counter[str] = Counter()  # under way to domains that have an allowance of their own
        self._rate = Rate(limits.per_s) if limits.per_s else None

    @property
    def is_well(self) -> bool:
        """Whether it is given messages at all."""
        return self.breaker.state == "closed" and self.limits.concurrency > 0

    def wait_ms(self, now: int, urgent: bool) -> int | None:
        """0: it may; else how long to wait, None for until one that is under way has ended.

        Urgent messages are transactional: a plan's allowance counts them and does not hold them up.
        """
        if self.under_way >= self.limits.concurrency:
            return None
        waits = [self.breaker.wait_ms(now), max(0, self.kept.paused_until - now)]
        plan = self.limits.plan
        if plan and not plan.domains and not urgent:
            waits.append(self.kept.wait_ms(plan, ALL, now, self.under_way))
        if self._rate:
            waits.append(self._rate.wait_ms(now))
        known = [wait for wait in waits if wait is not None]
        return max(known) if len(known) == len(waits) or max(known) > 0 else None

    def reserve_ms(self, domain: str, now: int, urgent: bool) -> int | None:
        """The same for one domain of recipients that has an allowance of its own; 0 reserves a place in it, which has
        to be given back by `release`.
        """
        plan = self.limits.plan
        if plan is None or domain not in plan.domains:
            return 0
        wait = 0 if urgent else self.kept.wait_ms(plan, domain, now, self._of_domain[domain])
        if wait == 0:
            self._of_domain[domain] += 1
        return wait

    def release(self, domain: str) -> None:
        """Give back what `reserve_ms` reserved, right before `done` counts what went."""
        if self._of_domain[domain]:
            self._of_domain[domain] -= 1

    def take(self) -> None:
        """A message goes, or is about to."""
        self.under_way += 1
        self.breaker.take()
        if self._rate:
            self._rate.take()

    def done(self, now: int, result: Result | None, domain: str = "") -> None:
        """What came of it; None where it did not go after all."""
        self.under_way -= 1
        match result:
            case None:
                self.breaker.released()
            case Accepted() | Refused(scope="message" | "address"):
                self.breaker.succeeded()
                if self.limits.plan and isinstance(result, Accepted):
                    self.kept.count(domain, now)
            case Refused():
                self.breaker.failed(now, at_once=True)
            case Retry(after_s=after_s) if after_s > 0:
                self.kept.paused_until = max(self.kept.paused_until, now + round(after_s * 1000))
                self.breaker.released()
            case Retry() | Unknown():
                self.breaker.failed(now)
            case _:
                assert_never(result)
