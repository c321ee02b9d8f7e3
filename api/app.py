"""The web application: puts routes, errors and middleware together around an engine that somebody else opened.

No logic and no lifespan: whoever starts the engine also stops it (``api.cli.serve``, a test).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from fastapi import Depends, FastAPI
from fastapi.routing import APIRoute
from starlette.middleware.gzip import GZipMiddleware

from api import openapi, problems
from api.about import installed_version
from api.accept import refuse_unacceptable
from api.access import authorize
from api.allowance import Allowance
from api.live.hub import Hub
from api.methods import Methods
from api.metrics import Metrics
from api.middleware import Requests, refuse_other_sites
from api.routes import (
    agents,
    answers,
    approvals,
    cache,
    control,
    forecasts,
    graph,
    health,
    keys,
    live,
    logs,
    mcp,
    neo4j_browser,
    page,
    plans,
    recall,
    removal,
    rerun,
    routing,
    search,
    sharing,
    stats,
    subtasks,
    tasks,
    tools,
)
from engine.plan.schema import TaskRequest
from engine.service import Engine
from engine.settings import Settings

GZIP_FROM_BYTES = 1024
GZIP_LEVEL = 4
"""Two thirds of the work of the default for a tenth more bytes."""

DESCRIPTION = """A durable task-execution engine whose system of record is a property graph.

Every error is Problem Details (RFC 9457): `type` to branch on, `detail` says what to do, `errors` names each fault.
Pages are cut by cursor: send `next_cursor` back as `cursor`."""

ROUTES = (
    tasks,
    subtasks,
    live,
    logs,
    answers,
    control,
    approvals,
    rerun,
    recall,
    search,
    sharing,
    forecasts,
    removal,
    plans,
    tools,
    agents,
    routing,
    graph,
    cache,
    stats,
    mcp,
    keys,
    neo4j_browser,
    health,
    page,
)
"""All routes there are, in the order of the document."""


class Api(FastAPI):
    """FastAPI with our own errors in its OpenAPI document."""

    def openapi(self) -> dict[str, Any]:
        """The OpenAPI document, built once."""
        if self.openapi_schema is None:
            request = TaskRequest.model_json_schema(ref_template="#/components/schemas/{model}")
            self.openapi_schema = openapi.mend(super().openapi(), request)
        return self.openapi_schema


def create_probes(engine: Engine, settings: Settings, metrics: Metrics) -> Api:
    """What probes and monitoring ask an engine whose API is served elsewhere; arguments as for ``create_app``."""
    app = _application(engine, settings, metrics)
    app.include_router(health.router)
    return app


def create_app(engine: Engine, settings: Settings, metrics: Metrics) -> Api:
    """The application for an engine.

    Args:
        engine: a started engine; stays the caller's.
        settings: of that engine.
        metrics: counts requests, and is served at ``/metrics``.
    """
    app = _application(engine, settings, metrics)
    for router in (route.router for route in ROUTES):
        app.include_router(router)
    return app


def _application(engine: Engine, settings: Settings, metrics: Metrics) -> Api:
    app = Api(
        title="Agent03 core engine",
        description=DESCRIPTION,
        version=installed_version(),
        docs_url=None,  # these pages load their scripts from a public network
        redoc_url=None,
        telemetry={"operation_spans": False, "exclude": _not_traced},
        generate_unique_id_function=_function_name,
        dependencies=[Depends(refuse_other_sites), Depends(refuse_unacceptable), Depends(authorize)],
    )
    app.state.engine, app.state.settings, app.state.metrics = engine, settings, metrics
    app.state.hub = hub = Hub(engine)
    app.state.allowance = Allowance(settings.key_rate)
    metrics.watch(lambda: {"viewers": hub.viewers})
    problems.install(app)
    app.add_middleware(Methods, routes=app.router.routes)
    app.add_middleware(GZipMiddleware, minimum_size=GZIP_FROM_BYTES, compresslevel=GZIP_LEVEL)
    app.add_middleware(Requests, metrics=metrics)
    return app


def document() -> dict[str, Any]:
    """The OpenAPI document, without an engine."""
    return create_app(cast(Engine, None), Settings(), Metrics()).openapi()


def _not_traced(scope: Mapping[str, Any]) -> bool:
    """What is asked every few seconds by a machine would fill the traces."""
    return str(scope["path"]).startswith(("/health", "/metrics"))


def _function_name(route: APIRoute) -> str:
    return route.name
