"""What campaigns do without anybody asking: fire at their times, pause themselves over their limits.

    running recurring campaigns ──▶ firings that are due ──▶ launched, once each: a firing is the id of its launch
    running launches ──▶ outcomes in ClickHouse ──▶ over a limit ──▶ a pause, with the reason

All is written as launches are (`api.launcher`), first write wins: a crash, or a second scheduler, changes nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final, NamedTuple

from prometheus_client import Counter

from api.launcher import Launcher, phase
from connectors.log import Log
from connectors.publish import CatalogueReader, newest
from flows.campaigns.firings import AHEAD, Firing, due, firings
from flows.campaigns.launch import KIND, Launch, is_launched, launches
from flows.campaigns.limits import Counts, exceeded
from flows.campaigns.references import read_campaign
from flows.definitions.catalogue import Catalogue, Published
from flows.segments.sql.run import Ask
from schemas.definitions.campaign import Campaign, Recurring
from schemas.errors import Refusal, VersionTaken
from schemas.times import DAY, SECOND

BY: Final = "campaigns"
KEPT: Final = DAY  # a firing's launch is forgotten by the fold so long after its last release
WATCH_MS: Final = 5 * SECOND  # between two looks at what became of a campaign's messages
_LOG: Final = logging.getLogger(__name__)
_ACTS: Final = Counter("waxwing_campaign_acts", "What campaigns did by themselves", ["act"])


class Standing(NamedTuple):
    """A campaign that runs, its schedule's zone, its launches, and since when it has been running without a break."""

    published: Published
    campaign: Campaign
    zone: str
    launches: Sequence[tuple[Published, Launch]]
    since: int


class Scheduler:
    """One for an installation, where ClickHouse is. `outcomes` is the query campaign_outcomes."""

    def __init__(self, log: Log, reader: CatalogueReader, launcher: Launcher, ask: Ask, outcomes: str):
        self._log, self._reader, self._launcher = log, reader, launcher
        self._ask, self._outcomes = ask, outcomes
        self._watched: dict[str, int] = {}  # campaign -> when its outcomes were last looked at
        self._refused: dict[str, str] = {}  # what was said of a launch last, so that it is said once

    def round(self) -> None:
        """Everything that is due now. Raises what ClickHouse raises."""
        for standing in self._standing():
            if isinstance(standing.campaign.schedule, Recurring):
                self._fire(standing, standing.campaign.schedule)
            self._watch(standing)
            self._retire(standing)

    def _standing(self) -> list[Standing]:
        with self._reader.open() as catalogue:
            snapshot = newest(catalogue)
            workspace = snapshot.get("workspace", "default")
            zone = "UTC" if workspace is None else str(workspace.body.get("timezone", "UTC"))
            return [
                Standing(
                    p, read_campaign(p.body), zone, list(launches(catalogue, p.id)), snapshot.current[KIND, p.id].since
                )
                for p in snapshot.of("campaign")
                if is_launched(snapshot, p.id)
            ]

    # --- firings -----------------------------------------------------------------------------------------------------

    def _fire(self, standing: Standing, schedule: Recurring) -> None:
        """What is due, in order. A refusal leaves it due: the next round tries again, until its grace has passed."""
        id, now = standing.published.id, self._log.now()
        made = due(self._open_firings(standing, schedule, now), schedule, now)
        if made.missed is not None:
            _LOG.warning("campaign %s: %d firings until %s missed", id, made.missed.number, made.missed.last.name)
            self._try(f"{id}:missed", partial(self._launcher.miss, id, made.missed, BY))
            _ACTS.labels("miss").inc(made.missed.number)
        for firing in made.launch:
            if not self._try(f"{id}:{firing.name}", partial(self._launcher.fire, self._ask, id, firing, BY)):
                return
            _ACTS.labels("fire").inc()
            _LOG.info("campaign %s: fired for %s", id, firing.name)

    def _open_firings(self, standing: Standing, schedule: Recurring, now: int) -> list[Firing]:
        """Those that nothing was written about, since the campaign runs on this version and without a break."""
        last = max((launch.firing for _, launch in standing.launches), default=0)
        after = max(last, standing.since, standing.published.since)
        return list(firings(schedule, after, now + AHEAD, standing.zone))

    # --- limits ------------------------------------------------------------------------------------------------------

    def _watch(self, standing: Standing) -> None:
        """Pause what is over its limits, by the messages since it last began to run."""
        id, limits = standing.published.id, standing.campaign.limits
        if limits is None or all(phase(launch, self._log.now() - KEPT) == "done" for _, launch in standing.launches):
            return
        if self._log.now() - self._watched.get(id, 0) < WATCH_MS:
            return
        self._watched[id] = self._log.now()
        (row,) = self._ask(self._outcomes, {"campaign": id, "from": standing.since})
        reason = exceeded(limits, Counts(int(row["ended"]), int(row["errors"]), int(row["complaints"])))
        if reason and self._try(f"{id}:pause", lambda: self._launcher.pause(id, reason, BY)):
            _ACTS.labels("pause").inc()
            _LOG.error("campaign %s pauses itself: %s", id, reason)

    # --- what is over ------------------------------------------------------------------------------------------------

    def _retire(self, standing: Standing) -> None:
        """Firings that ended long ago need not be known to the fold any more."""
        before = self._log.now() - KEPT
        with self._reader.open() as catalogue:
            over = [p.id for p, launch in standing.launches if _is_over(launch, before) and _stands(catalogue, p.id)]
        if over:
            self._try(f"{standing.published.id}:retire", lambda: self._launcher.retire(over, BY))

    def _try(self, what: str, act: Callable[[], object]) -> bool:
        """Do it; False where it was refused, or somebody else was first."""
        try:
            act()
        except (Refusal, VersionTaken) as fault:
            if self._refused.get(what) != str(fault):
                _LOG.warning("%s", fault)
            self._refused[what] = str(fault)
            return False
        self._refused.pop(what, None)
        return True


def _is_over(launch: Launch, before: int) -> bool:
    """Whether a firing ended before the instant: released, cancelled or missed."""
    if not launch.firing or launch.state == "paused":
        return False
    return max(launch.firing, launch.ends) < before


def _stands(catalogue: Catalogue, id: str) -> bool:
    return newest(catalogue).get(KIND, id) is not None
