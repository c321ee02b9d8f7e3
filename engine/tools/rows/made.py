"""Rows made in memory, put into a database that may be locked already: they come as parameters, not as a file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import count

import msgspec

from engine.model import Json
from engine.tools.rows.census import quoted
from engine.tools.rows.database import Database
from engine.tools.rows.raw import Raw, checked_names
from engine.tools.rows.table import ROW, Table
from engine.tools.rows.typed import typed_rows

_NUMBERS = count(1)


def made_table(database: Database, rows: Sequence[Mapping[str, Json]]) -> Table:
    """A table of them, in their order."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    checked_names(names, "the result")
    name = f"made{next(_NUMBERS)}"
    values = [[_text(row.get(column)) for row in rows] for column in names]
    parts = [f"unnest(${index}::VARCHAR[])::JSON AS {quoted(column)}" for index, column in enumerate(names, 1)]
    if not names:
        values, parts = [[None] * len(rows)], ['unnest($1::VARCHAR[]) AS "__nothing"']
    left_out = "" if names else ' EXCLUDE ("__nothing")'
    database.run(
        f"CREATE TABLE {quoted(name + '_raw')} AS SELECT row_number() OVER () AS {quoted(ROW)}, *{left_out} "
        f"FROM (SELECT {', '.join(parts)})",
        values,
    )
    return typed_rows(Raw(database, f"{name}_raw", names, "json"), name)[0]


def _text(value: Json) -> str | None:
    return None if value is None else msgspec.json.encode(value).decode()
