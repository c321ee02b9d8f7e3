"""The calculator: right, exact, and never held up."""

from __future__ import annotations

import math
import re
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import Category, ToolError
from engine.tools.arithmetic import ExpressionFault, evaluate, parse
from engine.tools.calculate import Calculate
from tests.support.tools_context import RecordingContext


async def value_of(expression: str, **variables: Any) -> Any:
    """The value of one expression."""
    output = await Calculate().run({"expression": expression, "variables": variables}, RecordingContext())
    return output["value"]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("factorial(10)", 3_628_800),
        ("factorial(25)", 15_511_210_043_330_985_984_000_000),
        ("2**200 + 1", 2**200 + 1),
        ("10 // 3 * 3 + 10 % 3", 10),
        ("10 / 4", 2.5),
        ("-2 ** 2", -4),
        ("2 ** -1", 0.5),
        ("9 - 3 - 2", 4),
        ("2 ** 3 ** 2", 512),
        ("1 < 2 < 3 and not 4 == 5", True),
        ("1 if 2 > 3 else 4", 4),
        ("0 or 5", 5),
        ("max(3, 4) + min([1, 2])", 5),
        ("mean([1, 2, 3, 4])", 2.5),
        ("median([3, 1, 2])", 2),
        ("median([4, 1, 2, 3])", 2.5),
        ("sum([0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1])", 1.0),
        ("round(2.567, 1)", 2.6),
        ("round(1250, -2)", 1200),
        ("sqrt(16) + hypot(3, 4)", 9.0),
        ("comb(10000, 5000) % 1009", math.comb(10000, 5000) % 1009),
        ("comb(5, 9) + comb(5, 5) + perm(5, 2)", 21),
        ("gcd(12, 18) + lcm(4, 6)", 18),
        ("isqrt(10 ** 40)", 10**20),
        ("pow(3, 200, 1009)", pow(3, 200, 1009)),
        ("pow(2, -1, 7)", 4),
        ("divmod(7, 2)", [3, 1]),
        ("1 << 10 | 5 & 4", 1028),
        ("~5 + (256 >> 2)", 58),
        ("floor(2.7) + ceil(2.1) + trunc(-1.5)", 4),
        ("degrees(pi)", 180.0),
        ("log(100, 10)", 2.0),
        ("abs(-3) + int(2.9) + float(1)", 6.0),
        ("len([1, 2, 3])", 3),
        ("factorial(5000) // factorial(4999)", 5000),
    ],
)
async def test_values(expression: str, expected: Any) -> None:
    found = await value_of(expression)
    assert found == expected
    assert type(found) is type(expected)


async def test_variables_are_numbers_truth_values_and_lists() -> None:
    assert await value_of("a * b + sum(more)", a=10**30, b=2, more=[1, 2.5]) == 2 * 10**30 + 3.5
    assert await value_of("1 if flag else 0", flag=True) == 1
    assert await value_of("e", e=5) == 5, "a variable hides a constant"


@given(st.integers(-(10**30), 10**30), st.integers(-(10**30), 10**30), st.integers(1, 10**9))
async def test_integers_are_exact(a: int, b: int, c: int) -> None:
    assert await value_of("(a * b - b) // c + a % c", a=a, b=b, c=c) == (a * b - b) // c + a % c


@given(st.text(alphabet="0123456789+-*/%()<>=!&|~., abefpin[]", max_size=40))
def test_no_text_can_make_it_stumble(text: str) -> None:
    for path, message in Calculate().check({"expression": text}):
        assert path == ("expression",)
        assert message


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("2^3", r"write \*\* for a power"),
        ("5!", r"write factorial\(n\)"),
        ("1 +", "cannot be read"),
        ("__import__('os').system('true')", "not arithmetic"),
        ("open('/etc/passwd')", "calls open; there are: abs"),
        ("(1).real", "uses Attribute"),
        ("'a' * 3", "holds 'a'; only numbers"),
        ("1j", "holds 1j"),
        ("lambda: 1", "uses Lambda"),
        ("[x for x in [1]]", "uses ListComp"),
        ("round(1.5, ndigits=1)", "not arithmetic"),
        ("x + 1", "uses x, which is not among the variables"),
        ("sqrt + 1", "a function needs its brackets"),
        ("\0", "cannot be read"),
        ("-(" * 150 + "1" + ")" * 150, "nested deeper than 100 levels"),
        ("(" * 300 + "1" + ")" * 300, "cannot be read"),
        ("1" * 5000, "at most 2000 characters"),
    ],
)
def test_what_is_not_arithmetic_is_refused_before_it_runs(expression: str, message: str) -> None:
    ((path, found),) = Calculate().check({"expression": expression})
    assert path == ("expression",)
    assert re.search(message, found)


