"""Handing one send over, step by step: what is asked of it right before, what follows from the provider's answer."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Final, TypeGuard, assert_never

from connectors.fail_points import fail_point
from connectors.log_clock import boot_ms
from flows.delivery.attempts import Answer, AtOnce, End, GivenUp, LookUp, Try, attempts
from flows.delivery.composer import ADDRESS_FAULT
from flows.delivery.desk import Desk, Route
from flows.delivery.fallback import by_channel
from flows.delivery.ledger import Standing
from flows.delivery.office import LEASE_MS, Job, Office
from flows.delivery.origin import origin_of
from flows.delivery.outcomes import Status, end_entries, ledger_entry, refused_address
from flows.delivery.provider import LATE, Accepted, Found, Message, Refused, Result, Retry, Unknown
from flows.delivery.quiet import is_quiet, quiet_for_ms
from flows.delivery.recalls import Recalls
from flows.delivery.waiting import Waiting
from schemas.errors import TransientError
from schemas.records import Entry, Send

_LOOK_MS: Final = 1_000  # where those under way may use a domain's allowance up: look again after them


def _is_provider_s_fault(answer: Result) -> TypeGuard[Retry | Refused]:
    """Whether another provider could do better."""
    if isinstance(answer, Refused):
        return answer.scope == "account"
    return isinstance(answer, Retry)


class Handover:
    """One partition's. `waiting` and `recalls` are those of its reader."""

    def __init__(self, office: Office, desk: Desk[Job], partition: int, waiting: Waiting, recalls: Recalls):
        self.office, self.desk, self.partition = office, desk, partition
        self._waiting, self._recalls = waiting, recalls
        self._settled_at = boot_ms() + office.taken_ms  # look-ups wait for this

    def schedule(self, job: Job) -> None:
        """Give it to the desk when its next step is due."""
        after = job.step.after_ms if isinstance(job.step, Try) else max(0, self._settled_at - boot_ms())
        self._put(job, after)

    def _put(self, job: Job, after_ms: int) -> None:
        place = (self.partition, job.offset)
        if after_ms:
            asyncio.get_running_loop().call_later(after_ms / 1000, self.desk.put, job.send, place, job)
        else:
            self.desk.put(job.send, place, job)

    def _standing(self, send: Send) -> Standing:
        return self.office.book.ledgers[self.partition].get(send.id)

    async def do(self, job: Job, route: Route | None) -> None:
        """The job's next step, by the provider that has room for it."""
        result: Result | None = None
        if route is not None and route.provider.name in job.failed:
            route = self.desk.instead(route, job.send.channel, job.failed, job.urgent)
        try:
            result = await self._step(job, route)
        except TransientError as fault:  # the log went away for good while stopping
            self.office.book.outage.failed(f"send {job.send.id} stays open: {fault}")
        finally:
            if route is not None:
                self.desk.done(route, result, job.domain)

    async def _step(self, job: Job, route: Route | None) -> Result | None:
        """What the provider said to a message, None where it was given none."""
        if job.number and self._standing(job.send).settled:  # a webhook has told meanwhile
            self._close(job)
        elif isinstance(job.step, LookUp):
            await self._answered(job, await self._find(job))
        elif route is None:
            await self._not_handed_over(job, job.step, f"no provider for {job.send.channel}", True)
        else:
            return await self._try(job, job.step, route)
        return None

    async def _find(self, job: Job) -> Found:
        provider = self.desk.find(job.send.channel, job.provider)
        if provider is None:
            return Unknown(f"there is no provider {job.provider!r} any more")
        fail_point("delivery_looks_up")
        found = await provider.find(job.send.id)
        fail_point("delivery_looked_up")
        return found

    async def _try(self, job: Job, step: Try, route: Route) -> Result | None:
        now = self.office.clock()
        if quiet := quiet_for_ms(job.send, now):
            self._put(job, quiet)
            return None
        full = route.gate.reserve_ms(job.domain, now, job.urgent)
        if full != 0:
            self._put(job, _LOOK_MS if full is None else full)
            return None
        try:
            return await self._hand_over(job, step, route, now)
        finally:
            route.gate.release(job.domain)

    async def _hand_over(self, job: Job, step: Try, route: Route, now: int) -> Result | None:
        job.origin, job.provider = origin_of(job.send, route.provider.name), route.provider.name
        refused = self._refusal(job, now)
        message = refused or self._compose(job, now)
        if isinstance(message, str):
            await self._not_handed_over(job, step, message, bool(refused) or message.startswith(ADDRESS_FAULT))
            return None
        job.number = step.number
        answer = await route.send(message._replace(not_after=await self._start(job)))
        fail_point("delivery_answered")
        await self._answered(job, AtOnce(LATE.reason) if answer is LATE else self._elsewhere(job, answer))
        return None if answer is LATE else answer  # that this worker was held up is no fault of the provider

    async def _not_handed_over(self, job: Job, step: Try, reason: str, by_channel: bool) -> None:
        """It may have gone before: then it is unknown, and marketing goes by no other channel either. `by_channel`: the
        reason holds for this one alone.
        """
        goes_on = by_channel and (job.urgent or not step.in_the_dark)
        await self._end(job, "unknown" if step.in_the_dark else "skipped", reason, other_channel=goes_on)

    def _refusal(self, job: Job, now: int) -> str:
        """Why it is not to be handed over by this channel any more, asked again of each; empty where it is."""
        return self._recalls.reason(job.offset, job.send) or ("quiet_hours" if is_quiet(job.send, now) else "")

    def _compose(self, job: Job, now: int) -> Message | str:
        if self._waiting.superseded(job.send):
            return "superseded"
        return self.office.composer.compose(job.send, job.origin, f"{self.partition}:{job.offset}", now)

    def _elsewhere(self, job: Job, answer: Result) -> Result | AtOnce:
        """A provider that fails is no reason to wait where another one is well and has not been asked."""
        if not _is_provider_s_fault(answer):
            return answer
        is_new = job.provider not in job.failed
        job.failed.add(job.provider)
        if is_new and self.desk.has_other(job.send.channel, job.failed):
            return AtOnce(answer.reason)
        job.failed.clear()
        return answer

    async def _start(self, job: Job) -> int:
        """The attempt is durable, and the partition was this worker's when that was asked for; until when it may go."""
        not_after = boot_ms() + LEASE_MS
        await self._write(job, "started")
        fail_point("delivery_started")
        return not_after

    async def _answered(self, job: Job, answer: Answer) -> None:
        """Tell the policy; do what it says next."""
        try:
            job.step = job.steps.send(answer)
        except StopIteration as ended:
            await self._ended(job, ended.value)
            return
        if isinstance(job.step, Try) and not isinstance(answer, Accepted):
            await self._write_retry(job, job.step, getattr(answer, "reason", "not there"))
            fail_point("delivery_goes_elsewhere" if isinstance(answer, AtOnce) else "delivery_retries")
        self.schedule(job)

    async def _ended(self, job: Job, end: End) -> None:
        match end:
            case Accepted(provider_id=provider_id):
                await self._end(job, "accepted", provider_id=provider_id)
            case Refused(reason=reason, scope=scope):
                suppress = [refused_address(job.send, job.origin, self.office.clock())] if scope == "address" else []
                await self._end(job, "refused", reason, also=suppress, other_channel=scope == "address")
            case GivenUp(reason=reason, in_the_dark=in_the_dark):
                goes_on = job.urgent or not in_the_dark
                await self._end(job, "unknown" if in_the_dark else "refused", reason, other_channel=goes_on)
            case Unknown(reason=reason):
                await self._end(job, "unknown", reason)
            case _:
                assert_never(end)

    async def _write_retry(self, job: Job, step: Try, reason: str) -> None:
        now, counted = self.office.clock(), {"failures": step.failures, "in_the_dark": step.in_the_dark}
        await self._write(job, "retry", now, reason=reason, due=now + step.after_ms, **counted)

    async def _write(self, job: Job, status: Status, now: int | None = None, **more: Any) -> None:
        at = self.office.clock() if now is None else now
        entry = ledger_entry(job.send, job.number, status, at, provider=job.origin.provider, **more)
        await self.office.book.write(self.partition, [entry])

    async def _end(
        self,
        job: Job,
        status: Status,
        reason: str = "",
        provider_id: str = "",
        also: Sequence[Entry] = (),
        other_channel: bool = False,
    ) -> None:
        """It has ended; or, where it cannot go by this channel and has another one, it goes on by that."""
        if other_channel and job.send.fallback:
            await self._fall_back(job, reason, also, in_the_dark=status == "unknown")
            return
        now = self.office.clock()
        entries = end_entries(job.send, job.origin, job.number, status, now, reason, provider_id)
        await self.office.book.write(self.partition, [*entries, *also])
        fail_point("delivery_ended")
        self._close(job)

    async def _fall_back(self, job: Job, reason: str, also: Sequence[Entry], in_the_dark: bool) -> None:
        """Durable before the next channel is tried: a restart goes on there, and knows whether it may have gone."""
        now, was = self.office.clock(), job.send.channel
        job.send = by_channel(job.send, job.send.fallback[0].channel)
        job.origin, job.provider = origin_of(job.send, ""), ""
        job.failed.clear()
        why = f"{was}: {reason}"
        entry = ledger_entry(job.send, job.number, "retry", now, now, reason=why, in_the_dark=in_the_dark)
        await self.office.book.write(self.partition, [entry, *also])
        fail_point("delivery_fell_back")
        standing = Standing(number=job.number, in_the_dark=in_the_dark)
        job.steps = attempts(job.send.id, not job.urgent, standing, now)
        job.step = next(job.steps)
        self.schedule(job)

    def _close(self, job: Job) -> None:
        self._waiting.settle(job.offset, job.send)
