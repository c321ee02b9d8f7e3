"""``agent03 agent``: runs subtasks for an engine in a process of its own.

It registers, gives signs of life, takes what the engine hands over and returns what comes of it. An engine that is
away is waited for. SIGTERM drains: nothing more is taken, what runs gets its grace, results are returned, and the agent
signs off. A second signal ends the process where it stands: the engine notices and has the work repeated.
"""

from __future__ import annotations

import asyncio
from enum import StrEnum
from typing import Annotated

import typer

from api.cli.commands import EnvFile
from api.environment import engine_url, load_settings


class Runner(StrEnum):
    """Who carries out what an agent is handed."""

    ENGINE = "engine"
    CLAUDE_CODE = "claude_code"


def agent(
    agent_id: Annotated[str, typer.Option("--id", help="Its name, which no other agent has.")],
    capabilities: Annotated[
        str, typer.Option(help="What it can do, comma separated: subtasks require some of these.")
    ] = "",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 takes a free one.")] = 8101,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    url: Annotated[str, typer.Option(help="Where the engine reaches it; else http://HOST:PORT.")] = "",
    slots: Annotated[int, typer.Option(min=1, max=1000, help="Subtasks that it runs at once.")] = 1,
    runner: Annotated[
        Runner, typer.Option(help="What carries them out: the tools of the engine, or Claude Code by its agent SDK.")
    ] = Runner.ENGINE,
    engine: Annotated[str, typer.Option(help="The engine; else ENGINE_URL.")] = "",
    env_file: EnvFile = None,
) -> None:
    """Run subtasks for an engine in this process. SIGTERM drains."""
    from api.about import installed_version
    from api.cli.agent_process import serve_agent
    from api.logging import configure_logging

    settings = load_settings(env_file)
    configure_logging(settings)
    able = [name.strip() for name in capabilities.split(",") if name.strip()]
    wanted = {"agent_id": agent_id, "url": url, "capabilities": able, "slots": slots, "version": installed_version()}
    of = engine_url({"ENGINE_URL": engine}) if engine else engine_url()
    asyncio.run(serve_agent(settings, wanted, host, port, of, by_claude=runner is Runner.CLAUDE_CODE))
