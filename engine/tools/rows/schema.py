"""JSON Schema for rows. The only file that knows jsonschema_rs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from engine.model import Json
from engine.tools.rows.typed import Findings

_KINDS = {"integer", "number", "boolean", "string", "array", "object"}


class SchemaFault(ValueError):
    """The schema itself is at fault."""


class RowSchema:
    """Judges rows, one by one. References to other documents are not followed.

    A column that is null counts as missing unless its own schema speaks of null: a table cannot tell the two apart.
    """

    def __init__(self, schema: Mapping[str, Json]) -> None:
        import jsonschema_rs

        try:
            self._validator = jsonschema_rs.validator_for(
                dict(schema), offline=True, pattern_options=jsonschema_rs.RegexOptions()
            )
        except (ValueError, jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError) as error:
            raise SchemaFault(str(error).splitlines()[0]) from None
        properties = schema.get("properties")
        self._properties = properties if isinstance(properties, dict) else {}
        self._nullable = {name for name, found in self._properties.items() if _speaks_of_null(found)}

    def kinds(self) -> dict[str, str]:
        """The types of the columns that have exactly one, null apart."""
        found = {name: _kind(schema) for name, schema in self._properties.items()}
        return {name: kind for name, kind in found.items() if kind}

    def judge(self, rows: Iterable[tuple[int, dict[str, Json]]], findings: Findings) -> None:
        """Adds the faults of numbered rows."""
        for number, row in rows:
            shown = self._shown(row)
            if not self._validator.is_valid(shown):
                self._explain(number, shown, findings)

    def _shown(self, row: dict[str, Json]) -> dict[str, Json]:
        return {name: value for name, value in row.items() if value is not None or name in self._nullable}

    def _explain(self, number: int, row: dict[str, Json], findings: Findings) -> None:
        for error in self._validator.iter_errors(row):
            findings.add(number, _column(error), str(error.message)[:300])


def _column(error: Any) -> str | None:
    """The column of a fault: where it is, or the one that is missing."""
    if error.instance_path:
        return str(error.instance_path[0])
    missing = getattr(error.kind, "property", None)
    return missing if isinstance(missing, str) else None


def _types(schema: Json) -> list[Json]:
    found = schema.get("type") if isinstance(schema, dict) else None
    return found if isinstance(found, list) else [found]


def _kind(schema: Json) -> str | None:
    kinds = [kind for kind in _types(schema) if kind != "null"]
    return kinds[0] if len(kinds) == 1 and kinds[0] in _KINDS else None


def _speaks_of_null(schema: Json) -> bool:
    if not isinstance(schema, dict):
        return False
    choices = [choice for word in ("anyOf", "oneOf") for choice in schema.get(word) or [] if isinstance(choice, dict)]
    return "null" in _types(schema) or None in (schema.get("enum") or []) or any(map(_speaks_of_null, choices))
