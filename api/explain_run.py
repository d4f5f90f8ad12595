"""Why a contact's runs of a journey went as they did, and what comes next: the contact's history through the fold."""

from __future__ import annotations

from functools import partial
from typing import Any

from fastapi import APIRouter, Depends, HTTPException, Response
from pydantic import AwareDatetime, BaseModel, Field

from api.answers import deep
from api.contact_path import CONTACT
from api.definitions import Reader
from api.deps import Deps, deps
from api.reads import Reading, reading
from api.surroundings import Defined, defined
from connectors.log import Log
from connectors.publish import CatalogueReader
from flows.contact.active import Definitions
from flows.journeys.explain import RunsExplained
from flows.segments.sql.run import Ask
from schemas.definitions.journey import Journey
from schemas.definitions.snapshot import Snapshot
from schemas.records import Record, decode_definition
from schemas.times import format_instant
from schemas.topics import DEFINITIONS, EVENTS
from sinks.past_store import PastStore

router = APIRouter(tags=["contacts"])


class RunTold(BaseModel):
    """A run: how it went, and where it is."""

    run: str
    version: int
    entry: str = Field(description="the entry key; empty where the journey has none")
    entered_at: AwareDatetime
    trigger: str = Field(description="the node by which it entered")
    steps: list[dict[str, Any]] = Field(
        description="each visit of a node: when it came and left, by which `branch`, `woken_by` what (of a wait), what "
        "was `asked` (of a condition, each branch's truths and the events that decided), what was `chosen` and why"
    )
    skipped: list[dict[str, Any]] = Field(description="messages of the run that were not planned, with their reasons")
    ended: dict[str, Any] | None
    converted_at: AwareDatetime | None = Field(description="when the goal was reached, after the end")
    now: dict[str, Any] | None = Field(
        description="of a run that lasts: its `node`, since when, what `wakes` it next (instant, event, segment or "
        "trait), and what `ends` it wherever it is: goal and exit_when with their truths and next change"
    )


class RunsTold(BaseModel):
    """All runs of a contact in a journey, and the entries that were refused."""

    contact: str
    journey: str
    at: AwareDatetime
    agrees: bool = Field(description="whether the recorded steps are those that the history comes to")
    runs: list[RunTold]
    refused: list[dict[str, Any]]


@router.get(f"/v1/contacts/{CONTACT}/journeys/{{journey}}/explain", response_model=RunsTold, responses={404: {}})
async def explain_run(
    contact: str,
    journey: str,
    reader: Reader,
    response: Response,
    read: Reading = Depends(reading),
    defined: Defined = Depends(defined),
    deps: Deps = Depends(deps),
) -> Response:
    """How the contact's runs went and why, where they are, what wakes them next, and what would end them."""
    at = read.fresh.watermark
    rows = await read.once("contact_records", contacts=[contact], at=at)
    if not rows:
        raise HTTPException(404, f"nothing is known of contact {contact!r}")
    records = [Record(row["offset"], row["logged_at"], row["contact"], row["raw"].encode()) for row in rows]
    recorded = await read.once("contact_steps", contact=contact, journey=journey, at=at)
    files = PastStore(deps.settings.files_url)
    try:
        work = partial(_explained, deps.log, reader, defined, files, contact, journey, records, at)
        told, steps = await read.work(work)
    finally:
        files.close()
    found = RunsTold(
        contact=contact,
        journey=journey,
        at=format_instant(at),
        agrees=steps == {row["id"] for row in recorded},
        runs=[RunTold(**run) for run in told["runs"]],
        refused=told["refused"],
    )
    return deep(found, response.headers)


def _explained(
    log: Log,
    reader: CatalogueReader,
    defined: Defined,
    files: PastStore,
    contact: str,
    journey: str,
    records: list[Record],
    at: int,
    ask: Ask,
) -> tuple[dict[str, Any], set[str]]:
    with reader.open() as catalogue:
        if (Journey.KIND, journey) not in catalogue.versions:
            raise HTTPException(404, f"there is no journey {journey!r}")
    definitions = _definitions(log, defined, files)
    found = RunsExplained(definitions, log.partition_of(EVENTS, contact), contact, journey, records)
    return found.explain(at), found.step_ids


def _definitions(log: Log, defined: Defined, files: PastStore) -> Definitions:
    """All of them from the log, as the fold has read them."""
    definitions = Definitions(states_in=lambda partition, path: files.get(path))
    while records := log.read(DEFINITIONS, 0, definitions.catalogue.next_offset):
        for record in records:
            if record.key.startswith(f"{Snapshot.KIND}/"):
                file = decode_definition(record.value).body.get("file")
                if isinstance(file, str):
                    definitions.keep(file, defined.store.get(file))
            definitions.apply(record)
    return definitions
