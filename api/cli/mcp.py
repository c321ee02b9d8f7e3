"""``agent03 mcp``: the engine as an MCP server on stdin and stdout, for a client that starts it as a program."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from api.cli.commands import EnvFile
from api.environment import engine_key, engine_url, load_settings

if TYPE_CHECKING:
    from engine.settings import Settings


def mcp(
    embedded: Annotated[
        bool, typer.Option("--embedded", help="Run an engine in this process instead of asking ENGINE_URL.")
    ] = False,
    env_file: EnvFile = None,
) -> None:
    """Serve the tools of the engine to an MCP client on stdin and stdout, for the server at ENGINE_URL."""
    from api.logging import configure_logging

    settings = load_settings(env_file)
    configure_logging(settings)
    asyncio.run(_embedded(settings) if embedded else _of_server(engine_url()))


async def _of_server(url: str) -> None:
    from api.mcp.door import Door
    from api.mcp.reach import by
    from api.mcp.server import build_server

    key = engine_key()
    async with Door.of_server(url, {"Authorization": f"Bearer {key}"} if key else {}) as door:
        await build_server(by(door)).run_stdio_async()


async def _embedded(settings: Settings) -> None:
    """The engine ends when the client closes stdin: what runs gets its grace, the rest goes on at the next start."""
    from api.app import create_app
    from api.mcp.door import Door
    from api.mcp.reach import by
    from api.mcp.server import build_server
    from api.metrics import Metrics
    from api.wiring import open_engine

    metrics = Metrics()
    async with open_engine(settings, observer=metrics) as engine:
        metrics.watch(engine.snapshot)
        async with Door.to_application(create_app(engine, settings, metrics)) as door:
            await build_server(by(door)).run_stdio_async()
