"""The routes, one file per subject, and what they get handed."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request
from starlette.requests import HTTPConnection

from api.live.hub import Hub
from api.metrics import Metrics
from engine.service import Engine
from engine.settings import Settings


async def _engine(request: Request) -> Engine:
    engine: Engine = request.app.state.engine
    return engine


async def _settings(request: Request) -> Settings:
    settings: Settings = request.app.state.settings
    return settings


def who(request: Request) -> str:
    """Who asks, by the name of his key; empty where nobody is known by name."""
    return str(getattr(request.state, "subject", "") or "")


async def _metrics(request: Request) -> Metrics:
    metrics: Metrics = request.app.state.metrics
    return metrics


async def _hub(connection: HTTPConnection) -> Hub:
    hub: Hub = connection.app.state.hub
    return hub


TheHub = Annotated[Hub, Depends(_hub)]
TheEngine = Annotated[Engine, Depends(_engine)]
TheSettings = Annotated[Settings, Depends(_settings)]
TheMetrics = Annotated[Metrics, Depends(_metrics)]
