"""Definitions over HTTP: a collection a kind, `templates` for all three sorts of them.

An answer carries the version as its ETag. `If-Match` (or `expected_version`, 0 for none yet) makes a change depend on
what its editor has seen: 409 where it is no longer so.
"""

from __future__ import annotations

from base64 import b64decode, urlsafe_b64encode
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Depends, Header, HTTPException, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field, ValidationError

from api.answers import deep
from api.bodies import as_object, read_body
from api.hydration import HydrationOut, MemoryOut, hydration_of, memory_of
from connectors import publish
from connectors.publish import CatalogueReader, newest
from flows.definitions.catalogue import Catalogue, Published
from flows.segments.footprint import of_segment
from schemas.definitions import KINDS
from schemas.definitions.json_schema import schema_of
from schemas.errors import InvalidInput, Violation
from schemas.faults import violations_of
from schemas.times import format_instant
from sinks.past_store import PastStore

BODY_LIMIT: Final = 1024 * 1024
BY: Final = "api"
DOCUMENTED: Final = {"requestBody": {"required": True, "content": {"application/json": {"schema": {"type": "object"}}}}}
_ROLLBACK: Final = {
    "requestBody": {"content": {"application/json": {"schema": {"type": "object"}, "example": {"version": 1}}}}
}
TEMPLATES: Final[tuple[str, ...]] = ("email_template", "sms_template", "push_template", "webhook_template")
WARMED_UP: Final = ("segments", "journeys", "campaigns")
READ_ELSEWHERE: Final = ("campaigns",)  # with what they are at: `api.campaigns`
Id = Annotated[str, Field(description="the definition's id")]
Expected = Annotated[int | None, Query(description="the version that you have seen; 0 for none yet")]
IfMatch = Annotated[str | None, Header(description='the ETag that you have seen, as in "3"')]

router = APIRouter()


class DefinitionOut(BaseModel):
    """One version of a definition."""

    kind: str
    id: str
    name: str
    version: int
    latest_version: int = Field(description="the highest version that was ever published")
    active_from: str = Field(description="when this version becomes, or became, the current one")
    status: Literal["warming", "active", "archived"] = Field(
        description="warming: it is current once its past is known; archived: nothing acts on it"
    )
    hydration: HydrationOut | None = Field(None, description="how far its past is brought, while it warms up")
    memory: MemoryOut | None = Field(None, description="of a segment, what the fold keeps of each contact for it")
    body: dict[str, Any] = Field(description="the definition as it was written")


class DefinitionPage(BaseModel):
    """Some of a list, by kind and id."""

    items: list[DefinitionOut]
    next: str | None = Field(description="the cursor of the next page")


class VersionOut(BaseModel):
    """A version that was published."""

    version: int
    active_from: str
    is_current: bool


class Rollback(BaseModel):
    """Where to go back to."""

    version: int = Field(ge=1)


async def reader(request: Request) -> CatalogueReader:
    """The catalogue, one for the app."""
    found: CatalogueReader = request.app.state.catalogue
    return found


def _collections() -> dict[str, tuple[str, ...]]:
    """The name of each collection and its kinds."""
    named: dict[str, tuple[str, ...]] = {kind if kind.endswith("s") else f"{kind}s": (kind,) for kind in sorted(KINDS)}
    return {"templates": tuple(kind for kind in TEMPLATES if kind in KINDS)} | named


COLLECTIONS: Final = _collections()


async def kinds(request: Request) -> tuple[str, ...]:
    """The kinds of the collection that the address names."""
    return COLLECTIONS[request.url.path.split("/")[2]]


async def json_body(request: Request) -> dict[str, Any]:
    """The definition, as it is written."""
    return as_object(await read_body(request, BODY_LIMIT))


async def seen(expected_version: Expected = None, if_match: IfMatch = None) -> int | None:
    """The version that the editor has seen; None where it does not say."""
    if if_match is None or if_match.strip() == "*":
        return expected_version
    tag = if_match.strip().removeprefix("W/").strip('"')
    if not tag.isdecimal():
        raise HTTPException(400, f'If-Match {if_match!r} is no version; write one like "3"')
    return int(tag)


