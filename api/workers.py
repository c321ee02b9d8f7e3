"""The health of a pool of workers over HTTP: for probes, and for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

if TYPE_CHECKING:
    from engine.adapters.redis import RedisConnection
    from engine.workers.pool import WorkerPool


def health_app(pool: WorkerPool, redis: RedisConnection) -> Starlette:
    """``/health`` says how it is (503 where it cannot work), ``/health/live`` that the process lives."""

    async def health(_: Request) -> JSONResponse:
        about = pool.health() | {"redis": await redis.health()}
        well = about["redis"]["ok"]
        about["status"] = about["status"] if well else "unhealthy"
        return JSONResponse(about, 200 if well else 503)

    async def live(_: Request) -> JSONResponse:
        return JSONResponse({"status": "alive"})

    return Starlette(routes=[Route("/health", health), Route("/health/ready", health), Route("/health/live", live)])
