"""What was measured: how long things take, how often they fail, and how good the estimates are."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from api import stats
from api.openapi import problems
from api.routes import TheEngine

router = APIRouter(tags=["knowledge"])

Days = Annotated[int, Query(ge=1, le=90)]


@router.get("/stats", responses=problems(400, 503))
async def get_stats(engine: TheEngine, days: Days = 7) -> stats.Stats:
    """Durations, success and failure, cache and the estimates' error of the last days, by type and day; where time is
    lost; what this engine uses.
    """
    return stats.stats(await engine.stats(days), engine.snapshot())


@router.get("/estimates", responses=problems(503))
async def list_estimates(engine: TheEngine, type: str | None = None) -> stats.Estimates:
    """How long each kind of subtask takes: type, version of its tool, and where it matters size of the input."""
    return stats.estimates(await engine.estimates(type))
