"""Every error leaves as Problem Details (RFC 9457): one table from the engine's errors to HTTP.

``type`` is a stable name to branch on, ``detail`` says what to do, ``instance`` is the request's id as in the logs.
An exception that nobody foresaw is told in general words only: its text may hold secrets, and is in the log.
"""

from __future__ import annotations

import math
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import msgspec
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from api.methods import allowed
from engine import errors
from engine.adapters.redis import RedisUnavailable

MEDIA_TYPE = "application/problem+json"
UNAVAILABLE_RETRY_SECONDS = 5


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of problem: its name, HTTP status and title."""

    slug: str
    status: int
    title: str

    @property
    def uri(self) -> str:
        """The stable ``type``."""
        return f"urn:agent03:problem:{self.slug}"


INVALID_INPUT = Kind("invalid-input", 400, "The input has faults")
INTERNAL = Kind("internal", 500, "Something went wrong inside")
UNAUTHORIZED = Kind("unauthorized", 401, "A key is needed")
MISSING_SCOPE = Kind("missing-scope", 403, "The key is not good for that")
NOT_FROM_HERE = Kind("not-from-here", 403, "That is done on the machine of the server")
UNKNOWN_NAME = Kind("unknown-name", 403, "That name is not known to be this server's")
OTHER_USER = Kind("other-user", 403, "The key is for another user")
TOO_OFTEN = Kind("too-often", 429, "The key has sent too many requests")
NOT_READY = Kind("not-ready", 503, "The engine is not ready")

ENGINE_KINDS: Mapping[type[errors.EngineError], Kind] = {
    errors.InvalidInput: INVALID_INPUT,
    errors.TooLarge: Kind("too-large", 413, "The input is too large"),
    errors.TooCostly: Kind("query-too-costly", 400, "The query takes more than it may"),
    errors.NotFound: Kind("not-found", 404, "Nothing has that id"),
    errors.Forbidden: Kind("forbidden", 403, "That is for somebody else to do"),
    errors.KeyReused: Kind("idempotency-key-reused", 409, "That key came with another body before"),
    errors.Conflict: Kind("conflict", 409, "The current state does not allow that"),
    errors.Busy: Kind("busy", 429, "The engine is full"),
    errors.GraphUnavailable: Kind("graph-unavailable", 503, "The graph does not answer"),
    errors.GraphExhausted: Kind("graph-exhausted", 503, "The graph needs more memory"),
    errors.NotYet: Kind("not-yet", 503, "That cannot be answered at this moment"),
    errors.AlreadyStored: Kind("already-stored", 409, "There is one already"),
    errors.GraphRefused: Kind("graph-refused", 503, "The graph refuses the engine"),
    errors.Fenced: Kind("fenced", 503, "Another engine has taken over"),
    RedisUnavailable: Kind("redis-unavailable", 503, "Redis does not answer"),
    errors.EngineError: Kind("engine", 500, "The engine cannot do that"),
}
HTTP_KINDS: Mapping[int, Kind] = {
    403: Kind("cross-site", 403, "Refused for another site's page"),
    404: Kind("unknown-route", 404, "There is no such route"),
    405: Kind("method-not-allowed", 405, "The route does not know that method"),
    406: Kind("not-acceptable", 406, "The answer has no form that the caller takes"),
    415: Kind("unsupported-media-type", 415, "The body is in another form than JSON"),
}
HTTP_DETAILS: Mapping[int, str] = {
    404: "No route has this path. /openapi.json lists them all.",
    405: "This path exists, but not for this method. The Allow header names the methods it has.",
}


class Refused(HTTPException):
    """A request that is not let through, as a problem of a kind."""

    def __init__(self, kind: Kind, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(kind.status, detail, dict(headers or {}))
        self.kind = kind


def install(app: FastAPI) -> None:
    """Makes every error of ``app`` a problem, but for those that no handler knows (see ``api.middleware``)."""
    app.add_exception_handler(errors.EngineError, _on_engine_error)
    app.add_exception_handler(RequestValidationError, _on_validation_error)
    app.add_exception_handler(HTTPException, _on_http_error)


def problem(
    kind: Kind,
    detail: str,
    instance: str,
    *,
    faults: Sequence[Mapping[str, str]] = (),
    headers: Mapping[str, str] | None = None,
    more: Mapping[str, Any] | None = None,
) -> Response:
    """The response of one problem; ``faults`` become its ``errors``, ``more`` are members of this kind alone."""
    body: dict[str, Any] = {
        "type": kind.uri,
        "title": kind.title,
        "status": kind.status,
        "detail": detail,
        "instance": instance,
        **(more or {}),
    }
    if faults:
        body["errors"] = list(faults)
    return Response(msgspec.json.encode(body), kind.status, headers, MEDIA_TYPE)


def internal_problem(instance: str) -> Response:
    """What a caller learns of an exception that nobody foresaw: nothing but where to look."""
    return problem(INTERNAL, f"This is a fault of the engine. Its log has the reason under {instance}.", instance)


def request_id(request: Request) -> str:
    """The id of this request, as ``X-Request-ID`` names it."""
    return str(getattr(request.state, "request_id", "") or uuid.uuid4().hex)  # a WebSocket has none


async def _on_engine_error(request: Request, error: Exception) -> Response:
    kind = next(ENGINE_KINDS[cls] for cls in type(error).__mro__ if cls in ENGINE_KINDS)
    covered = request.app.state.engine.vault.text
    faults = [_fault(fault, covered) for fault in error.faults] if isinstance(error, errors.InvalidInput) else []
    headers, more = _retry_after(kind, error), _standing(error)
    return problem(kind, covered(str(error)), request_id(request), faults=faults, headers=headers, more=more)


def _standing(error: Exception) -> dict[str, Any]:
    """Where the state machine stands, for programs; the detail has it in words."""
    if not isinstance(error, errors.Conflict) or not error.state:
        return {}
    return {"state": error.state, "legal_moves": error.legal}


def _retry_after(kind: Kind, error: Exception) -> dict[str, str]:
    if isinstance(error, errors.Busy):
        return {"Retry-After": str(max(1, math.ceil(error.retry_after)))}
    return {"Retry-After": str(UNAVAILABLE_RETRY_SECONDS)} if kind.status == 503 else {}


def _fault(fault: errors.Fault, covered: Callable[[str], str]) -> dict[str, str]:
    return {"pointer": covered(fault.pointer), "detail": covered(fault.detail)}


async def _on_validation_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    faults = [_parameter_fault(fault) for fault in error.errors()]
    named = "; ".join(f"{fault['parameter']}: {fault['detail']}" for fault in faults[:5])
    return problem(INVALID_INPUT, f"Mend the parameters: {named}", request_id(request), faults=faults)


def _parameter_fault(fault: Mapping[str, Any]) -> dict[str, str]:
    """Bodies are the engine's to judge, so what the framework finds is always a parameter."""
    name = ".".join(str(part) for part in fault["loc"][1:])
    if fault["type"] == "extra_forbidden":
        return {"parameter": name, "detail": "there is no such parameter here; /openapi.json lists them"}
    return {"parameter": name, "detail": str(fault["msg"]).removeprefix("Value error, ")}


async def _on_http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    status = error.status_code
    headers = dict(error.headers or {})
    if status == 405:
        headers["Allow"] = allowed(request.app.router.routes, request.scope)
    kind = error.kind if isinstance(error, Refused) else HTTP_KINDS.get(status)
    kind = kind or Kind(f"http-{status}", status, HTTPStatus(status).phrase)
    given = error.detail if error.detail != HTTPStatus(status).phrase else None
    detail = given or HTTP_DETAILS.get(status, kind.title)
    return problem(kind, detail, request_id(request), headers=headers)
