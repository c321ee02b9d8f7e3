"""Parts: their sizes, and when rows may be cut at all."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import InvalidInput
from engine.planning.partition import MOST_PARTS, cut, partition_rows, uniform, why_whole


@given(st.integers(0, 10**7), st.integers(1, 10**6))
def test_parts_cover_every_row_once_and_evenly(rows: int, size: int) -> None:
    parts = cut(rows, size)

    assert [part.offset for part in parts] == [sum(p.rows for p in parts[:n]) for n in range(len(parts))]
    assert sum(part.rows for part in parts) == rows
    assert max(part.rows for part in parts) - min(part.rows for part in parts) <= 1
    assert len(parts) <= MOST_PARTS
    assert len(parts) == MOST_PARTS or max(part.rows for part in parts) <= size


def test_the_size_is_asked_for_learned_or_usual() -> None:
    assert partition_rows({"partition_rows": 5}, 1000.0, 10_000) == 5
    assert partition_rows({}, 30_000.0, 10_000) == 60_000
    assert partition_rows({}, 1.0, 10_000) == 1_000, "not below what starting a part costs"
    assert partition_rows({}, 1e9, 10_000) == 1_000_000
    assert partition_rows({}, None, 10_000) == 10_000
    assert partition_rows({}, 0.0, 10_000) == 10_000


@pytest.mark.parametrize("size", [0, -1, 1.5, "10", True])
def test_a_size_that_is_none_is_refused(size: Any) -> None:
    with pytest.raises(InvalidInput, match="partition_rows"):
        partition_rows({"partition_rows": size}, None, 10)


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"filter": "a > 1", "derive": {"b": "a * 2"}},
        {"aggregate": {"a": "sum(x)", "b": "COUNT(*)", "c": " avg( x + y ) ", "d": 'max("a b")'}, "group_by": ["g"]},
        {"aggregate": {"a": "mean(x)", "b": "min(x)"}, "sort": ["-a"], "limit": 3},
        {"sort": ["a"], "limit": 3, "distinct": True},
        {"sort": ["-a"], "select": ["a", "b"]},
        {"sort": ["z"], "select": ["a"], "rename": {"a": "z"}},
        {"join": {"with": [], "on": ["a"]}},
        {"join": {"with": [], "on": ["a"], "how": "left"}},
    ],
)
def test_what_can_be_split(parameters: dict[str, Any]) -> None:
    assert why_whole(parameters) == ""


@pytest.mark.parametrize(
    ("parameters", "why"),
    [
        ({"sql": "SELECT 1 FROM rows"}, "sql"),
        ({"derive": {"n": "row_number() OVER (ORDER BY a)"}}, "derive looks"),
        ({"filter": "a > (SELECT avg(a) FROM rows)"}, "filter looks"),
        ({"filter": "random() < 0.5"}, "filter looks"),
        ({"join": {"with": [], "how": "full"}}, "join"),
        ({"aggregate": {"m": "median(x)"}}, r"median\(x\) cannot be merged"),
        ({"aggregate": {"m": "count(distinct x)"}}, "count"),
        ({"aggregate": {"m": "max(x, 3)"}}, "max"),
        ({"aggregate": {"m": "sum(x) / count(*)"}}, "sum"),
        ({"aggregate": {"m": "sum(x order by y)"}}, "sum"),
        ({"aggregate": {"m": "sum(x) filter (where y)"}}, "sum"),
        ({"aggregate": {"m": "sum(x)"}, "distinct": True}, "distinct beside aggregate"),
        ({"aggregate": {"m": "sum(x)"}, "select": ["x"]}, "select beside aggregate"),
        ({"group_by": ["x"]}, "group_by without aggregate"),
        ({"sort": ["b"], "select": ["a"]}, "sort uses a column"),
    ],
)
def test_what_must_stay_whole_says_why(parameters: dict[str, Any], why: str) -> None:
    assert why_whole(parameters)
    assert re.search(why, why_whole(parameters))


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([], True),
        ([{"a": 1}, {"a": 2}, {"a": None}, {"b": "x"}], True),
        ([{"a": 1}, {"a": 2.5}], False),
        ([{"a": 1}, {"a": "x"}], False),
        ([{"a": True}, {"a": 1}], False),
        ([{"a": 1}, 5], False),
    ],
)
def test_columns_of_one_kind(rows: list[Any], expected: bool) -> None:
    assert uniform(rows) is expected
