"""Values of the database as JSON values: integers of any size, text for dates, nested values as they were."""

from __future__ import annotations

import base64
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import msgspec

from engine.model import Json

Decode = Callable[[Any], Json]
_AS_IT_IS = {"BOOLEAN", "VARCHAR", "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT"} | {
    "UTINYINT",
    "USMALLINT",
    "UINTEGER",
    "UBIGINT",
    "UHUGEINT",
}


def objects(names: Sequence[str], types: Sequence[str], tuples: Iterable[tuple[Any, ...]]) -> Iterator[dict[str, Json]]:
    """Rows as JSON objects."""
    decoders = [(index, decode) for index, kind in enumerate(types) if (decode := _decoder(kind))]
    for values in tuples:
        row = dict(zip(names, values, strict=True))
        for index, decode in decoders:
            if values[index] is not None:
                row[names[index]] = decode(values[index])
        yield row


def json_value(found: object) -> Json:
    """Any value that the database gives."""
    if found is None or isinstance(found, (bool, int, str)):
        return found
    if isinstance(found, float):
        return found if math.isfinite(found) else None
    if isinstance(found, Decimal):
        return _of_decimal(found)
    if isinstance(found, (list, tuple)):
        return [json_value(item) for item in found]
    if isinstance(found, dict):
        return {str(key): json_value(item) for key, item in found.items()}
    return _as_text(found)


def _decoder(kind: str) -> Decode | None:
    if kind in _AS_IT_IS:
        return None
    return _of_json if kind == "JSON" else json_value


def _of_json(found: Any) -> Json:
    try:
        return msgspec.json.decode(found)
    except (ValueError, RecursionError):  # a number that no float holds: its text says more than nothing
        return str(found)


def _of_decimal(found: Decimal) -> Json:
    if not found.is_finite():
        return None
    exponent = found.as_tuple().exponent
    return int(found) if isinstance(exponent, int) and exponent >= 0 else float(found)


def _as_text(found: object) -> str:
    if isinstance(found, datetime):
        return found.isoformat(sep=" ")
    if isinstance(found, (date, time)):
        return found.isoformat()
    if isinstance(found, timedelta):
        return f"{found.total_seconds()} s"
    return base64.b64encode(found).decode() if isinstance(found, (bytes, bytearray)) else str(found)
