"""What an agent serves: its health, how it is, and the place where the engine hands subtasks over."""

from __future__ import annotations

import hmac
from typing import Annotated, Any, Protocol, TypeVar

from pydantic import Field, ValidationError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from api.access import shown_key
from api.agents import LARGEST, SUBTASK_ID, AgentBody
from api.body import read_json
from engine.errors import InvalidInput, TooLarge
from engine.host import Asked
from engine.model import Json

Body = TypeVar("Body", bound=AgentBody)
Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class SubtaskBody(AgentBody):
    """A subtask that is handed over."""

    subtask_id: SUBTASK_ID
    key: str = Field("", max_length=300)
    type: str = Field(min_length=1, max_length=300)
    input: Any = None
    token: int = Field(ge=0, le=LARGEST)
    deadline: str = Field("", max_length=100)
    """For people: by the clock of the engine, which may be another one than here."""
    timeout_seconds: Seconds | None = None
    idle_seconds: Seconds | None = None
    reduction: int = Field(0, ge=0, le=30)
    approved: bool = False


class ExecuteBody(AgentBody):
    """What ``POST /execute`` takes."""

    task_id: str = Field(min_length=1, max_length=100)
    subtask: SubtaskBody
    task_context: dict[str, Any] = Field(default_factory=dict)

    def asked(self) -> Asked:
        """For the host."""
        subtask = self.subtask
        return Asked(
            task_id=self.task_id,
            subtask_id=subtask.subtask_id,
            key=subtask.key,
            type=subtask.type,
            input=subtask.input,
            token=subtask.token,
            seconds=subtask.timeout_seconds or 0.0,
            idle=subtask.idle_seconds,
            reduction=subtask.reduction,
            approved=subtask.approved,
        )


class CancelBody(AgentBody):
    """What ``POST /cancel`` takes."""

    task_id: str = Field(min_length=1, max_length=100)
    subtask_id: SUBTASK_ID
    token: int = Field(ge=0)


class Serves(Protocol):
    """What the routes need of an agent."""

    agent_id: str
    token: str
    max_body_bytes: int

    def health(self) -> dict[str, Json]:
        """Whether it is there, and free."""

    def status(self) -> dict[str, Json]:
        """How it is, in full."""

    def execute(self, asked: Asked) -> bool:
        """Takes a subtask; False when it is busy."""

    def cancel(self, subtask_id: str, token: int) -> bool:
        """Stops one; False when it is not here."""


def create_agent_app(agent: Serves) -> Starlette:
    """The application of an agent."""

    async def health(_: Request) -> JSONResponse:
        return JSONResponse(agent.health())

    async def status(_: Request) -> JSONResponse:
        return JSONResponse(agent.status())

    async def execute(request: Request) -> JSONResponse:
        _check_token(request, agent.token)
        body = await _read(request, ExecuteBody, agent.max_body_bytes)
        if not agent.execute(body.asked()):
            return JSONResponse({"status": "busy", "agent_id": agent.agent_id}, 503, {"Retry-After": "1"})
        return JSONResponse({"status": "accepted", "agent_id": agent.agent_id})

    async def cancel(request: Request) -> JSONResponse:
        _check_token(request, agent.token)
        body = await _read(request, CancelBody, agent.max_body_bytes)
        found = agent.cancel(body.subtask_id, body.token)
        return JSONResponse({"status": "cancelled" if found else "unknown", "agent_id": agent.agent_id})

    return Starlette(
        routes=[
            Route("/health", health),
            Route("/status", status),
            Route("/execute", execute, methods=["POST"]),
            Route("/cancel", cancel, methods=["POST"]),
        ],
        exception_handlers={HTTPException: _told, InvalidInput: _told_400, TooLarge: _told_413},
    )


def _check_token(request: Request, token: str) -> None:
    if token and not hmac.compare_digest(shown_key(request.headers).encode(errors="replace"), token.encode()):
        raise HTTPException(401, "Show AGENT_TOKEN as Authorization: Bearer TOKEN: it is another one here.")


async def _read(request: Request, model: type[Body], limit: int) -> Body:
    raw = await read_json(request, limit)
    try:
        return model.model_validate(raw)
    except ValidationError as error:
        first = error.errors()[0]
        place = "/".join(map(str, first["loc"]))
        raise HTTPException(400, f"Correct /{place}: {first['msg']}") from None


async def _told(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    return JSONResponse({"detail": error.detail}, error.status_code, dict(error.headers or {}))


async def _told_400(_: Request, error: Exception) -> JSONResponse:
    return JSONResponse({"detail": str(error)}, 400)


async def _told_413(_: Request, error: Exception) -> JSONResponse:
    return JSONResponse({"detail": str(error)}, 413)
