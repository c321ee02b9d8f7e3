"""Questions to the graph in Cypher, and their answers."""

from __future__ import annotations

from typing import Any, Literal

from api.schemas.base import Wire


class QueryAnswer(Wire):
    """Columns and rows. Nodes (``kind, id, labels, properties``), relationships (``kind, id, type, start, end,
    properties``) and paths (``kind, nodes, relationships``) are objects that say so in ``kind``; times are ISO-8601
    texts, bytes base64.
    """

    columns: list[str]
    rows: list[list[Any]]
    truncated: bool
    """There are more rows; ``detail`` says which limit was met."""
    detail: str | None
    sees: Literal["database", "namespace"]
    """``database``: everything in it, also what belongs to other namespaces; ``namespace``: this engine's alone."""


class SavedQueryView(Wire):
    """A query of ours."""

    name: str
    purpose: str
    parameters: list[str]
    """Those that have to be given; each is a text."""
    defaults: dict[str, str | int]
    """Those that may be, and what they are without."""
    returns: str
    cypher: str


class SavedQueries(Wire):
    """What can be asked by name."""

    queries: list[SavedQueryView]