async def back_to(
    request: Request,
    version: Annotated[int | None, Query(description="where to go back to, if the body is empty")] = None,
) -> int:
    """The version that a rollback names, in its address or its body, whatever media type that has."""
    body = await read_body(request, BODY_LIMIT)
    asked = as_object(body) if body else {} if version is None else {"version": version}
    try:
        return Rollback.model_validate(asked).version
    except ValidationError as fault:
        raise InvalidInput("the rollback", violations_of(fault)) from None


async def files(request: Request) -> PastStore:
    """Where hydration says how far it is, one for the app."""
    found: PastStore = request.app.state.past
    return found


Reader = Annotated[CatalogueReader, Depends(reader)]
Files = Annotated[PastStore, Depends(files)]
Kinds = Annotated[tuple[str, ...], Depends(kinds)]
JsonBody = Annotated[dict[str, Any], Depends(json_body)]
BackTo = Annotated[int, Depends(back_to)]
Seen = Annotated[int | None, Depends(seen)]


def definition_out(catalogue: Catalogue, found: Published, files: PastStore) -> DefinitionOut:
    """One version, as it is told."""
    is_warming = newest(catalogue).warming.get((found.kind, found.id)) == found
    return DefinitionOut(
        kind=found.kind,
        id=found.id,
        name=str(found.body.get("name", "")),
        version=found.version,
        latest_version=catalogue.latest_version(found.kind, found.id),
        active_from=format_instant(found.since),
        status="warming" if is_warming else "archived" if found in catalogue.archived.values() else "active",
        hydration=hydration_of(files, found) if is_warming else None,
        memory=memory_of(of_segment(found.body)) if found.kind == "segment" else None,
        body=dict(found.body),
    )


def find(catalogue: Catalogue, kinds: Sequence[str], id: str, version: int | None = None) -> Published:
    """404 where no kind has it; 409 where several have and the kind must be said."""
    if version is None:
        held = [p for kind in kinds if (p := newest(catalogue).newest(kind, id)) is not None]
    else:
        held = [p for kind in kinds if (p := catalogue.versions.get((kind, id), {}).get(version)) is not None]
    if not held:
        of = "" if version is None else f" version {version} of"
        raise HTTPException(404, f"there is no{of} {' or '.join(kinds)} {id}")
    if len(held) > 1:
        raise HTTPException(409, f"{id} is the id of {' and '.join(p.kind for p in held)}: use the collection of one")
    return held[0]


def tagged(found: DefinitionOut, status: int = 200) -> Response:
    return deep(found, {"ETag": f'"{found.version}"'}, status)