def test_a_near_variable_is_offered() -> None:
    ((_, message),) = Calculate().check({"expression": "totl + 1", "variables": {"total": 3}})
    assert "did you mean total?" in message


@pytest.mark.parametrize("bad", ["3", None, {"a": 1}, [1, "2"], [[1]]])
def test_a_variable_that_is_no_number_is_refused(bad: Any) -> None:
    ((path, message),) = Calculate().check({"expression": "a", "variables": {"a": bad}})
    assert path == ("variables",)
    assert "a must be a number" in message


@pytest.mark.parametrize(
    "expression",
    [
        "9 ** 9 ** 9",
        "factorial(10 ** 9)",
        "factorial(10 ** 400)",
        "1 << 10 ** 12",
        "comb(10 ** 9, 5 * 10 ** 8)",
        "perm(10 ** 9, 10 ** 8)",
        "perm(10 ** 9)",
        "round(5, -10 ** 9)",
        "pow(7, 10 ** 4000, 7 ** 1000)",
        "10 ** 4300",
        "+".join(["factorial(5000)"] * 120),
        "(7**23000)" + "%(3**20000)" * 150,
        "+".join(["comb(10000,5000)"] * 100),
        "+".join(["isqrt(7**23000)"] * 120),
        "+".join(["gcd(7**9000,5**9000)"] * 90),
        "max(" + ",".join(["7**20000"] * 200) + ")",
        "sum([" + ",".join(["2**65000"] * 200) + "])",
    ],
)
async def test_too_much_work_is_refused_in_no_time(expression: str) -> None:
    started = time.process_time()
    with pytest.raises(ToolError) as caught:
        await value_of(expression)
    assert time.process_time() - started < 0.5
    assert caught.value.category is Category.RESOURCE
    assert caught.value.suggestion


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("1 / 0", "division by zero"),
        ("sqrt(-1)", "math domain error"),
        ("(-8) ** 0.5", "no real number"),
        ("exp(1000)", "range error"),
        ("factorial(-1)", "negative"),
        ("factorial(2.5)", "integer"),
        ("1e999", "which is no number"),
        ("1e999 - 1e999", "which is no number"),
        ("[1] + [2]", "a list stands where a number is needed"),
        ("-[1]", "a list stands"),
        ("[1] < [2]", "a list stands"),
        ("min([])", "empty"),
        ("mean([])", "division by zero"),
        ("sqrt()", "argument"),
        ("float(10 ** 400)", "too large"),
    ],
)
async def test_what_arithmetic_refuses_is_an_error_of_logic(expression: str, message: str) -> None:
    with pytest.raises(ToolError, match=message) as caught:
        await value_of(expression)
    assert caught.value.category is Category.LOGIC


@pytest.mark.parametrize("text", ["1" * 2001, "-" * 1999 + "1", "2 if 1 else", ""])
def test_the_parser_stands_by_itself(text: str) -> None:
    with pytest.raises(ExpressionFault):
        parse(text)


def test_a_name_without_a_value_is_told() -> None:
    with pytest.raises(ExpressionFault, match="uses x, which is no variable"):
        evaluate(parse("x + 1"), {})


async def test_a_long_sum_is_a_chain_and_not_a_tower() -> None:
    assert await value_of("1" + "+1" * 999) == 1000
