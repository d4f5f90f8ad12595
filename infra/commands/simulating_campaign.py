"""`waxwing campaign simulate`: a campaign over a history, on the production fold with time turned by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import msgspec
import typer

from flows.campaigns.trial import CampaignTrial
from flows.definitions.catalogue import Published
from infra.client import show
from infra.commands.tried import PATIENCE_S, answering, chosen, read_history, read_rates
from infra.history import read_definitions, read_option_instant, read_snapshots, read_whole
from schemas.definitions.campaign import Campaign


def simulate(
    file: Annotated[Path, typer.Argument(help="the campaign and what it refers to: one definition or a list")],
    events: Annotated[
        list[Path] | None, typer.Option("--events", help="Segment-spec JSON lines; without it the installation's own")
    ] = None,
    mapping: Annotated[Path | None, typer.Option("--mapping", help="how other files become events")] = None,
    at: Annotated[
        str, typer.Option("--at", help="launch it then; else a broadcast at the last line, others before all")
    ] = "",
    until: Annotated[str, typer.Option("--until", help="let time pass until this instant; else until all went")] = "",
    id: Annotated[str, typer.Option("--id", help="which campaign, where the file has several")] = "",
    outcomes: Annotated[
        str, typer.Option("--outcomes", help="how contacts answer: a file of rates; none; of a history, measured")
    ] = "",
    share: Annotated[float, typer.Option("--share", help="of a history: percent of the contacts, by hash")] = 100,
    imported: Annotated[
        str, typer.Option("--imported", help="of a history: what was imported counts as lived, or as imported")
    ] = "lived",
    alone: Annotated[bool, typer.Option("--alone", help="journeys do not run alongside")] = False,
    snapshots: Annotated[Path | None, typer.Option("--snapshots", help='JSON: {"id": \\[contact, …]}')] = None,
) -> None:
    """Who would get it and when, who not and why, sends a day, by zone, channel and template, as JSON.

    The audience is frozen as of the launch, or of each firing, by the fold; consent, suppression, quiet hours, caps and
    the rate act as in production. The journeys of FILE, or of the installation, run as well, so that caps count what
    they send. Without --events the history is that of a running installation.
    """
    members = read_snapshots(snapshots)
    definitions = read_whole(file, members) if events else read_definitions(file)
    campaign = chosen(file, [body for _, body in definitions], Campaign, id)
    launched, end = read_option_instant("--at", at), read_option_instant("--until", until)
    if not events:
        how = {"at": at or None, "until": until or None, "share": share, "imported": imported, "alone": alone}
        drafts: dict[str, Any] = {"outcomes": read_rates(outcomes) or outcomes or "measured"}
        drafts |= {"definitions": [written for written, body in definitions if not isinstance(body, Campaign)]}
        (draft,) = (written for written, body in definitions if body is campaign)
        address = f"/v1/campaigns/{quote(campaign.id, safe='')}/simulate"
        show(address, "POST", PATIENCE_S, {"campaign": draft, **drafts, **how})
        return
    published = [Published(body["kind"], body["id"], 1, body, 0) for body, _ in definitions]
    (tried,) = (p for p in published if (p.kind, p.id) == (Campaign.KIND, campaign.id))
    trial = CampaignTrial(tried, published, answering(read_rates(outcomes)), members, alone)
    typer.echo(msgspec.json.encode(trial.run(read_history(events, mapping), launched, end)))
