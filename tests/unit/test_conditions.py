"""``run_if`` expressions: what is refused at the door, what is named, what is true."""

from __future__ import annotations

import pytest

from engine import conditions
from engine.errors import Category, ToolError
from engine.model import Json

SCOPE: dict[str, Json] = {
    "subtasks": {
        "a": {"status": "completed", "output": {"n": 3, "rows": [1, 2], "big": 2**80, "none": None}, "error": None},
        "b-2": {"status": "failed", "output": None, "error": {"category": "timeout"}},
    },
    "input": {"least": 2, "who": "ann"},
    "task": {"id": "T", "name": "nightly", "tags": ["x"]},
}


@pytest.mark.parametrize("text", ["subtasks.a.output.n >", "1 +* 2", "", "(", "for x in y", "a = 1"])
def test_what_is_no_cel_is_refused_with_a_reason(text: str) -> None:
    with pytest.raises(conditions.NotReadable) as refused:
        conditions.check(text)

    assert str(refused.value)
    assert "\n" not in str(refused.value)


def test_the_subtasks_that_an_expression_names() -> None:
    text = (
        """subtasks.b.status == "x" || subtasks["a-1"].output > subtasks . b . output && subtasks['c'].error == null"""
    )

    assert conditions.keys(text) == ["b", "a-1", "c"]
    assert conditions.keys("input.subtasks_a == 1 && mysubtasks.a") == []


@pytest.mark.parametrize(
    "text, holds",
    [
        ("subtasks.a.output.n == 3", True),
        ("subtasks.a.output.n / 2 == 1", True),
        ("size(subtasks.a.output.rows) > 2", False),
        ('subtasks["b-2"].status == "failed"', True),
        ('subtasks["b-2"].error.category in ["timeout", "transient"]', True),
        ("subtasks.a.output.none == null", True),
        ("has(subtasks.a.output.gone)", False),
        ("subtasks.a.output.big > 1", True),
        ('input.who.startsWith("a") && "x" in task.tags', True),
        ("subtasks.a.output.rows.exists(row, row > 1)", True),
    ],
)
def test_what_is_true(text: str, holds: bool) -> None:
    assert conditions.holds(text, SCOPE) is holds


@pytest.mark.parametrize(
    "text, why",
    [
        ("subtasks.a.output.gone == 1", "gone"),
        ("subtasks.a.output.n", "int, not true or false"),
        ("subtasks.a.output.n / 0 == 1", "zero"),
        ("subtasks.a.output.n > 'x'", ""),
        ("nobody == 1", "nobody"),
    ],
)
def test_what_cannot_be_evaluated_says_why_and_what_to_do(text: str, why: str) -> None:
    with pytest.raises(ToolError) as refused:
        conditions.holds(text, SCOPE)

    assert refused.value.category is Category.CONFIGURATION
    assert refused.value.suggestion
    assert why in str(refused.value).lower() or why in str(refused.value)
    assert text in str(refused.value)


def test_a_long_expression_is_shortened_in_what_is_said() -> None:
    text = " && ".join(["input.least == 3"] * 50) + " && input.gone"

    with pytest.raises(ToolError) as refused:
        conditions.holds("input.gone || " + text, SCOPE)

    assert len(str(refused.value)) < 500
