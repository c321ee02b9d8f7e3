"""A client of the HTTP layer around a stand-in for the engine, and how its answers are read."""

from __future__ import annotations

from typing import Any, cast

import httpx2
from pydantic import BaseModel

from api import schemas
from api.app import create_app
from api.metrics import Metrics
from engine.service import Engine
from engine.settings import Settings
from tests.support.fake_engine import FakeEngine


def client_of(engine: FakeEngine) -> httpx2.AsyncClient:
    """A client; bodies end at 4 KiB."""
    metrics = Metrics()
    metrics.watch(engine.snapshot)
    app = create_app(cast(Engine, engine), Settings(max_body_bytes=4096), metrics)
    return httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://test")


def read(model: type[BaseModel], response: httpx2.Response, status: int = 200) -> Any:
    """The response as its documented model, which refuses a missing, surplus or wrongly typed field."""
    assert response.status_code == status, response.text
    return model.model_validate_json(response.content)


def problem(response: httpx2.Response, status: int, slug: str) -> Any:
    """The response as the problem that it should be."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    found = schemas.Problem.model_validate_json(response.content)
    assert (found.status, found.type) == (status, f"urn:agent03:problem:{slug}")
    assert found.instance == response.headers["x-request-id"]
    assert found.detail
    return found
