"""The commands and their options. What they do is in a file each."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from api.cli.output import show
from api.environment import load_settings

if TYPE_CHECKING:
    from engine.settings import Settings

EnvFile = Annotated[
    Path | None, typer.Option("--env-file", help="A file of NAME=value lines, behind the process environment.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
Parallel = Annotated[int | None, typer.Option(min=1, max=10_000, help="Subtasks that may run at the same time.")]


def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on; else BACKEND_HOST.")] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Port; else BACKEND_PORT. 0 takes a free one.")
    ] = None,
    no_engine: Annotated[
        bool, typer.Option("--no-engine", help="Run no tasks here: hand them to the engines that do; needs Neo4j.")
    ] = False,
    env_file: EnvFile = None,
) -> None:
    """Serve the REST API. SIGTERM drains: running subtasks get their grace, then it ends."""
    from api.cli.serve import serve_api

    overrides = {"backend_host": host, "backend_port": port, "runs_tasks": False if no_engine else None}
    asyncio.run(serve_api(_logging(load_settings(env_file, overrides=overrides))))


def engine(
    host: Annotated[str | None, typer.Option(help="Address of the probes; else BACKEND_HOST.")] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="Port of the probes; else BACKEND_PORT.")] = None,
    env_file: EnvFile = None,
) -> None:
    """Run tasks without the API: what other servers of the namespace take in. Serves /health and /metrics only."""
    from api.cli.serve import serve_probes

    settings = load_settings(env_file, overrides={"backend_host": host, "backend_port": port, "runs_tasks": True})
    asyncio.run(serve_probes(_logging(settings)))


def run(
    task: Annotated[
        str, typer.Argument(metavar="FILE", help="The body of POST /tasks as JSON or YAML, - for stdin; or a sentence.")
    ],
    parallel: Parallel = None,
    as_json: AsJson = False,
    env_file: EnvFile = None,
) -> None:
    """Run one task to its end in this process, without a server. The result goes to stdout."""
    from api.cli.planfile import read_task
    from api.cli.run import run_task

    body = read_task(task)
    settings = load_settings(env_file, overrides={"max_parallel_tasks": parallel})
    raise typer.Exit(asyncio.run(run_task(_logging(settings, quiet=True), body, as_json=as_json)))


def demo(parallel: Parallel = None, env_file: EnvFile = None) -> None:
    """Audit this Python environment: a real job of a few hundred subtasks, without any server."""
    from api.cli.demo import run_demo

    settings = load_settings(env_file, overrides={"max_parallel_tasks": parallel})
    raise typer.Exit(asyncio.run(run_demo(_logging(settings, quiet=True))))


def doctor(
    repair: Annotated[
        bool, typer.Option("--repair", help="Repair what can be repaired; refused while an engine works.")
    ] = False,
    as_json: AsJson = False,
    env_file: EnvFile = None,
) -> None:
    """Check connections, schema and invariants, and say what to do about each."""
    from api.cli.doctor import examine

    settings = load_settings(env_file)
    raise typer.Exit(asyncio.run(examine(_logging(settings, quiet=True), as_json=as_json, repair=repair)))


def undo(
    task_id: Annotated[str, typer.Argument(help="The task, which should have ended.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only print the paths.")] = False,
    env_file: EnvFile = None,
) -> None:
    """Put back the files that a task's file tools replaced or deleted. Later changes by others are lost too."""
    from api.cli.undo import put_back

    for path in put_back(load_settings(env_file), task_id, dry_run=dry_run):
        show(path)


def version() -> None:
    """Print the version."""
    from api.about import DISTRIBUTION, installed_version

    show(f"{DISTRIBUTION} {installed_version()}")


def openapi() -> None:
    """Print the API's OpenAPI document as JSON."""
    import json

    from api.app import document

    show(json.dumps(document(), indent=1, ensure_ascii=False))


def _logging(settings: Settings, *, quiet: bool = False) -> Settings:
    """Starts logging and gives the settings back; ``quiet`` keeps to warnings unless LOG_LEVEL asks for more."""
    from api.logging import configure_logging

    asked = "log_level" in settings.model_fields_set
    configure_logging(settings if asked or not quiet else settings.model_copy(update={"log_level": "warning"}))
    return settings


def quietly(env_file: Path | None) -> Settings:
    """The settings, for a command whose output others read: warnings only, on stderr."""
    return _logging(load_settings(env_file), quiet=True)
