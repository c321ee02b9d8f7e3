"""Which schemas the API can hold an answer to, checked against what the SDK does with them."""

from __future__ import annotations

from typing import Any

import pytest
from anthropic import transform_schema
from hypothesis import given
from hypothesis import strategies as st

from engine.adapters.claude_format import enforceable, told

TEXT = {"type": "string"}
CLOSED = {"type": "object", "properties": {"a": TEXT}}
SCHEMAS = st.recursive(
    st.sampled_from([TEXT, {"type": "integer", "minimum": 1}, {"enum": ["a", None]}, {"const": 1}, {"type": "object"}])
    | st.sampled_from([{}, {"type": ["string", "null"]}, {"$ref": "#/$defs/x"}, {"enum": [[1]]}, True, {"type": "x"}]),
    lambda inner: (
        st.builds(lambda items: {"type": "array", "items": items}, inner)
        | st.builds(lambda one, two: {"anyOf": [one, two]}, inner, inner)
        | st.builds(lambda one: {"allOf": [one]}, inner)
        | st.builds(lambda a, b: {"type": "object", "properties": {"a": a, "b": b}, "required": ["a"]}, inner, inner)
        | st.builds(
            lambda a, more: {"type": "object", "properties": {"a": a}, "additionalProperties": more}, inner, inner
        )
    ),
    max_leaves=5,
)


def _object(**fields: Any) -> dict[str, Any]:
    return {"type": "object", "properties": fields}


@pytest.mark.parametrize(
    "schema",
    [
        CLOSED,
        CLOSED | {"additionalProperties": False, "required": ["a"]},
        _object(a={"type": "array", "items": CLOSED}),
        _object(a={"anyOf": [TEXT, {"type": "null"}], "description": "maybe"}),
        _object(a={"enum": ["x", "y"]}, b={"const": 3}),
        _object(a={"$ref": "#/$defs/x"}) | {"$defs": {"x": CLOSED}},
    ],
)
def test_these_can_be_held(schema: dict[str, Any]) -> None:
    assert enforceable(schema)


@pytest.mark.parametrize(
    "schema",
    [
        {},
        True,
        TEXT,
        {"type": "array", "items": TEXT},
        {"type": "object"},
        _object(a={"type": "object"}),
        _object(a={"type": "array"}),
        _object(a={"type": ["string", "null"]}),
        _object(a={"type": "date"}),
        _object(a={}),
        _object(a=True),
        _object(a={"enum": [{"x": 1}]}),
        _object(a={"anyOf": [TEXT], "type": "object", "properties": {"b": TEXT}}),
        _object(a={"allOf": [CLOSED]}),
        _object(a=TEXT) | {"additionalProperties": True},
        _object(a=TEXT) | {"additionalProperties": TEXT},
        _object(a=TEXT) | {"patternProperties": {"^x": TEXT}},
        _object(a=TEXT) | {"required": ["b"]},
        _object(a={"$ref": "#/$defs/x"}) | {"$defs": {"x": _object(b={"$ref": "#/$defs/x"})}},
        _object(a={"$ref": "#/$defs/y"}) | {"$defs": {"x": CLOSED}},
        _object(a={"$ref": "#/$defs/x"}) | {"$defs": 3},
        _object(a={"$ref": "http://example.com/x"}),
    ],
)
def test_these_would_change_their_meaning(schema: Any) -> None:
    assert not enforceable(schema)


@given(SCHEMAS)
def test_what_can_be_held_passes_the_sdk(schema: Any) -> None:
    whole = _object(a=schema) | {"$defs": {"x": CLOSED}}
    if enforceable(whole):
        assert transform_schema(whole)["additionalProperties"] is False


def test_a_schema_in_words_holds_it_whole() -> None:
    assert '{"properties":{"a":{"type":"string"}},"type":"object"}' in told(CLOSED)
