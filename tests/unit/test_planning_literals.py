"""A caller's values in a plan: resolving them gives them back."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.planning.literals import input_reference, literal, literal_input
from engine.references import Scope, resolve

SCOPE = Scope(input={"x": "WRONG"}, item="WRONG", index=7)


@pytest.mark.parametrize(
    "text",
    ["{{input.x}}", r"\{{input.x}}", "{{{input.x}}}", "{{{{input}}}}", r"\\{{ a", "{{ name }}", "{% if %}{{item}}"],
)
def test_braces_come_out_as_they_went_in(text: str) -> None:
    assert resolve(literal({"a": [text]}), SCOPE) == {"a": [text]}


@given(st.lists(st.sampled_from(["{", "}", "\\", "input", "item", ".x", " ", "a"]), max_size=30).map("".join))
def test_no_text_becomes_a_reference(text: str) -> None:
    assert resolve(literal(text), SCOPE) == text


def test_other_braces_are_not_touched_and_literal_fields_stay() -> None:
    assert literal("f'{{x}}'") == "f'{{x}}'"
    assert literal_input("python", {"code": "{{input}}", "inputs": "{{input}}"}) == {
        "code": "{{input}}",
        "inputs": r"\{{input}}",
    }
    assert literal_input("mine", {"template": "{{input}}"}, {"template"}) == {"template": "{{input}}"}
    assert literal_input("mine", ["{{input}}"]) == [r"\{{input}}"]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("{{input.customers}}", True),
        ("{{ input }}", True),
        ("x {{input.customers}}", False),
        ("{{subtasks.a.output}}", False),
        ("{{input.a}}{{input.b}}", False),
        ([], False),
        (None, False),
    ],
)
def test_what_refers_to_the_input(value: Any, expected: bool) -> None:
    assert input_reference(value) is expected
