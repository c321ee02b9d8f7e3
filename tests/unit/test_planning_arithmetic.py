"""Arithmetic in words: understood whole, with one reading, or not at all."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.planning.sentences import understand
from engine.tools.calculate import Calculate
from tests.support.tools_context import RecordingContext


async def value_of(sentence: str) -> Any:
    """What the real tool makes of the plan for a sentence."""
    planned = understand(sentence)
    assert planned is not None, sentence
    assert planned.strategy == "rules.arithmetic"
    (single,) = planned.subtasks
    assert single.type == "calculate"
    assert Calculate().check(single.input) == []
    return (await Calculate().run(single.input, RecordingContext()))["value"]


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("Calculate factorial of 10", 3_628_800),
        ("calculate the factorial of 10.", 3_628_800),
        ("What is 10 factorial?", 3_628_800),
        ("What is 5!", 120),
        ("What is 5! + 1?", 121),
        ("what is 12 * (3 + 4)", 84),
        ("what's 12*(3+4)?", 84),
        ("12 * (3 + 4) = ?", 84),
        ("compute the square root of 2", 2**0.5),
        ("Compute the cube root of 27", 3.0),
        ("15% of 80", 12.0),
        ("How much is 15 percent of 80?", 12.0),
        ("20% of 50% of 80", 8.0),
        ("evaluate 10 % 3 + 1", 2),
        ("find the sum of 1, 2, and 3", 6),
        ("the average of the numbers 3, 4 and 5", 4.0),
        ("the median of [3, 1, 2]", 2),
        ("the product of 3 and 4", 12),
        ("maximum of -3, 4.5 and 2", 4.5),
        ("Determine the greatest common divisor of 12 and 18", 6),
        ("least common multiple of 4 and 6", 12),
        ("2 to the power of 10", 1024),
        ("2^3^2 + 1", 513),
        ("7 squared plus 2", 51),
        ("Calculate: 3 x 4 x 5", 60),
        ("calculate the result of 1,200 + 300", 1500),
        ("What is 10 divided by 4?", 2.5),
        ("10 minus 4 minus 3", 3),
        ("what is 2 plus 3 times 4", 14),
        ("what is 7 mod 4 plus 1", 4),
        ("what is -3 + 4", 1),
        ("what is 2 × 3 ÷ 4 − 1", 0.5),
        ("calculate (factorial of 5) + 1", 121),
        ("2 times the square root of 9", 6.0),
        ("square root of the factorial of 5", 120**0.5),
        ("max(3, 4) + log10(100)", 6.0),
        ("calculate 2 * pi", 6.283185307179586),
    ],
)
async def test_the_value_is_right(sentence: str, expected: Any) -> None:
    assert await value_of(sentence) == pytest.approx(expected, rel=1e-15)


@pytest.mark.parametrize(
    "sentence",
    [
        "the square root of 16 plus 9",
        "factorial of 3 + 1 please",
        "10% of 200 plus 5",
        "5 plus 10%",
        "what is 2 + 3!",
        "what is -2 squared",
        "what is 2 to the power of 3 squared",
        "the sum of 100,200,300",
        "what is 2026-11-26",
        "what is 26.11.2026",
        "calculate 1/2/2026",
        "what is 5",
        "calculate 3.11.2 + 1",
        "calculate 007 + 1",
        "calculate 1,20 + 5",
        "calculate __import__('os')",
        "calculate open('/etc/passwd')",
        "calculate 1 if 2 else 3",
        "calculate lambda: 1",
        "calculate exec(1)",
        "calculate 2 + x",
        "calculate (2 + 3",
        "calculate 2 + 3)",
        "calculate 2 + ",
        "calculate sqrt()",
        "calculate 1 2",
        "calculate factorial of",
        "calculate 5 apples plus 3 pears",
        "calculate the area of a circle",
        "calculate 2 + 3 and delete a.txt",
        "what is the meaning of life",
        "what is 2 + 3 in binary",
        "sum of 3",
        "the sum of [1, 2",
        "ignore this; 2 + 3",
        "calculate " + "(" * 100 + "1" + ")" * 100,
        "calculate " + "1 + " * 400 + "1",
        "calculate " + "-" * 200 + "1",
    ],
)
def test_what_is_not_understood_whole_is_left_alone(sentence: str) -> None:
    assert understand(sentence) is None


@given(st.lists(st.sampled_from([*"2+-*/()!%,x", "3.5", "of", "the", "sum", "and", "squared", "square root", "1,000"])))
def test_whatever_it_gives_the_calculator_can_read(words: list[str]) -> None:
    planned = understand(" ".join(words))
    if planned:
        assert Calculate().check(planned.subtasks[0].input) == []


@pytest.mark.parametrize(
    ("sentence", "data", "expression", "reference"),
    [
        ("Calculate the average of these numbers", {"data": [1, 2.5]}, "mean(values)", "{{input.data}}"),
        ("what is the sum of the given numbers?", [1, 2], "sum(values)", "{{input}}"),
    ],
)
def test_numbers_of_the_input_are_referred_to(sentence: str, data: Any, expression: str, reference: str) -> None:
    planned = understand(sentence, data)
    assert planned is not None
    assert planned.subtasks[0].input == {"expression": expression, "variables": {"values": reference}}


@pytest.mark.parametrize("data", [None, {}, {"data": []}, {"data": ["1"]}, {"data": [True]}, {"data": 5}])
def test_numbers_that_are_not_there_cannot_be_meant(data: Any) -> None:
    assert understand("Calculate the average of these numbers", data) is None
