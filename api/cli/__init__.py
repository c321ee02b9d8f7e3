"""The command line ``agent03``. Data on stdout, everything else on stderr.

Exit codes: 0 done, 1 the task failed, 2 usage or settings, 3 unreachable. Each command is a file; what a command needs
is imported when it runs, so that ``agent03 --help`` answers at once.
"""

from __future__ import annotations

import sys

import typer

from api.cli import exits
from api.cli.agent import agent
from api.cli.archive import archive
from api.cli.backup import backup, restore
from api.cli.cache import cache
from api.cli.commands import demo, doctor, engine, openapi, run, serve, undo, version
from api.cli.dashboard import dashboard
from api.cli.key import key
from api.cli.mcp import mcp
from api.cli.neo4j import neo4j
from api.cli.plan import plan
from api.cli.query import query
from api.cli.recall import recall
from api.cli.route import route
from api.cli.task import submit, task, top, why
from api.cli.tool import tool
from api.cli.worker import worker
from engine.errors import EngineError

app = typer.Typer(
    name="agent03",
    help="A durable task-execution engine whose system of record is a property graph.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for _command in (
    serve,
    engine,
    worker,
    run,
    submit,
    query,
    recall,
    why,
    top,
    demo,
    dashboard,
    mcp,
    agent,
    doctor,
    backup,
    restore,
    undo,
    openapi,
    version,
):
    app.command()(_command)
app.add_typer(task)
app.add_typer(plan)
app.add_typer(cache, name="cache")
app.add_typer(route, name="route")
app.add_typer(tool, name="tool")
app.add_typer(neo4j, name="neo4j")
app.add_typer(key)
app.add_typer(archive)


def main() -> None:
    """Runs the command line; expected errors end it with one line and their exit code."""
    try:
        app()
    except (exits.Stop, EngineError) as error:
        sys.exit(exits.report(error))
