"""The queries under ``cypher/saved``, for people: each sees one namespace, and its header says what it takes."""

from __future__ import annotations

import msgspec

from engine.queries.asking import SavedQuery
from graph import catalog
from graph.catalog import CatalogError, Statement

GIVEN = "namespace"
"""A parameter that the engine fills in."""


def saved_queries(dialect: str) -> list[SavedQuery]:
    """Those of a dialect, by name. Raises ``CatalogError`` for a header that is not in order."""
    return [_query(statement) for statement in catalog.folder(dialect, "saved")]


def _query(statement: Statement) -> SavedQuery:
    try:
        defaults = msgspec.json.decode(statement.fields.get("defaults", "{}"), type=dict[str, str | int])
    except msgspec.DecodeError as error:
        raise CatalogError(f"cypher/{statement.name}.cypher: defaults are no JSON object: {error}") from None
    needed = statement.params - defaults.keys() - {GIVEN}
    return SavedQuery(
        statement.name.removeprefix("saved/"),
        statement.purpose,
        tuple(sorted(needed)),
        defaults,
        statement.returns,
        statement.text,
        statement.fields.get("follows", ""),
    )
