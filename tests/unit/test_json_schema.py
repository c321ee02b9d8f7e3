"""Schemas that arrive as data: told apart from what is none, never fetched, and quick to say where a value is wrong."""

from __future__ import annotations

import time
from typing import Any

import pytest

from engine.tools.json_schema import SchemaFault, check_schema, faults, schema_checker

ROWS = {"type": "array", "items": {"type": "object", "required": ["id"], "properties": {"n": {"minimum": 3}}}}


@pytest.mark.parametrize(
    ("schema", "path", "message"),
    [
        ({"type": "strin"}, ("type",), "strin"),
        ({"properties": {"a": {"pattern": "("}}}, ("properties", "a", "pattern"), "regex"),
        ({"$ref": "#/nope"}, (), "/nope"),
        ({"$schema": "https://example.com/own"}, (), "Unknown meta-schema"),
        (3, (), "3 is not of types"),
        ({"default": {1}}, (), "Unsupported type"),
    ],
)
def test_what_is_no_schema_is_told_with_its_place(schema: Any, path: tuple[str, ...], message: str) -> None:
    with pytest.raises(SchemaFault, match=message) as caught:
        check_schema(schema)
    assert caught.value.path == path
    assert str(caught.value).startswith("is no JSON Schema: ")


@pytest.mark.parametrize("address", ["http://127.0.0.1:9/schema", "file:///etc/hostname"])
def test_a_reference_outside_is_never_fetched(address: str) -> None:
    with pytest.raises(SchemaFault, match="Retrieval is disabled"):
        check_schema({"$ref": address})


def test_faults_are_told_with_their_places() -> None:
    assert faults(ROWS, [{"id": 1}, {"n": 5}, {"id": 2, "n": 1}]) == [
        ((1,), '"id" is a required property'),
        ((2, "n"), "1 is less than the minimum of 3"),
    ]
    assert faults(ROWS, []) == []
    assert faults(False, 1)


def test_many_values_of_one_schema() -> None:
    checker = schema_checker({"type": "integer", "maximum": 5})
    assert [len(checker.faults(value)) for value in (1, 6, "x", 10**40)] == [0, 1, 1, 1]


def test_only_the_first_faults_are_listed() -> None:
    assert len(faults(ROWS, [{}] * 500)) == 100
    assert len(faults(ROWS, [{}] * 500, 3)) == 3


def test_a_message_does_not_repeat_a_whole_document() -> None:
    ((_, message),) = faults({"type": "integer"}, {"text": "x" * 10_000})
    assert len(message) < 250
    assert message.endswith('is not of type "integer"')


def test_a_pattern_cannot_hold_it_up() -> None:
    started = time.process_time()
    assert faults({"pattern": "^(?=a)(a|aa)+$"}, "a" * 5_000 + "b")
    assert time.process_time() - started < 1.0
