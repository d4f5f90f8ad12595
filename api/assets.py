"""Assets: upload, and the public addresses of files that messages show.

A file is what its bytes are. What could run a script (SVG, HTML, PDF) is handed out as a download, never shown.
"""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, HTTPException, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field
from starlette.datastructures import UploadFile

from api.bodies import read_body
from api.definitions import Reader
from api.deps import Deps, deps
from api.ranges import ranged
from connectors import publish
from flows.content.files import LARGEST, TYPES, FileType, type_of
from flows.content.images import WIDTHS, resized, size_of
from infra.link_key import base_url
from schemas.definitions.base import Id
from schemas.errors import InvalidInput, Violation
from schemas.ids import content_hash
from sinks.asset_store import AssetStore

router = APIRouter(tags=["assets"])
public = APIRouter(tags=["assets"])
_FORM_EXTRA: Final = 64 * 1024  # what a form needs around its file
_YEAR: Final = "public, max-age=31536000, immutable"
_SAFE: Final = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cross-Origin-Resource-Policy": "cross-origin",
}
_UPLOAD: Final = {
    "requestBody": {
        "required": True,
        "content": {
            "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
            "multipart/form-data": {
                "schema": {"type": "object", "properties": {"file": {"type": "string", "format": "binary"}}}
            },
        },
    }
}


class AssetOut(BaseModel):
    """A file that was kept."""

    id: str
    version: int
    file: str
    url: str = Field(
        description="where everyone can get it, for ever; images also with ?w=" + "|".join(map(str, WIDTHS))
    )
    content_type: str
    size: int
    width: int
    height: int


def _store(deps: Deps, request: Request) -> AssetStore:
    store: AssetStore | None = getattr(request.app.state, "assets", None)
    if store is None:
        store = request.app.state.assets = AssetStore(deps.settings.files_url)
    return store


@router.post("/v1/assets", status_code=201, openapi_extra=_UPLOAD, responses={413: {}, 415: {}})
async def upload(
    request: Request,
    reader: Reader,
    id: Annotated[Id | None, Query(description="by default from its content")] = None,
    name: Annotated[str, Query(max_length=200)] = "",
    alt: Annotated[str, Query(max_length=1000, description="what an image shows")] = "",
    deps: Deps = Depends(deps),
) -> AssetOut:
    """Keep a file, as the body itself or as `file` of a form, and publish it as a definition of kind `asset`."""
    data = await _data(request)
    found = type_of(data)
    if found is None:
        raise HTTPException(415, f"its bytes are none of {', '.join(TYPES)}")
    if len(data) > found.limit:
        raise HTTPException(413, f"{found.ending}: {len(data)} bytes; at most {found.limit} are taken")
    body = await deps.in_thread(_described, data, found, id)
    body |= {key: value for key, value in (("name", name), ("alt", alt)) if value}
    await deps.in_thread(_store(deps, request).put, data, found.ending)  # before the definition that names it
    (made,) = await deps.in_thread(publish.publish, reader, [body], "api")
    shown = {key: body.get(key, 0) for key in ("id", "file", "content_type", "size", "width", "height")}
    return AssetOut(**shown, version=made.version, url=f"{_address(deps)}/a/{body['file']}")


async def _data(request: Request) -> bytes:
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        return await read_body(request, LARGEST)
    length = request.headers.get("content-length", "")
    if not length.isdecimal():
        raise HTTPException(411, "a form's length must be said before it is read: send Content-Length")
    if int(length) > LARGEST + _FORM_EXTRA:
        raise HTTPException(413, f"the body has more than {LARGEST} bytes")
    async with request.form(max_files=1, max_fields=10) as form:
        file = form.get("file")
        if not isinstance(file, UploadFile):
            raise HTTPException(400, "the form has no file named `file`")
        return await file.read()


def _described(data: bytes, type: FileType, id: str | None) -> dict[str, Any]:
    digest = content_hash(data)
    try:
        width, height = size_of(data, type)
    except ValueError as fault:
        raise InvalidInput("asset", [Violation("file", str(fault))]) from None
    body = {"kind": "asset", "id": id or digest[:16], "file": f"{digest}.{type.ending}"}
    return body | {"content_type": type.media_type, "size": len(data), "width": width, "height": height}


def _address(deps: Deps) -> str:
    return deps.settings.cdn_url.rstrip("/") or base_url(deps.settings)


@public.head("/a/{file}", include_in_schema=False)
@public.get("/a/{file}", responses={206: {}, 304: {}, 404: {}, 416: {}})
def download(
    file: str,
    request: Request,
    w: Annotated[int, Query(description="an image no wider than this")] = 0,
    deps: Deps = Depends(deps),
) -> Response:
    """The file. It never changes: caches may keep it for ever."""
    found = TYPES.get(file.rpartition(".")[2])
    if w and w not in WIDTHS:
        raise HTTPException(400, f"w: one of {', '.join(map(str, WIDTHS))}")
    tag = f'"{file[:32]}-{w}"'
    headers = _SAFE | {"Cache-Control": _YEAR, "ETag": tag}
    data = _bytes(_store(deps, request), file, found, w) if found else None
    if found is None or data is None:
        raise HTTPException(404, "there is no such file")
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    headers["Content-Disposition"] = (
        f'{"inline" if found.inline else "attachment"}; filename="{file[:16]}.{found.ending}"'
    )
    return ranged(request.headers.get("range", ""), data, headers, found.media_type)


def _bytes(store: AssetStore, file: str, type: FileType, width: int) -> bytes | None:
    """The file, or the smaller image, which is made when it is first asked for."""
    data = store.get(file, width)
    if data is not None or not width:
        return data
    whole = store.get(file)
    if whole is None:
        return None
    made = resized(whole, type, width)
    store.put_resized(file, width, made)
    return made
