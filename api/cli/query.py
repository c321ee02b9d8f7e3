"""``agent03 query``: questions to the graph of a running server, saved ones by name, others as Cypher on stdin."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from api.cli.commands import AsJson

if TYPE_CHECKING:
    from api.schemas import QueryAnswer

STDIN = "-"


def query(
    name: Annotated[
        str,
        typer.Argument(metavar="[NAME|-]", help="A saved query; - for Cypher on stdin; without it they are listed."),
    ] = "",
    given: Annotated[
        list[str] | None, typer.Argument(metavar="NAME=VALUE...", help="Parameters; a value is JSON, else a text.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Ask the graph of a running server (ENGINE_URL), in Cypher that only reads. Rows go to stdout, tab-separated."""
    from urllib.parse import quote

    from api import schemas
    from api.cli.output import say, show
    from api.cli.task import server

    parameters = dict(_parameter(text) for text in given or ())
    with server() as client:
        if not name:
            for saved in client.get(schemas.SavedQueries, "/graph/queries").queries:
                show("\t".join([saved.name, " ".join([*saved.parameters, *saved.defaults]), saved.purpose]))
            return
        asked = {"cypher": sys.stdin.read()} if name == STDIN else {}
        path = "/graph/query" if name == STDIN else f"/graph/queries/{quote(name, safe='')}"
        answer, _ = client.post(schemas.QueryAnswer, path, asked | {"parameters": parameters})
    show(answer.model_dump_json(indent=2) if as_json else _table(answer))
    if answer.truncated:
        say(str(answer.detail))


def _parameter(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals:
        raise typer.BadParameter(f"{text!r} should be NAME=VALUE")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


def _table(answer: QueryAnswer) -> str:
    rows = [[value if isinstance(value, str) else json.dumps(value) for value in row] for row in answer.rows]
    return "\n".join("\t".join(cells) for cells in [answer.columns, *rows])
