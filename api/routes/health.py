"""How the engine is, for people, for probes, and for Prometheus."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response

from api import schemas
from api.openapi import problems
from api.problems import NOT_READY, UNAVAILABLE_RETRY_SECONDS, problem, request_id
from api.routes import TheEngine, TheMetrics

router = APIRouter(tags=["health"])


SCRAPED: dict[int | str, dict[str, Any]] = {
    200: {
        "content": {
            "text/plain": {"schema": {"type": "string"}, "example": "agent03_open_tasks 3.0\n"},
            "application/openmetrics-text": {"schema": {"type": "string"}},
        }
    }
}


@router.get("/health", responses={503: {"model": schemas.Health}})
async def get_health(engine: TheEngine, response: Response) -> schemas.Health:
    """For people: the graph, Redis and the engine; 503 when it cannot work at all."""
    health = schemas.Health.model_validate(await engine.health())
    if health.status == "unhealthy":
        response.status_code = 503
        response.headers["Retry-After"] = str(UNAVAILABLE_RETRY_SECONDS)
    return health


@router.get("/health/live")
async def get_liveness() -> schemas.Alive:
    """For probes: the process answers. Touches nothing, so a graph that is away makes nobody restart the engine."""
    return schemas.Alive()


@router.get("/health/ready", responses=problems(503), response_model=schemas.Ready)
async def get_readiness(request: Request, engine: TheEngine) -> schemas.Ready | Response:
    """For probes: whether it takes work now; 503 with every reason when it does not, first of all while it drains."""
    reasons = await engine.ready()
    if not reasons:
        return schemas.Ready()
    faults = [{"detail": reason} for reason in reasons]
    return problem(
        NOT_READY,
        "; ".join(reasons),
        request_id(request),
        faults=faults,
        headers={"Retry-After": str(UNAVAILABLE_RETRY_SECONDS)},
    )


@router.get("/metrics", response_class=Response, responses=SCRAPED)
async def get_metrics(request: Request, metrics: TheMetrics) -> Response:
    """Prometheus metrics."""
    text, content_type = await metrics.scrape(request.headers.get("accept", ""))
    return Response(text, headers={"Content-Type": content_type})
