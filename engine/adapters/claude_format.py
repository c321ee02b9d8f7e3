"""Which JSON Schemas the API can hold an answer to. Pure.

The SDK rewrites what the API cannot take, and some of that changes the meaning: an object without listed fields may
then have none at all, a list of types is an error. Such a schema is better told to the model in words.
"""

from __future__ import annotations

import msgspec

from engine.model import Json

_COMBINED = ("anyOf", "oneOf")
_REFUSED = ("allOf", "not", "if", "patternProperties", "prefixItems", "definitions", "$dynamicRef", "dependentSchemas")
_TYPES = frozenset({"string", "integer", "number", "boolean", "null"})


def enforceable(schema: Json) -> bool:
    """Whether the API can hold an answer to this schema, apart from bounds and patterns."""
    if not isinstance(schema, dict) or schema.get("type") != "object":
        return False
    definitions = schema.get("$defs", {})
    return isinstance(definitions, dict) and _fits(schema, definitions, ())


def told(schema: Json) -> str:
    """The same in words, for the end of a system prompt."""
    text = msgspec.json.encode(schema, order="deterministic").decode()
    return f"Answer with one JSON value and nothing else, without a code fence. It follows this JSON Schema:\n{text}"


def _fits(schema: Json, definitions: dict[str, Json], inside: tuple[str, ...]) -> bool:
    """``inside`` are the references that lead here: the API takes no recursion."""
    if not isinstance(schema, dict) or any(word in schema for word in _REFUSED):
        return False
    if "$ref" in schema:
        return _refers(schema["$ref"], definitions, inside)
    for word in _COMBINED:
        if word in schema:
            branches = schema[word]
            plain = schema.keys() <= {word, "title", "description", "default"} and isinstance(branches, list)
            return plain and all(_fits(branch, definitions, inside) for branch in branches)
    if "enum" in schema or "const" in schema:
        values = schema.get("enum", [schema.get("const")])
        return isinstance(values, list) and not any(isinstance(value, (dict, list)) for value in values)
    return _typed(schema, definitions, inside)


def _refers(reference: Json, definitions: dict[str, Json], inside: tuple[str, ...]) -> bool:
    name = reference.removeprefix("#/$defs/") if isinstance(reference, str) else ""
    if name not in definitions or name in inside or len(inside) > 20:
        return False
    return _fits(definitions[name], definitions, (*inside, name))


def _typed(schema: dict[str, Json], definitions: dict[str, Json], inside: tuple[str, ...]) -> bool:
    kind = schema.get("type")
    if kind == "array":
        return _fits(schema.get("items"), definitions, inside)
    if kind != "object":
        return isinstance(kind, str) and kind in _TYPES
    fields = schema.get("properties")
    if not isinstance(fields, dict) or not fields or schema.get("additionalProperties", False) is not False:
        return False
    required = schema.get("required", [])
    known = isinstance(required, list) and all(name in fields for name in required)
    return known and all(_fits(field, definitions, inside) for field in fields.values())
