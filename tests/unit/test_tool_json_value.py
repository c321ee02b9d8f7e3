"""What counts as JSON."""

from __future__ import annotations

import json
from enum import IntEnum, StrEnum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.tools.json_value import NotJson, plain

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
)


class Colour(StrEnum):
    """A subclass of str."""

    RED = "red"


class Level(IntEnum):
    """A subclass of int."""

    HIGH = 3


@given(JSON)
def test_a_json_value_stays_what_it_is(value: Any) -> None:
    assert plain(value) == value
    assert json.loads(json.dumps(plain(value), allow_nan=False)) == value


def test_tuples_and_subclasses_become_plain() -> None:
    found: Any = plain({"a": (1, Level.HIGH, Colour.RED), Colour.RED: True})
    assert found == {"a": [1, 3, "red"], "red": True}
    assert [type(item) for item in found["a"]] == [int, int, str]


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"a": [1, object()]}, r"a object is no JSON value at /a/1"),
        ({1: 2}, r"the key 1 is no text"),
        ([float("nan")], r"nan is no JSON number at /0"),
        (float("-inf"), r"-inf is no JSON number"),
        ({"a": "\ud800"}, r"lone surrogate at /a"),
        ({"\ud800": 1}, r"lone surrogate"),
        pytest.param(10**4300, r"more than 4300 digits", id="long integer"),
        (b"bytes", r"a bytes is no JSON value"),
        ({1, 2}, r"a set is no JSON value"),
    ],
)
def test_everything_else_is_refused_with_its_place(value: object, message: str) -> None:
    with pytest.raises(NotJson, match=message):
        plain(value)


def test_a_value_that_contains_itself_is_refused() -> None:
    endless: list[object] = []
    endless.append(endless)
    with pytest.raises(NotJson, match="contains itself"):
        plain(endless)


def test_the_longest_integer_passes() -> None:
    assert plain(10**4299) == 10**4299
