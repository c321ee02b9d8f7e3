"""JSON Schemas that arrive as data: whether one is a schema, and where a value does not fit it.

Offline: a ``$ref`` to an address or a file is a fault of the schema and is never fetched. Patterns may go
back only so often, so that none holds the engine up.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING

from engine.model import Json
from engine.tools.faults import Faults

if TYPE_CHECKING:
    from jsonschema_rs import Validator

MOST_FAULTS = 100
"""Faults that are listed; nobody reads more."""
_BACKTRACKS = 100_000
_HEAD, _TAIL = 60, 140


class SchemaFault(ValueError):
    """The schema is none; the message says why and ``path`` where."""

    def __init__(self, message: str, *path: str | int) -> None:
        super().__init__(message)
        self.path = path


def check_schema(schema: Json) -> None:
    """Raises ``SchemaFault`` when this is no JSON Schema, or one that is not complete in itself."""
    validator(schema)


def faults(schema: Json, value: Json, most: int = MOST_FAULTS) -> Faults:
    """Where ``value`` does not fit, as (path, message), in the order of the value; empty when it fits.

    Raises:
        SchemaFault: the schema is none.
    """
    return list(islice(_faults(validator(schema), value), most))


def schema_checker(schema: Json) -> SchemaChecker:
    """The same for many values of one schema; raises ``SchemaFault``."""
    return SchemaChecker(validator(schema))


class SchemaChecker:
    """Checks values against one schema, which is read once."""

    def __init__(self, validator: Validator) -> None:
        self._validator = validator

    def faults(self, value: Json, most: int = MOST_FAULTS) -> Faults:
        """Where ``value`` does not fit; empty when it fits."""
        return [] if self._validator.is_valid(value) else list(islice(_faults(self._validator, value), most))


def validator(schema: Json) -> Validator:
    """The library's own judge of a schema, for whoever needs more of a fault than its place; raises ``SchemaFault``."""
    import jsonschema_rs  # costs a few megabytes that only who has a schema needs

    try:
        patterns = jsonschema_rs.FancyRegexOptions(backtrack_limit=_BACKTRACKS)
        return jsonschema_rs.validator_for(schema, offline=True, pattern_options=patterns)
    except jsonschema_rs.ValidationError as error:
        raise SchemaFault(f"is no JSON Schema: {_short(error.message)}", *error.instance_path) from None
    except (ValueError, TypeError) as error:
        raise SchemaFault(f"is no JSON Schema: {_short(str(error))}") from None


def _faults(validator: Validator, value: Json) -> Iterator[tuple[tuple[str | int, ...], str]]:
    for error in validator.iter_errors(value):
        yield tuple(error.instance_path), _short(error.message)


def _short(text: str) -> str:
    """Begin and end of a message: it begins with the value, which may be a whole document, and ends with the fault."""
    return text if len(text) <= _HEAD + _TAIL else f"{text[:_HEAD]}...{text[-_TAIL:]}"
