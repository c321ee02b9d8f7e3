"""``agent03 recall``: take outputs back on a running server, with everything that was derived from them."""

from __future__ import annotations

import uuid
from typing import Annotated

import typer

from api.cli.commands import AsJson
from api.environment import engine_key, engine_url


def recall(
    result: Annotated[str, typer.Option(metavar="HASH", help="The hash of an output.")] = "",
    subtask: Annotated[str, typer.Option(metavar="TASK/KEY", help="The subtask that made it.")] = "",
    type: Annotated[str, typer.Option(help="Everything that a subtask type has made.")] = "",
    version: Annotated[str, typer.Option(help="Only that version of its tool.")] = "",
    since: Annotated[str, typer.Option("--from", metavar="TIME", help="Made at this time or later (ISO 8601).")] = "",
    until: Annotated[str, typer.Option(metavar="TIME", help="Made before this time.")] = "",
    reason: Annotated[str, typer.Option(help="Kept with what happens.")] = "",
    yes: Annotated[bool, typer.Option("--yes", help="Do it; without this it is only said what would happen.")] = False,
    as_json: AsJson = False,
) -> None:
    """Take outputs back on a running server (ENGINE_URL): say what was derived from them, or with --yes redo it."""
    from api import recalls
    from api.cli.client import Client
    from api.cli.output import show
    from api.headers import IDEMPOTENCY_KEY

    given = {"result": result, "subtask": subtask, "type": type, "version": version, "from": since, "until": until}
    body = {name: value for name, value in given.items() if value} | {"dry_run": not yes, "reason": reason}
    with Client(engine_url(), engine_key()) as client:
        answer, _ = client.post(recalls.RecallAnswer, "/recall", body, {IDEMPOTENCY_KEY: str(uuid.uuid4())})
    if as_json:
        show(answer.model_dump_json(indent=2, by_alias=True))
        return
    for line in recalls.told(answer):
        show(line)
