"""The cache: how it does, why it has nothing for a subtask, and to forget."""

from __future__ import annotations

from fastapi import APIRouter, Request
from pydantic import Field

from api import schemas
from api.openapi import problems
from api.present import explanation_view
from api.routes import TheEngine, TheSettings
from api.verbs import VerbBody, body_of, read_body

router = APIRouter(prefix="/cache", tags=["cache"])


class Invalidation(VerbBody):
    """Which entries are forgotten: one by its key, or all of a type, of a tag of their task, of a type's version."""

    key: str = Field("", max_length=1_000)
    type: str = Field("", max_length=200)
    tag: str = Field("", max_length=200)
    version: str = Field("", max_length=200)
    """Of the type."""


@router.get("/stats", responses=problems(503))
async def get_cache_stats(engine: TheEngine) -> schemas.CacheStats:
    """Hits and misses of this engine, what the hits have saved, and what is kept in Redis."""
    return schemas.CacheStats.model_validate(await engine.cached.stats())


@router.post(
    "/invalidate", responses=problems(400, 413, 415, 503), openapi_extra=body_of(Invalidation, {"type": "http_request"})
)
async def invalidate_cache(request: Request, engine: TheEngine, settings: TheSettings) -> schemas.Invalidated:
    """Forgets entries, in Redis and in the graph. What was taken over before stays where it is."""
    asked = await read_body(request, Invalidation, settings.max_body_bytes)
    removed = await engine.cached.invalidate(key=asked.key, type=asked.type, tag=asked.tag, version=asked.version)
    return schemas.Invalidated(removed=removed)


@router.get("/explain/{task_id}/{key}", responses=problems(404, 503))
async def explain_cache(engine: TheEngine, task_id: str, key: str) -> schemas.CacheExplanation:
    """What the cache has for a subtask as it would run now; if that is nothing, what differs from the nearest entry."""
    return explanation_view(await engine.cached.explain(task_id, key))
