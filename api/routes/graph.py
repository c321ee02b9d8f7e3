"""Questions to the graph itself, in Cypher that only reads; and those that are saved."""

from __future__ import annotations

from typing import Any, Literal

from fastapi import APIRouter, Request, Response
from pydantic import Field

from api import schemas
from api.openapi import problems
from api.raw import document_of, json_response
from api.routes import TheEngine, TheSettings
from api.verbs import VerbBody, body_of, read_body
from engine.queries.asking import SavedQuery, Table
from engine.queries.guard import MOST_CHARACTERS

router = APIRouter(prefix="/graph", tags=["graph"])


class GraphQuery(VerbBody):
    """A question in Cypher."""

    cypher: str = Field(min_length=1, max_length=MOST_CHARACTERS)
    """One query of MATCH, OPTIONAL MATCH, UNWIND, WITH, WHERE, RETURN, ORDER BY, SKIP, LIMIT, UNION, and CALL { } of
    these. The dialect is that of the graph that the engine runs on.
    """
    parameters: dict[str, Any] = Field(default_factory=dict)
    """By name, what ``$name`` stands for in the query."""


class SavedQueryCall(VerbBody):
    """What a saved query is asked with."""

    parameters: dict[str, str | int] = Field(default_factory=dict)
    """By name; ``GET /graph/queries`` says which there are."""


ASKED = {"cypher": "MATCH (t:Task {status: $status}) RETURN t.id AS id, t.name AS name ORDER BY id DESC LIMIT 10"}
QUERY_EXAMPLE = {**ASKED, "parameters": {"status": "failed"}}
CALL_EXAMPLE = {"parameters": {"limit": 10}}


@router.post(
    "/query",
    response_model=None,
    openapi_extra=body_of(GraphQuery, QUERY_EXAMPLE),
    responses=problems(400, 413, 415, 429, 503) | document_of(schemas.QueryAnswer),
)
async def query_graph(request: Request, engine: TheEngine, settings: TheSettings) -> Response:
    """Runs Cypher that only reads. It sees the whole database, every namespace in it, whoever asks.

    Bounded to 5 seconds, 1,000 rows and 4 MiB: what exceeds rows or bytes is cut and says so (``truncated``), what
    takes too long or too much memory is refused (400, ``query-too-costly``). At most two queries run at a time.
    """
    asked = await read_body(request, GraphQuery, settings.max_body_bytes)
    return _answered(await engine.desk.query(asked.cypher, asked.parameters), "database")


@router.get("/queries", responses=problems(503))
async def list_graph_queries(engine: TheEngine) -> schemas.SavedQueries:
    """The saved queries: what each is for, what it takes and returns, and its text."""
    return schemas.SavedQueries(queries=[_saved(query) for query in engine.desk.saved()])


@router.post(
    "/queries/{name}",
    response_model=None,
    openapi_extra=body_of(SavedQueryCall, CALL_EXAMPLE),
    responses=problems(400, 404, 413, 415, 429, 503) | document_of(schemas.QueryAnswer),
)
async def run_graph_query(request: Request, engine: TheEngine, settings: TheSettings, name: str) -> Response:
    """Runs a saved query within this engine's namespace; bounded as ``POST /graph/query`` is."""
    asked = await read_body(request, SavedQueryCall, settings.max_body_bytes)
    return _answered(await engine.desk.run(name, asked.parameters), "namespace")


def _answered(table: Table, sees: Literal["database", "namespace"]) -> Response:
    cut = {"truncated": bool(table.cut), "detail": table.cut or None, "sees": sees}
    return json_response({"columns": table.columns, "rows": table.rows, **cut})


def _saved(query: SavedQuery) -> schemas.SavedQueryView:
    return schemas.SavedQueryView(
        name=query.name,
        purpose=query.purpose,
        parameters=list(query.parameters),
        defaults=dict(query.defaults),
        returns=query.returns,
        cypher=query.text,
    )
