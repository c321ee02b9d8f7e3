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


DEEP = "[0,1,2,3,4,5,6,7,8,9].all(a, {}true{})"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (DEEP.format("[1].all(b, " * 3, ")" * 3), "stand in each other"),
        ("[1]" + ".map(a, a)" * 21 + " == [1]", "more than 20 loops"),
        ("1+" * 5_000 + "1 == 1", "more than 10,000 characters"),
        ("'\\')'.size() > 0 || " + "[1] . all (a, " * 4 + "true" + ")" * 4, "stand in each other"),
        ("[1].all(a, ')' != '' && [1].all(b, ']' != '' && [1].all(c, [1].all(d, true))))", "stand in each other"),
    ],
)
def test_what_would_take_too_much_is_refused_at_the_door(text: str, why: str) -> None:
    with pytest.raises(conditions.NotReadable, match=why):
        conditions.check(text)


LARGE: dict[str, Json] = {"input": {"rows": [{"a": str(n)} for n in range(3_000)], "text": "x" * 2**21}}
SMALL: dict[str, Json] = {"input": {"rows": [{"a": str(n)} for n in range(300)]}}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("input.rows.all(a, input.rows.all(b, input.rows.all(c, true)))", "up to 3,000 items; let a subtask"),
        ("input.rows.all(a, input.rows.exists(b, a == b))", "its loops would go over"),
        ("size(input.rows.filter(a, a.a == 'x')) > 1", "its loops would go over"),
        ("input.rows.all(a, size(input.rows) > 1)", "its loops would go over"),
        ("['x']" + ".map(a, a+a+a+a+a+a+a+a+a+a)" * 12 + " == []", "its loops would go over"),
        ("input.rows.all(a, a.a + a.a != '')", "puts more together"),
        ("input.text" + " + input.text" * 700 + " != ''", "puts more together"),
    ],
)
def test_what_would_take_too_much_of_what_there_is_is_refused_before_it_begins(text: str, why: str) -> None:
    with pytest.raises(ToolError, match=why) as refused:
        conditions.holds(text, LARGE)
    assert refused.value.category is Category.CONFIGURATION
    with pytest.raises(ToolError, match=why):
        conditions.text(f"a {{{{{text}}}}}", LARGE)


@pytest.mark.parametrize(
    "text",
    [
        "size(input.rows.filter(row, row.a.startsWith('1')).map(row, row.a)) > 1",
        "input.rows.exists(row, row.a + '!' == '7!')",
        "[[1, 2], [3]].all(row, row.all(one, [1, 2, 3].exists(known, known == one)))",
        "'a, b (c) + \"d\".map(x, y).map(x, y)' != ''" + " && true" * 200,
    ],
)
def test_what_people_write_is_let_through(text: str) -> None:
    conditions.check(text)
    assert conditions.holds(text, SMALL if "[[" not in text else {"input": {}})


def test_a_look_at_each_item_goes_over_any_number() -> None:
    text = "input.rows.exists(row, row.a == '2999') && input.rows.all(row, row.a != 'x')"
    assert conditions.holds(text, LARGE)


def test_a_fault_of_the_library_is_an_error_like_any_other(monkeypatch: pytest.MonkeyPatch) -> None:
    class PanicException(BaseException):
        """As Rust raises it."""

    class Broken:
        """A program that ends so."""

        def execute(self, _: object) -> None:
            raise PanicException("index out of bounds")

    monkeypatch.setattr(conditions, "_program", lambda _: Broken())
    with pytest.raises(ToolError, match="index out of bounds"):
        conditions.holds("true", SCOPE)