def whole(kinds: Sequence[str], id: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """The body with the kind and id of its address, which it may repeat but not contradict."""
    body = {"kind": kinds[0] if len(kinds) == 1 else given.get("kind"), "id": id} | dict(given)
    faults = []
    if body["kind"] not in kinds:
        faults.append(Violation("kind", f"{body['kind']!r} must be {' or '.join(kinds)} here"))
    if body["id"] != id:
        faults.append(Violation("id", f"{body['id']!r} must be {id!r}, as in the address"))
    if faults:
        raise InvalidInput(f"{body['kind']} {id}", faults)
    return body


def _cursor(after: str | None) -> tuple[str, str]:
    try:
        kind, _, id = b64decode((after or "").encode(), b"-_", validate=True).decode().partition("/")
    except ValueError:
        raise HTTPException(400, f"the cursor {after!r} is none of ours; take `next` of the page before") from None
    return kind, id


def list_definitions(
    reader: Reader,
    kinds: Kinds,
    files: Files,
    response: Response,
    after: str | None = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> Response:
    """List what stands."""
    place = _cursor(after)
    with reader.open() as catalogue:
        found = sorted((p for kind in kinds for p in newest(catalogue).standing(kind)), key=lambda p: (p.kind, p.id))
        rest = [p for p in found if (p.kind, p.id) > place]
        items = [definition_out(catalogue, p, files) for p in rest[:limit]]
    more = f"{items[-1].kind}/{items[-1].id}" if len(rest) > limit else None
    return deep(DefinitionPage(items=items, next=more and urlsafe_b64encode(more.encode()).decode()), response.headers)


def get_definition(reader: Reader, kinds: Kinds, files: Files, id: Id, version: int | None = None) -> Response:
    """The version that stands, also where it warms up still, or the one that is asked for."""
    with reader.open() as catalogue:
        return tagged(definition_out(catalogue, find(catalogue, kinds, id, version), files))


def list_versions(reader: Reader, kinds: Kinds, id: Id) -> list[VersionOut]:
    """All versions, newest first."""
    with reader.open() as catalogue:
        known = [p for kind in kinds for p in catalogue.versions.get((kind, id), {}).values()]
        current = {(p.kind, p.version) for kind in kinds if (p := newest(catalogue).get(kind, id)) is not None}
    if not known:
        raise HTTPException(404, f"nothing was ever published as {' or '.join(kinds)} {id}")
    return [
        VersionOut(version=p.version, active_from=format_instant(p.since), is_current=(p.kind, p.version) in current)
        for p in sorted(known, key=lambda p: -p.version)
    ]


def put_definition(reader: Reader, kinds: Kinds, files: Files, id: Id, body: JsonBody, seen: Seen) -> Response:
    """Publish it as a new version, where it differs from what stands."""
    written = whole(kinds, id, body)
    key = written["kind"], id
    (made,) = publish.publish(reader, [written], BY, None if seen is None else {key: seen})
    with reader.open() as catalogue:
        found = definition_out(
            catalogue, newest(catalogue).newest(*key) or catalogue.versions[key][made.version], files
        )
    return tagged(found, 201 if made.is_new and made.version == 1 else 200)


def roll_back(reader: Reader, kinds: Kinds, files: Files, id: Id, to: BackTo, seen: Seen) -> Response:
    """Make an earlier version current."""
    with reader.open() as catalogue:
        kind = find(catalogue, kinds, id, to).kind
    publish.rollback(reader, kind, id, to, BY, seen)
    with reader.open() as catalogue:
        return tagged(definition_out(catalogue, find(catalogue, [kind], id), files))


def delete_definition(reader: Reader, kinds: Kinds, id: Id, seen: Seen) -> None:
    """End it; its versions stay, and can be rolled back to."""
    with reader.open() as catalogue:
        kind = find(catalogue, kinds, id).kind
    publish.delete(reader, kind, id, BY, seen)


def cancel(reader: Reader, kinds: Kinds, id: Id, seen: Seen) -> None:
    """Stop what warms up: what stood goes on. A rollback to the version begins again."""
    with reader.open() as catalogue:
        kind = find(catalogue, kinds, id).kind
    publish.cancel(reader, kind, id, BY, seen)


def archive(reader: Reader, kinds: Kinds, id: Id, seen: Seen) -> None:
    """End it and keep it in the list of what is archived; a rollback brings it back."""
    with reader.open() as catalogue:
        kind = find(catalogue, kinds, id).kind
    publish.archive(reader, kind, id, BY, seen)


def _add(collection: str) -> None:
    """The endpoints of one collection."""
    at = APIRouter(prefix=f"/v1/{collection}", tags=[collection])
    if collection not in READ_ELSEWHERE:
        at.add_api_route("", list_definitions, methods=["GET"], response_model=DefinitionPage)
        at.add_api_route("/{id}", get_definition, methods=["GET"], response_model=DefinitionOut)
    at.add_api_route("/{id}", put_definition, methods=["PUT"], response_model=DefinitionOut, openapi_extra=DOCUMENTED)
    at.add_api_route("/{id}", delete_definition, methods=["DELETE"], status_code=204)
    at.add_api_route("/{id}/versions", list_versions, methods=["GET"])
    at.add_api_route("/{id}/archive", archive, methods=["POST"], status_code=204)
    at.add_api_route(
        "/{id}/rollback", roll_back, methods=["POST"], response_model=DefinitionOut, openapi_extra=_ROLLBACK
    )
    if collection in WARMED_UP:
        at.add_api_route("/{id}/hydration", cancel, methods=["DELETE"], status_code=204)
    router.include_router(at)


@router.get("/v1/schemas", tags=["schemas"])
def schemas() -> dict[str, str]:
    """Every kind, and where its JSON Schema is."""
    return {kind: f"/v1/schemas/{kind}" for kind in sorted(KINDS)}


@router.get("/v1/schemas/{kind}", tags=["schemas"])
def schema(kind: str) -> dict[str, Any]:
    """The JSON Schema of a kind."""
    if kind not in KINDS:
        raise HTTPException(404, f"there is no kind {kind!r}; there are {', '.join(sorted(KINDS))}")
    return schema_of(kind)


for _name in COLLECTIONS:
    _add(_name)
