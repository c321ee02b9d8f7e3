"""``agent03 tool ...``: the types of subtasks of a running server (ENGINE_URL), and their breakers."""

from __future__ import annotations

from typing import Annotated

import typer

from api.cli.commands import AsJson
from api.cli.task import server

tool = typer.Typer(no_args_is_help=True, help="Look at what a running server (ENGINE_URL) can call, and reset it.")


@tool.command(name="list")
def list_(as_json: AsJson = False) -> None:
    """List the types of subtasks: what runs of each, its limits, and what is broken."""
    from api import schemas
    from api.cli.output import show

    with server() as client:
        found = client.get(schemas.Tools, "/tools")
    if as_json:
        show(found.model_dump_json(indent=2))
        return
    for one in found.tools:
        said = [f"{one.running} running"] + [f"at most {one.limit}"] * (one.limit is not None)
        said += [one.rate] if one.rate else []
        said += [f"{broken.state} until {broken.until}: {broken.key}, {broken.reason}" for broken in one.breakers]
        show(f"{one.name:24} {'; '.join(said)}")


@tool.command()
def reset(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The type of subtask.")],
    endpoint: Annotated[str, typer.Option(help="Only what it calls there, as host or host:port.")] = "",
) -> None:
    """Close the breakers of a type: what they held back goes on at once."""
    from urllib.parse import quote

    from api import schemas
    from api.cli.output import show

    with server() as client:
        body = {"endpoint": endpoint} if endpoint else {}
        answer, _ = client.post(schemas.ToolView, f"/tools/{quote(name, safe='')}/reset", body)
    show(f"{answer.name}: {len(answer.breakers)} breakers open")
