"""What the embedded database returns, as JSON: nodes, relationships and paths by kind, times as ISO-8601 texts."""

from __future__ import annotations

import base64
import math
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from engine.model import Json

_INNER = ("_ID", "_LABEL", "_SRC", "_DST")


def plain(value: Any) -> Json:
    """A value as JSON."""
    if isinstance(value, dict):
        return _mapped(value)
    if isinstance(value, (list, tuple)):
        return [plain(one) for one in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    return _number(value) if isinstance(value, Decimal) else _text(value)


def _text(value: Any) -> str:
    if isinstance(value, (date, datetime)):
        return value.isoformat()
    if isinstance(value, timedelta):
        return f"PT{value.total_seconds():g}S"
    if isinstance(value, (bytes, bytearray)):
        return base64.b64encode(value).decode()
    return str(value)


def _number(value: Decimal) -> Json:
    """A sum of whole numbers comes as a decimal one; others stay exact as a text."""
    return int(value) if value == value.to_integral_value() else str(value)


def _mapped(value: dict[Any, Any]) -> Json:
    if "_NODES" in value and "_RELS" in value:
        nodes, relationships = map(plain, value["_NODES"]), map(plain, value["_RELS"])
        return {"kind": "path", "nodes": list(nodes), "relationships": list(relationships)}
    if "_SRC" in value and "_DST" in value:
        ends = {"start": _id(value["_SRC"]), "end": _id(value["_DST"])}
        return {"kind": "relationship", "id": _id(value["_ID"]), "type": value["_LABEL"], **ends} | _properties(value)
    if "_ID" in value and "_LABEL" in value:
        return {"kind": "node", "id": _id(value["_ID"]), "labels": [value["_LABEL"]]} | _properties(value)
    return {str(name): plain(one) for name, one in value.items()}


def _id(inner: dict[str, int]) -> str:
    return f"{inner['table']}:{inner['offset']}"


def _properties(value: dict[str, Any]) -> dict[str, Json]:
    """What is set; the database has a column for every property of a label, null where it is not set."""
    return {"properties": {name: plain(one) for name, one in value.items() if name not in _INNER and one is not None}}
