"""The app: every router by name, every error a problem document, the admin key on all that is not public.

create_app(Deps(settings, log, reads)) -> FastAPI
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import Depends, FastAPI
from fastapi_offline import FastAPIOffline
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from api import (
    assets,
    campaign_preview,
    campaign_simulation,
    campaigns,
    consent,
    contacts,
    crm,
    dead_letters,
    definitions,
    drafts,
    experiments,
    explain,
    explain_run,
    health,
    holdouts,
    hooks,
    ingest,
    journey_report,
    journeys,
    links,
    memberships,
    messages,
    migrations,
    mismatches,
    preview,
    problems,
    reports,
    simulations,
    snapshots,
    summary,
    templates,
    verify,
)
from api.auth import admin
from api.contact_path import SlashesInIds
from api.deps import Deps
from connectors.dead_letters import DeadLetters
from connectors.publish import CatalogueReader
from sinks.past_store import PastStore

__all__ = ["Deps", "create_app"]

PUBLIC = (health.router, ingest.router, hooks.router, links.router, assets.public)  # each checks for itself who calls
FOR_ADMINS = (
    memberships.router,
    mismatches.router,
    preview.router,
    snapshots.router,
    explain.router,
    explain_run.router,
    verify.router,
    contacts.router,
    consent.router,
    messages.router,
    migrations.router,
    simulations.router,
    reports.router,
    experiments.router,
    journey_report.router,
    holdouts.router,
    summary.router,
    templates.router,
    assets.router,
    journeys.router,
    campaign_preview.router,
    campaign_simulation.router,
    campaigns.router,
    drafts.router,
    definitions.router,
    crm.router,
    dead_letters.router,
)


class IngestCors:
    """Lets web pages of any origin make Segment's calls, and nothing else: browsers' SDKs need it."""

    def __init__(self, app: ASGIApp):
        self._plain = app
        self._open = CORSMiddleware(
            app, allow_origins=["*"], allow_methods=["POST"], allow_headers=["*"], max_age=86_400
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        app = self._open if scope.get("path") in ingest.PATHS else self._plain
        await app(scope, receive, send)


def create_app(deps: Deps) -> FastAPI:
    """The whole API over one log. The caller closes the log after the app has ended."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        yield
        deps.appenders.shutdown()
        app.state.past.close()

    app = FastAPIOffline(  # its pages fetch nothing from elsewhere
        title="Waxwing",
        description="Marketing automation as a stream pipeline. Errors are RFC 9457 problem documents.",
        version="0.1.0",
        lifespan=lifespan,
        strict_content_type=False,  # a body without a media type is JSON; `api.auth` keeps other sites' pages out
    )
    app.state.deps, app.state.reads = deps, deps.reads
    app.state.catalogue = CatalogueReader(deps.log, deps.settings.leaf_bytes)
    app.state.dead_letters, app.state.past = DeadLetters(deps.log), PastStore(deps.settings.files_url)
    app.add_middleware(IngestCors)
    app.add_middleware(SlashesInIds)
    problems.install(app)
    for router in PUBLIC:
        app.include_router(router)
    for router in FOR_ADMINS:
        app.include_router(router, dependencies=[Depends(admin)])
    return app
