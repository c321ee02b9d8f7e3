"""Agents in other processes: which there are, and what they say. docs/agent-protocol.md has the other half."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from api import schemas
from api.agents import Beat, Registration, ResultBody, Scale, agent_view, registered_view
from api.openapi import problems
from api.routes import TheEngine, TheSettings
from api.verbs import body_of, read_body
from engine.model import Json

router = APIRouter(prefix="/agents", tags=["agents"])
Capability = Annotated[str, Query(max_length=100, description="Only agents that have it.")]
A_REGISTRATION = {
    "agent_id": "agent-1",
    "url": "http://127.0.0.1:8101",
    "capabilities": ["DATA_ANALYSIS", "CODE_GENERATION"],
    "slots": 1,
    "version": "1",
}
A_BEAT: dict[str, Json] = {
    "is_available": True,
    "current_task": None,
    "cpu_usage": 2.5,
    "memory_usage": 96.0,
    "tasks_completed": 3,
    "running": [],
}
A_SCALE: dict[str, Json] = {"pool": "host-1-a1b2c3", "workers": 4}
A_RESULT: dict[str, Json] = {
    "task_id": "01JD0000000000000000000000",
    "subtask_id": "01JD0000000000000000000000.0000000",
    "token": 1,
    "status": "completed",
    "output": {"value": 42},
}


@router.get("", responses=problems(503))
async def list_agents(engine: TheEngine) -> schemas.Agents:
    """The agents of the namespace, by id. What is told of one that is registered with another engine may be half a
    minute old.
    """
    return schemas.Agents(agents=[agent_view(seen) for seen in await engine.agents.seen()])


@router.get("/available", responses=problems(400, 503))
async def list_available_agents(engine: TheEngine, capability: Capability = "") -> schemas.AvailableAgents:
    """The agents that would take a subtask now."""
    found = await engine.agents.seen(capability, available=True)
    return schemas.AvailableAgents(available_agents=[agent_view(seen) for seen in found])


@router.get("/pool", responses=problems(503))
async def list_pools(engine: TheEngine) -> schemas.Pools:
    """The pools of workers that run agents for the engines of this Redis; none without Redis."""
    return schemas.Pools(pools=[schemas.PoolView.model_validate(pool) for pool in await engine.pools.seen()])


@router.post("/pool", openapi_extra=body_of(Scale, A_SCALE), responses=problems(400, 404, 409, 413, 415, 503))
async def scale_pool(request: Request, engine: TheEngine, settings: TheSettings) -> schemas.PoolScaled:
    """A pool of workers is to grow or to shrink. Its process hears of it within a second; one that is started anew
    begins with its WORKER_COUNT.
    """
    asked = await read_body(request, Scale, settings.max_body_bytes)
    told = await engine.pools.scale(asked.pool, asked.workers)
    return schemas.PoolScaled(pool=told.pool, workers=told.workers, before=told.before)


@router.get("/{agent_id}", responses=problems(404, 503))
async def get_agent(engine: TheEngine, agent_id: str) -> schemas.AgentView:
    """One agent."""
    return agent_view(await engine.agents.one(agent_id))


@router.post("", openapi_extra=body_of(Registration, A_REGISTRATION), responses=problems(400, 401, 409, 413, 415, 503))
async def register_agent(request: Request, engine: TheEngine, settings: TheSettings) -> schemas.RegisteredAgent:
    """An agent wants work. It may say so again, with other capabilities as well; from another address it is another
    one, and is refused (409) as long as the first one is there. Shows AGENT_TOKEN where the engine has one.
    """
    asked = await read_body(request, Registration, settings.max_body_bytes)
    return registered_view(await engine.agents.register(asked.value()))


@router.put(
    "/{agent_id}/heartbeat", openapi_extra=body_of(Beat, A_BEAT), responses=problems(400, 401, 404, 413, 415, 503)
)
async def beat_agent(
    request: Request, engine: TheEngine, settings: TheSettings, agent_id: str
) -> schemas.RegisteredAgent:
    """An agent gives a sign of life, and says how it is. 404 tells it to register (again)."""
    said = await read_body(request, Beat, settings.max_body_bytes)
    return registered_view(engine.agents.beat(agent_id, said.vitals(), said.works_on()))


@router.delete("/{agent_id}", status_code=204, responses=problems(401, 404, 503))
async def remove_agent(engine: TheEngine, agent_id: str) -> Response:
    """An agent signs off. What it still has is lost: it returns its results first."""
    await engine.agents.leave(agent_id)
    return Response(status_code=204)


@router.post(
    "/{agent_id}/results",
    openapi_extra=body_of(ResultBody, A_RESULT),
    responses=problems(400, 401, 404, 409, 413, 415, 503),
)
async def return_result(
    request: Request, engine: TheEngine, settings: TheSettings, agent_id: str
) -> schemas.TakenResult:
    """An agent returns what came of a subtask. 200 comes once it is recorded, and again for the same result; 409 says
    that the token is not the current one any more, and that the result is to be dropped. After any other answer, or
    none, it is to be sent again.
    """
    sent = await read_body(request, ResultBody, settings.max_body_bytes)
    await engine.agents.returned(agent_id, sent.value())
    return schemas.TakenResult(subtask_id=sent.subtask_id, token=sent.token)
