"""Rows as text in a format, as Parquet, or as a file below the roots."""

from __future__ import annotations

import base64
from typing import Any, Literal

from engine.model import Json
from engine.toolport import RunContext
from engine.tools.rows.census import quoted, text
from engine.tools.rows.faults import in_source
from engine.tools.rows.formats import render
from engine.tools.rows.source import Origin
from engine.tools.rows.table import Table
from engine.tools.rows.workshop import Desk
from engine.tools.write_file import WriteFile

Target = Literal["csv", "json", "ndjson", "yaml", "toml", "xml", "markdown", "html", "parquet"]


def encoded(desk: Desk, value: Json, to: str) -> bytes:
    """The bytes of a value in a format."""
    return _parquet(desk, value) if to == "parquet" else render(value, to).encode()


async def delivered(data: bytes, to: str, to_path: str | None, writer: WriteFile, context: RunContext) -> Any:
    """{"text" or "base64" or "path", "format", "bytes"}."""
    beside = {"format": to, "bytes": len(data)}
    if to_path is not None:
        content = base64.b64encode(data).decode()
        await writer.run({"path": to_path, "content": content, "encoding": "base64"}, context)
        return {"path": to_path, **beside}
    if to == "parquet":
        return {"base64": base64.b64encode(data).decode(), **beside}
    return {"text": data.decode(), **beside}


def _parquet(desk: Desk, value: Json) -> bytes:
    table, _ = desk.load(Origin(data=value), "for_parquet")
    path = desk.folder / "out.parquet"
    columns = ", ".join(_column(table, name) for name in table.columns) or "NULL AS nothing"
    with in_source("parquet"):
        desk.database.run(
            f'COPY (SELECT {columns} FROM {quoted(table.name)} ORDER BY "__row") TO {text(str(path))} (FORMAT parquet)'
        )
    return path.read_bytes()


def _column(table: Table, name: str) -> str:
    """Parquet has no integers beyond 64 bits: they become decimals without places, and text beyond 38 digits."""
    x = quoted(name)
    if table.columns[name] != "HUGEINT":
        return x
    bound = 10**38
    ((fits,),) = table.database.rows(f"SELECT bool_and(abs({x}) < {bound}::HUGEINT) FROM {quoted(table.name)}")
    return f"CAST({x} AS {'DECIMAL(38, 0)' if fits else 'VARCHAR'}) AS {x}"
