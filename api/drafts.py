"""Drafts over HTTP, beside the definitions that they may become, and what is archived: nothing acts on either."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from fastapi import APIRouter, HTTPException, Query
from fastapi.responses import Response
from pydantic import BaseModel, Field

from api.answers import deep
from api.definitions import (
    BY,
    COLLECTIONS,
    DOCUMENTED,
    DefinitionOut,
    DefinitionPage,
    Files,
    Id,
    JsonBody,
    Kinds,
    Reader,
    Seen,
    definition_out,
    tagged,
    whole,
)
from connectors import publish
from connectors.publish import CatalogueReader
from flows.definitions.catalogue import Draft
from schemas.times import format_instant

router = APIRouter()


class DraftOut(BaseModel):
    """What is written and not published."""

    kind: str
    id: str
    name: str
    upon: int = Field(description="the version that stood when it was written; 0: none")
    saved_at: str
    by: str
    status: Literal["draft"] = "draft"
    body: dict[str, Any] = Field(description="the draft as it was written")


def get_draft(reader: Reader, kinds: Kinds, id: Id) -> Response:
    """The draft."""
    return deep(_draft_out(_draft(reader, kinds, id)), {})


def put_draft(reader: Reader, kinds: Kinds, id: Id, body: JsonBody) -> Response:
    """Keep it as a draft, in place of an earlier one: checked as by publishing, and nothing acts on it."""
    written = whole(kinds, id, body)
    publish.save_drafts(reader, [written], BY)
    return deep(_draft_out(_draft(reader, (written["kind"],), id)), {})


def discard_draft(reader: Reader, kinds: Kinds, id: Id) -> None:
    """Forget the draft."""
    publish.discard_draft(reader, _draft(reader, kinds, id).kind, id, BY)


def publish_draft(reader: Reader, kinds: Kinds, files: Files, id: Id, seen: Seen) -> Response:
    """Publish the draft: 409 where another version stands than when it was written, unless that was seen."""
    kind = _draft(reader, kinds, id).kind
    made = publish.publish_draft(reader, kind, id, BY, seen)
    with reader.open() as catalogue:
        return tagged(definition_out(catalogue, catalogue.versions[kind, id][made.version], files))


def _draft(reader: CatalogueReader, kinds: Sequence[str], id: str) -> Draft:
    with reader.open() as catalogue:
        held = [draft for kind in kinds if (draft := catalogue.drafts.get((kind, id))) is not None]
    if not held:
        raise HTTPException(404, f"there is no draft of {' or '.join(kinds)} {id}")
    if len(held) > 1:
        raise HTTPException(409, f"{id} is the id of {' and '.join(d.kind for d in held)}: use the collection of one")
    return held[0]


def _draft_out(draft: Draft) -> DraftOut:
    return DraftOut(
        kind=draft.kind,
        id=draft.id,
        name=str(draft.body.get("name", "")),
        upon=draft.upon,
        saved_at=format_instant(draft.at),
        by=draft.by,
        body=dict(draft.body),
    )


class DraftList(BaseModel):
    """All drafts, by kind and id."""

    items: list[DraftOut]


@router.get("/v1/drafts", tags=["drafts"], response_model=DraftList)
def drafts(reader: Reader, kind: Annotated[str | None, Query(description="only of this kind")] = None) -> Response:
    """What is written and not published, by kind and id."""
    with reader.open() as catalogue:
        found = sorted((d for d in catalogue.drafts.values() if kind in (None, d.kind)), key=lambda d: (d.kind, d.id))
    return deep(DraftList(items=[_draft_out(draft) for draft in found]), {})


@router.get("/v1/archived", tags=["drafts"], response_model=DefinitionPage)
def archived(
    reader: Reader, files: Files, kind: Annotated[str | None, Query(description="only of this kind")] = None
) -> Response:
    """What is archived, by kind and id: it can be rolled back to, and nothing acts on it."""
    with reader.open() as catalogue:
        held = sorted((p for p in catalogue.archived.values() if kind in (None, p.kind)), key=lambda p: (p.kind, p.id))
        items = [definition_out(catalogue, p, files) for p in held]
    return deep(DefinitionPage(items=items, next=None), {})


def _add(collection: str) -> None:
    """The endpoints of one collection."""
    at = APIRouter(prefix=f"/v1/{collection}", tags=[collection])
    at.add_api_route("/{id}/draft", get_draft, methods=["GET"], response_model=DraftOut)
    at.add_api_route("/{id}/draft", put_draft, methods=["PUT"], response_model=DraftOut, openapi_extra=DOCUMENTED)
    at.add_api_route("/{id}/draft", discard_draft, methods=["DELETE"], status_code=204)
    at.add_api_route("/{id}/publish", publish_draft, methods=["POST"], response_model=DefinitionOut)
    router.include_router(at)


for _name in COLLECTIONS:
    _add(_name)
