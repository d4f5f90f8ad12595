"""Launches campaigns, pauses, resumes and cancels them: each is an append to `definitions` (`flows.campaigns.launch`).

    audience (ClickHouse, as of the watermark) ──▶ instants at the rate ──▶ a file a partition ──▶ one record

The record is written last: a crash before it launches nothing, after it everything. Of two who act at one moment the
second is told (VersionTaken). What does not fit how things stand raises Refusal, with the reason.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Final

import msgspec

from api.campaign_audience import Stores, audience, refusals, staleness, zones
from api.watermark import ends_of, freshness
from connectors.fail_points import fail_point
from connectors.log import Log
from connectors.publish import CatalogueReader, newest, record
from connectors.surroundings import MembersOf
from flows.campaigns.acts import Files, going_on, planned, stopped
from flows.campaigns.firings import Firing, Missed
from flows.campaigns.launch import KIND, Launch, State, firing_id, launches, read_launch
from flows.campaigns.references import read_campaign
from flows.campaigns.release import begin_of, compile_rate, released, wanted
from flows.definitions.catalogue import Catalogue, Published, Snapshot
from flows.segments.sql.run import Ask
from schemas.definitions.campaign import Campaign
from schemas.definitions.policy import QuietHours
from schemas.errors import Refusal
from schemas.records import LEAD_MS, Definition
from schemas.times import DAY, SECOND
from schemas.topics import EVENTS
from sinks.past_store import PastStore

MARGIN: Final = LEAD_MS + SECOND  # between writing a launch and its first release: the fold has to know of it before


class Launcher:
    """`progress` is the query by that name. Its methods block: they are for threads."""

    def __init__(self, log: Log, reader: CatalogueReader, members_of: MembersOf, files: PastStore, progress: str):
        self._log, self._reader, self._progress = log, reader, progress
        self._stores = Stores(members_of, files.get)
        self.files = Files(files.put, files.get, partial(log.partition_of, EVENTS))

    # --- what may be asked -------------------------------------------------------------------------------------------

    def launch(self, ask: Ask, id: str, by: str) -> Launch:
        """Launch the version that stands: freeze the audience of a broadcast; let the others begin."""
        published, snapshot, launched = self._look_up(id)
        if launched is not None:
            self._check_may_launch_again(launched)
        campaign, version = read_campaign(published.body), self._next_version(id)
        launch = Launch(id, id, published.version, campaign.type)
        if campaign.type == "one_time":
            launch = self._frozen(ask, launch, campaign, snapshot)
        elif found := refusals(campaign, snapshot):
            raise Refusal(f"campaign {id} is not launched: {'; '.join(found)}")
        self._write([(launch, version)], by)
        return launch

    def fire(self, ask: Ask, id: str, firing: Firing, by: str) -> Launch:
        """Launch a firing of a recurring campaign, of the version that stands, once."""
        published, snapshot, _ = self._look_up(id)
        campaign = read_campaign(published.body)
        launch = Launch(firing_id(id, firing.name), id, published.version, campaign.type, firing=firing.at)
        launch = self._frozen(ask, launch, campaign, snapshot, firing)
        self._write([(launch, 1)], by)
        return launch

    def miss(self, id: str, missed: Missed, by: str) -> None:
        """Write down that firings were missed, by the last of them: they are not looked at again."""
        published, _, _ = self._look_up(id)
        type_, last = read_campaign(published.body).type, missed.last
        launch = Launch(firing_id(id, last.name), id, published.version, type_, "missed", firing=last.at)
        self._write([(msgspec.structs.replace(launch, missed=missed.number), 1)], by)

    def pause(self, id: str, reason: str, by: str) -> None:
        """Hold back whoever is not released yet, and fire and trigger nothing."""
        self._stop(id, "paused", ("running",), reason, by)

    def cancel(self, id: str, reason: str, by: str) -> None:
        """Skip whoever is not released yet, for good."""
        self._stop(id, "cancelled", ("running", "paused"), reason, by)

    def resume(self, id: str, reason: str, by: str) -> None:
        """Go on where a pause has stopped it; at the rate of the version that stands."""
        published, _, _ = self._look_up(id)
        rate, at = compile_rate(read_campaign(published.body).rate), self._log.now() + MARGIN
        with self._reader.open() as catalogue:
            paused = [found for found, launch in launches(catalogue, id) if launch.state == "paused"]
            known = {found.id: dict(catalogue.versions[KIND, found.id]) for found in paused}
        if not paused:
            raise Refusal(f"campaign {id} is not paused")
        self._write([(going_on(known[p.id], at, rate, reason, self.files), p.version + 1) for p in paused], by)

    def retire(self, ids: Sequence[str], by: str) -> None:
        """Forget firings that have ended: their records stay readable."""
        with self._reader.open() as catalogue:
            acts = [Definition(KIND, id, "delete", catalogue.latest_version(KIND, id), by=by) for id in ids]
        record(self._reader, acts)

    def watermark(self, ask: Ask) -> int:
        """Everything logged before is in ClickHouse."""
        return freshness(ends_of(self._log), [dict(row) for row in ask(self._progress, {})]).watermark

    # --- how it is done ----------------------------------------------------------------------------------------------

    def _look_up(self, id: str) -> tuple[Published, Snapshot, Launch | None]:
        with self._reader.open() as catalogue:
            snapshot = newest(catalogue)
            published = snapshot.get("campaign", id)
            if published is None:
                warming = snapshot.warming.get(("campaign", id))
                why = "it warms up: what it asks of the past is not known yet" if warming else "there is none"
                raise Refusal(f"campaign {id} cannot be launched: {why}")
            found = snapshot.get(KIND, id)
        return published, snapshot, None if found is None else read_launch(found.body)

    def _check_may_launch_again(self, launched: Launch) -> None:
        """A broadcast is sent once; the others may begin again after they were cancelled."""
        if launched.type != "one_time" and launched.state == "cancelled":
            return
        again = "; make another campaign to send it again" if launched.type == "one_time" else ""
        raise Refusal(f"campaign {launched.id} was launched, and is {launched.state}{again}")

    def _next_version(self, id: str) -> int:
        with self._reader.open() as catalogue:
            return catalogue.latest_version(KIND, id) + 1

    def _frozen(
        self, ask: Ask, launch: Launch, campaign: Campaign, snapshot: Snapshot, firing: Firing | None = None
    ) -> Launch:
        """The launch with its audience, each with its instant."""
        watermark = self.watermark(ask)
        if found := [*refusals(campaign, snapshot), *staleness(watermark, self._log.now())]:
            raise Refusal(f"campaign {launch.campaign} is not launched: {'; '.join(found)}")
        published = list(snapshot.current.values())
        who = audience(ask, campaign, published, watermark, self._stores)
        workspace = snapshot.get("workspace", "default")
        default = "UTC" if workspace is None else str(workspace.body.get("timezone", "UTC"))
        begins = begin_of(campaign, default) if firing is None else firing.local or firing.at
        instants = wanted(
            begins,
            who.contacts,
            lambda contacts: zones(ask, published, contacts, watermark),
            default,
            self._log.now() + MARGIN,
        )
        launch = msgspec.structs.replace(launch, audience=len(instants), excluded=who.excluded, as_of=watermark)
        launch = planned(launch, released(instants, compile_rate(campaign.rate), launch.id), self.files)
        fail_point("before_launch")
        return launch

    def _stop(self, id: str, state: State, of: Sequence[State], reason: str, by: str) -> None:
        now = self._log.now()
        with self._reader.open() as catalogue:
            waits = any(quiet.body.get("then", "later") == "later" for quiet in newest(catalogue).of(QuietHours.KIND))
            found = [(p, launch) for p, launch in launches(catalogue, id) if _lasts(launch, now, waits)]
        acts = [(stopped(launch, state, reason), p.version + 1) for p, launch in found if launch.state in of]
        if not acts:
            states = {launch.state for _, launch in found}
            why = f"it is {' and '.join(sorted(states))}" if states else "nothing of it lasts"
            raise Refusal(f"campaign {id} cannot be {state}: {why}")
        self._write(acts, by)

    def _write(self, made: Sequence[tuple[Launch, int]], by: str) -> None:
        """One append; the files lie there already."""
        record(
            self._reader,
            [Definition(KIND, launch.id, "publish", version, launch.body(), by) for launch, version in made],
        )
        fail_point("after_launch")


def _lasts(launch: Launch, now: int, waits: bool) -> bool:
    """Whether there is anything to stop: a release that is not over, or a campaign that may act again.

    `waits`: quiet hours are kept, for whose end contacts may wait, less than a day, who were to be released before.
    """
    if launch.state not in ("running", "paused"):
        return False
    return launch.state == "paused" or phase(launch, now) != "done" or (waits and now < launch.ends + DAY)


def phase(launch: Launch, now: int) -> str:
    """What a launch is at: its state; `scheduled` before its first release, `done` after its last."""
    is_release = launch.type == "one_time" or launch.firing != 0
    if launch.state != "running" or not is_release:
        return launch.state
    return "scheduled" if now < launch.begins else "running" if now < launch.ends else "done"


def campaign_phase(catalogue: Catalogue, id: str, now: int) -> str:
    """What a campaign is at; `draft` before it is launched."""
    found = newest(catalogue).get(KIND, id)
    return "draft" if found is None else phase(read_launch(found.body), now)
