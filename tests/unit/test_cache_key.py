"""The key of a cached result: equal for equal inputs however they are written, different for everything else."""

from __future__ import annotations

import math

import pytest

from engine.adapters.redis import RedisConnection
from engine.caching.service import CacheService
from engine.model import Json

CACHE = CacheService(RedisConnection(""))
INPUT = {"rows": [{"id": 1, "price": 2.5}], "limit": 10}


def key(value: Json, type: str = "sum", version: str = "1") -> str:
    return CACHE.generate_cache_key(type, value, version)


def test_a_key_names_the_type_and_a_hash() -> None:
    task, type_, digest = key(INPUT).split(":")

    assert (task, type_, len(digest)) == ("task", "sum", 64)


@pytest.mark.parametrize(
    "one, other",
    [
        ({"a": 1, "b": {"c": 2, "d": 3}}, {"b": {"d": 3, "c": 2}, "a": 1}),
        ({"a": 1}, {"a": 1.0}),
        ([0], [-0.0]),
        ([100], [1e2]),
        ([10**22], [1e22]),
        ((1, 2), [1, 2]),
    ],
)
def test_equal_inputs_have_one_key(one: Json, other: Json) -> None:
    assert key(one) == key(other)


@pytest.mark.parametrize(
    "one, other",
    [
        (1, True),
        (0, False),
        (1, "1"),
        (None, "null"),
        ([1, 2], [2, 1]),
        ({"a": 1}, {"a": 1, "b": None}),
        (0.1, 0.2),
        ({"a": {"b": 1}}, {"a": [["b", 1]]}),
        (2**63, 2**63 + 1),
    ],
)
def test_different_inputs_have_different_keys(one: Json, other: Json) -> None:
    assert key(one) != key(other)


def test_another_type_version_or_environment_has_another_key() -> None:
    other = CACHE.generate_cache_key("sum", INPUT, "1", {"numpy": "2"})
    assert len({key(INPUT), key(INPUT, type="mean"), key(INPUT, version="2"), other}) == 4


@pytest.mark.parametrize("value", [math.nan, [math.inf], {1: "a"}, {"a": {3, 4}}, b"bytes"])
def test_what_is_no_json_has_no_key(value: Json) -> None:
    with pytest.raises(ValueError, match="no cache key for this input of sum"):
        key(value)


def test_a_value_inside_itself_has_no_key() -> None:
    endless: list[Json] = []
    endless.append(endless)

    with pytest.raises(ValueError, match="no cache key"):
        key(endless)
