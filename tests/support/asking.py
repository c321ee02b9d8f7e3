"""A running engine with its API, to ask it about its tasks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx2

from api.answers import WhyView
from api.app import create_app
from api.metrics import Metrics
from engine.model import Json
from engine.service import Engine
from engine.tools.decorator import tool
from tests.support.engines import GATES, MODULE, STARTED, Lab, subtasks
from tests.support.http import read
from tests.support.plans import Body, step
from tests.support.services import eventually

LINGER = "tests.support.asking"
"""The module of the tool ``linger``."""


@tool("linger", idempotent=True)
async def linger(name: str) -> str:
    """Waits for a gate, and ends no sooner when it is cancelled."""
    STARTED[name] += 1
    try:
        await asyncio.Event().wait()
    finally:
        await GATES.setdefault(name, asyncio.Event()).wait()
    return name


@dataclass
class Asker:
    """An engine and a client of its API."""

    engine: Engine
    client: httpx2.AsyncClient

    async def submit(self, body: Body) -> str:
        """Submits a task; its id."""
        return (await self.engine.submit(body)).task_id

    async def why(self, task_id: str, key: str | None = None) -> WhyView:
        """The answer to a question, which must be as its model says."""
        path = f"/tasks/{task_id}/why" + (f"/{key}" if key else "")
        answer: WhyView = read(WhyView, await self.client.get(path))
        return answer

    async def until(self, task_id: str, **statuses: str) -> None:
        """Waits until each subtask is in its state."""

        async def there() -> bool:
            rows = await subtasks(self.engine, task_id)
            return {key: rows[key].status.value for key in statuses if key in rows} == statuses

        await eventually(there, 60)


@asynccontextmanager
async def asker(lab: Lab, **settings: Json) -> AsyncIterator[Asker]:
    """A started engine with its API; stopped at the end, unless the test has done so."""
    engine = await lab.start(**{"agent03_tools": [MODULE, LINGER], **settings})
    async with client_of(engine, lab) as client:
        yield Asker(engine, client)
    if engine in lab.engines:
        await lab.stop(engine)


@asynccontextmanager
async def client_of(engine: Engine, lab: Lab) -> AsyncIterator[httpx2.AsyncClient]:
    """A client of an engine's API."""
    app = create_app(engine, lab.settings(), Metrics())
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://test") as client:
        yield client


def gate(key: str, name: str, *needs: str, **fields: Json) -> Body:
    """A subtask that runs until the test opens the gate ``name``."""
    return step(key, *needs, type="gate", input={"name": name}, **fields)


def codes(answer: WhyView) -> list[str]:
    """The codes of the causes of what was asked about."""
    return [cause.code for cause in answer.causes]
