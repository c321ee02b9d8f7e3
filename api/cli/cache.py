"""``agent03 cache ...``: what a running server (ENGINE_URL) keeps of outputs, to be used again."""

from __future__ import annotations

from typing import Annotated

import typer

from api.cli.commands import AsJson
from api.cli.task import Key, TaskId, server

cache = typer.Typer(
    no_args_is_help=True, help="Look at the outputs that a running server (ENGINE_URL) uses again, or forget them."
)


@cache.command()
def stats(as_json: AsJson = False) -> None:
    """Hits, misses, and what the hits have saved."""
    from api import schemas
    from api.cli.output import show

    with server() as client:
        found = client.get(schemas.CacheStats, "/cache/stats")
    if as_json:
        show(found.model_dump_json(indent=2))
        return
    show(
        f"{found.hits} hits and {found.misses} misses ({found.hit_rate:.0%}); saved {found.saved_seconds:g} s of work\n"
        f"{found.entries} entries with {found.bytes} bytes{'' if found.available else '; Redis does not answer'}"
    )


@cache.command()
def invalidate(
    key: Annotated[str, typer.Option(help="One entry, by its key.")] = "",
    type_: Annotated[str, typer.Option("--type", help="Those of a subtask type.")] = "",
    version: Annotated[str, typer.Option(help="With --type: those of this version of it.")] = "",
    tag: Annotated[str, typer.Option(help="Those of tasks with this tag.")] = "",
) -> None:
    """Forget outputs. How many there were goes to stdout."""
    from api import schemas
    from api.cli.output import show

    body = {name: value for name, value in (("key", key), ("type", type_), ("version", version), ("tag", tag)) if value}
    with server() as client:
        answer, _ = client.post(schemas.Invalidated, "/cache/invalidate", body)
    show(str(answer.removed))


@cache.command()
def explain(task_id: TaskId, key: Key, as_json: AsJson = False) -> None:
    """Say whether a subtask's output is kept, and if not, what differs from the nearest one."""
    from urllib.parse import quote

    from api import schemas
    from api.cli.output import show

    with server() as client:
        path = f"/cache/explain/{quote(task_id, safe='')}/{quote(key, safe='')}"
        found = client.get(schemas.CacheExplanation, path)
    show(found.model_dump_json(indent=2) if as_json else f"{found.verdict}: {found.says}")
