"""Every error as a problem document: RFC 9457, https://www.rfc-editor.org/rfc/rfc9457.

{"type": "about:blank", "title": "Conflict", "status": 409, "detail": "…", "instance": "/v1/…",
 "errors": [{"path": "where.and.0.op", "message": "…"}]}
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

from schemas.errors import InvalidInput, LogUnavailable, Refusal, UnreadableRecord, VersionTaken, Violation
from schemas.faults import path_of, said

_LOG = logging.getLogger(__name__)
MEDIA_TYPE = "application/problem+json"
_RETRY_AFTER = {"Retry-After": "1"}


class NotYet(Exception):
    """What is asked for will be there by itself: `detail` says what it waits for, `more` how far that is."""

    def __init__(self, detail: str, more: Mapping[str, object]):
        self.detail, self.more = detail, more
        super().__init__(detail)


def problem(
    request: Request,
    status: int,
    detail: str,
    errors: Sequence[Violation] = (),
    headers: Mapping[str, str] | None = None,
    more: Mapping[str, object] | None = None,
) -> Response:
    """The document of one error; `more` are members of its own."""
    body: dict[str, object] = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "instance": request.url.path,
    }
    if errors:
        body["errors"] = [{"path": e.path, "message": e.message} for e in errors]
    return JSONResponse({**body, **(more or {})}, status, headers, MEDIA_TYPE)


def install(app: FastAPI) -> None:
    """Make the app answer its errors so."""
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _validation)
    app.add_exception_handler(InvalidInput, _invalid)
    app.add_exception_handler(UnreadableRecord, _unreadable)
    app.add_exception_handler(VersionTaken, _taken)
    app.add_exception_handler(Refusal, _taken)
    app.add_exception_handler(NotYet, _not_yet)
    app.add_exception_handler(LogUnavailable, _unavailable)
    app.add_exception_handler(Exception, _unexpected)


def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return problem(request, error.status_code, str(error.detail), headers=error.headers)


def _validation(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    errors = [Violation(path_of(e), said(e)) for e in error.errors()]
    return problem(request, 422, "the request has faults", errors)


def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, InvalidInput)
    return problem(request, 422, f"{error.what} has faults", error.violations)


def _unreadable(request: Request, error: Exception) -> Response:
    return problem(request, 400, str(error))


def _taken(request: Request, error: Exception) -> Response:
    return problem(request, 409, str(error))


def _not_yet(request: Request, error: Exception) -> Response:
    assert isinstance(error, NotYet)
    return problem(request, 409, error.detail, headers=_RETRY_AFTER, more=error.more)


def _unavailable(request: Request, error: Exception) -> Response:
    _LOG.error("%s", error)
    return problem(request, 503, "the log cannot be reached; nothing was taken, try again", headers=_RETRY_AFTER)


def _unexpected(request: Request, error: Exception) -> Response:
    return problem(request, 500, "an error that was not expected; the server's log has it")
