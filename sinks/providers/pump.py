"""Turns the sandbox's due outcomes into events, as a provider's webhook would: at least once, with the same bytes."""

from __future__ import annotations

import asyncio
import logging
import time

from connectors.fail_points import fail_point
from connectors.log import Log
from connectors.outage import Outage
from flows.delivery.outcomes import event_entries
from schemas.errors import TransientError
from sinks.providers.sandbox import Sandbox
from sinks.providers.told import count

_LOG = logging.getLogger(__name__)
_POLL_S = 0.1
_ERROR_PAUSE_S = 0.5


async def pump(log: Log, sandbox: Sandbox, stop: asyncio.Event) -> None:
    """Until `stop`. An outcome is forgotten only once its event is on the log; a repeated one has the same id."""
    outage = Outage(_LOG, "the log of the sandbox's outcomes")
    while not stop.is_set():
        try:
            told = await asyncio.to_thread(tell, log, sandbox, time.time_ns() // 1_000_000)
            outage.worked()
        except TransientError as fault:
            outage.failed(fault)
            await asyncio.sleep(_ERROR_PAUSE_S)
            continue
        if not told:
            await asyncio.sleep(_POLL_S)


def tell(log: Log, sandbox: Sandbox, now: int) -> int:
    """Append the events of what is due; how many outcomes there were."""
    due = sandbox.due(now)
    if due:
        log.append([entry for o in due for entry in event_entries(o.reported, o.reported.at)])
        fail_point("outcomes_appended")
        sandbox.told(due)
        for outcome in due:
            count(sandbox.name, outcome.reported)
    return len(due)
