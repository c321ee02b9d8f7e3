"""Request bodies: read under a limit, parsed exactly.

msgspec keeps integers of any size and refuses NaN and lone surrogates. It holds the interpreter while it parses, so a
plan of 50 MB would stop every other task for 1.6 s, in a thread as well. A large body is therefore cut into its
subtasks first, which is quick (60 ms), and these are parsed one by one in a thread.
"""

from __future__ import annotations

import asyncio

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request

from api import yamlbody
from engine.errors import Fault, InvalidInput, TooLarge
from engine.model import Json

SMALL_BYTES = 256 * 1024
"""Parsed in place in about a millisecond; the hand-over to a thread would cost more than it saves."""

_parts = msgspec.json.Decoder(dict[str, msgspec.Raw])
_rows = msgspec.json.Decoder(list[msgspec.Raw])


async def read_task(request: Request, limit: int) -> Json:
    """The body of a task, as JSON or YAML; None when there is none at all. Raises what ``read_json`` does."""
    if _kind(request) != yamlbody.MEDIA_TYPE:
        return await read_json(request, limit)
    data = await read_bytes(request, limit)
    return await yamlbody.parse_yaml(data) if data else None


def _kind(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


async def read_json(request: Request, limit: int) -> Json:
    """The JSON value of a request's body, None when there is no body at all.

    Raises:
        TooLarge: above ``limit`` bytes.
        InvalidInput: when it is not JSON.
        HTTPException: 415 when the content type is not JSON, which a page of another site cannot send unasked, or the
            body is compressed: a small one could become any size.
    """
    data = await read_bytes(request, limit)
    if not data:
        return None
    kind = _kind(request)
    if kind != "application/json" and not (kind.startswith("application/") and kind.endswith("+json")):
        raise HTTPException(415, "Send the body with the header Content-Type: application/json.")
    return await parse_json(data)


async def parse_json(data: bytes) -> Json:
    """Parses JSON text without stopping the event loop for long; raises ``InvalidInput``."""
    try:
        return msgspec.json.decode(data) if len(data) <= SMALL_BYTES else await asyncio.to_thread(_in_parts, data)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidInput([Fault("", f"the body is not usable JSON: {error}")]) from None
    except RecursionError:
        raise InvalidInput([Fault("", "the body is nested too deeply; make it flatter")]) from None


def _in_parts(data: bytes) -> Json:
    """The same value as one call gives; errors come from that call, so that they name the place in the whole text."""
    try:
        body = _parts.decode(data)
        plan = _parts.decode(body.pop("plan"))
        rows = _rows.decode(plan.pop("subtasks"))
        subtasks = [msgspec.json.decode(row) for row in rows]
        rest = {name: msgspec.json.decode(part) for name, part in plan.items()}
        around = {name: msgspec.json.decode(part) for name, part in body.items()}
        return around | {"plan": rest | {"subtasks": subtasks}}
    except (msgspec.DecodeError, KeyError):
        return msgspec.json.decode(data)


async def read_bytes(request: Request, limit: int) -> bytes:
    """The body's bytes; raises ``TooLarge``. Up to as much again is read and dropped, because many a client reads no
    answer before it has sent everything.
    """
    if request.headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise HTTPException(415, "Send the body as it is, without Content-Encoding.", {"Accept-Encoding": "identity"})
    announced = request.headers.get("content-length", "")
    if announced.isdigit() and int(announced) > 2 * limit:
        raise _too_large(limit)
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size <= limit:
            chunks.append(chunk)
        elif size > 2 * limit:
            break
    if size > limit:
        raise _too_large(limit)
    return b"".join(chunks)


def _too_large(limit: int) -> TooLarge:
    return TooLarge(f"the body is larger than {limit:,} bytes; split the plan, or raise MAX_BODY_BYTES")
