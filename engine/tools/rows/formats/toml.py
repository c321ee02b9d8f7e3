"""TOML. Rows are an array of tables called ``rows``. The only file that knows tomli_w."""

from __future__ import annotations

import tomllib
from datetime import date, datetime, time

from engine.model import Json
from engine.tools.json_value import NotJson, plain
from engine.tools.rows.formats.fault import FormatFault


def read(text: str) -> Json:
    """The table, or the rows where it holds nothing but one array of tables. Dates become text."""
    try:
        found = plain(_with_texts(tomllib.loads(text)))
    except (tomllib.TOMLDecodeError, NotJson) as error:
        raise FormatFault(str(error)) from None
    assert isinstance(found, dict)
    (only, *others) = found.values() if found else (None,)
    return only if not others and isinstance(only, list) and all(isinstance(row, dict) for row in only) else found


def write(value: Json) -> str:
    """A table; rows become ``[[rows]]``. TOML knows no null: such fields are left out."""
    import tomli_w

    table = value if isinstance(value, dict) else {"rows": value}
    return tomli_w.dumps(_without_null(table))


def _with_texts(value: object) -> object:
    if isinstance(value, dict):
        return {name: _with_texts(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_with_texts(item) for item in value]
    return value.isoformat() if isinstance(value, (datetime, date, time)) else value


def _without_null(value: Json) -> Json:
    if isinstance(value, dict):
        return {name: _without_null(item) for name, item in value.items() if item is not None}
    if isinstance(value, list):
        if None in value:
            raise FormatFault("TOML has no null, and a list holds one")
        return [_without_null(item) for item in value]
    return value
