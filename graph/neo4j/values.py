"""What Neo4j returns, as JSON: nodes, relationships and paths by kind, times as ISO-8601 texts."""

from __future__ import annotations

import base64
import math
from typing import Any

from engine.model import Json


def plain(value: Any) -> Json:
    """A value as JSON."""
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, dict):
        return {name: plain(one) for name, one in value.items()}
    if isinstance(value, list):
        return [plain(one) for one in value]
    return _of_graph(value)


def _of_graph(value: Any) -> Json:
    """Told apart by what it has: the driver's classes stay in ``graph.neo4j.connection``."""
    if hasattr(value, "start_node") and hasattr(value, "nodes"):
        if hasattr(value, "type"):
            return _relationship(value)
        nodes, relationships = map(plain, value.nodes), map(plain, value.relationships)
        return {"kind": "path", "nodes": list(nodes), "relationships": list(relationships)}
    if hasattr(value, "labels"):
        return {"kind": "node", "id": value.element_id, "labels": sorted(value.labels)} | _properties(value)
    if hasattr(value, "iso_format"):
        return str(value.iso_format())
    if hasattr(value, "srid"):
        return {"kind": "point", "srid": value.srid, "coordinates": list(value)}
    if isinstance(value, (bytes, bytearray)):
        return base64.b64encode(value).decode()
    return str(value)


def _relationship(value: Any) -> Json:
    ends = {"start": value.start_node.element_id, "end": value.end_node.element_id}
    return {"kind": "relationship", "id": value.element_id, "type": value.type, **ends} | _properties(value)


def _properties(value: Any) -> dict[str, Json]:
    return {"properties": {name: plain(one) for name, one in value.items()}}
