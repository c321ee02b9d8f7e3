"""What an agent gives to other roles: who may, what it becomes, and that its budget is shared and not multiplied."""

from __future__ import annotations

from typing import Any

import pytest

from engine.agents.budget import Budget
from engine.agents.delegating import MOST, grown, offer, order, orders
from engine.agents.result import AgentResult, Delegated, ToolCall
from engine.agents.roles import unknown_tools
from engine.errors import Category, ToolExecutionError
from engine.language import Usage
from engine.model import Json
from tests.support.agents import role

LEAD = role("lead", delegates=["writer", "checker"])


def _value(key: str = "a", **fields: Json) -> dict[str, Json]:
    return {"key": key, "role": "writer", "prompt": "Write."} | fields


def test_a_role_that_delegates_to_nobody_is_offered_nothing() -> None:
    assert offer(role("alone")) == []
    (offered,) = offer(LEAD)
    fields: Any = offered.schema["properties"]
    assert (offered.name, fields["role"]["enum"]) == ("delegate", ["writer", "checker"])


@pytest.mark.parametrize(
    ("value", "left", "words", "category"),
    [
        (_value(role="root"), 100_000, "may delegate to writer, checker and to nobody else", Category.PERMISSION),
        (_value("known"), 100_000, "is a 'known' already", Category.CONFIGURATION),
        (_value(after=["later"]), 100_000, "nothing called 'later'", Category.CONFIGURATION),
        (_value(), 3_999, "not enough left of your budget", Category.CONFIGURATION),
        (_value("a b"), 100_000, "/key", Category.LOGIC),
        (_value(more=1), 100_000, "/more", Category.LOGIC),
        ("x", 100_000, "does not fit", Category.LOGIC),
    ],
)
def test_what_is_not_in_bounds_is_refused(value: Json, left: int, words: str, category: Category) -> None:
    with pytest.raises(ToolExecutionError, match=words) as told:
        order(LEAD, value, [Delegated("known", "writer", "x")], left)
    assert told.value.category is category


def test_there_is_a_most() -> None:
    before = [Delegated(f"k{number}", "writer", "x") for number in range(MOST)]
    with pytest.raises(ToolExecutionError, match="20 subtasks are the most"):
        order(LEAD, _value(), before, 10_000_000)


def test_only_calls_that_went_well_delegate() -> None:
    calls = [
        ToolCall("1", 1, "delegate", _value("a"), text="a will begin"),
        ToolCall("2", 1, "delegate", _value("b"), text="refused", case="refused"),
        ToolCall("3", 1, "delegate", _value("c")),
        ToolCall("4", 1, "other", _value("d"), text="fine"),
    ]
    assert [one.key for one in orders(LEAD, calls)] == ["a"]
    assert orders(role("alone"), calls) == []


def test_it_becomes_subtasks_that_share_what_is_left_and_hold_no_reference_of_the_model() -> None:
    made = [Delegated("a", "writer", "Say {{secrets.KEY}}."), Delegated("b", "checker", "Check.", ["a"])]
    usage = Usage(input_tokens=9_000, output_tokens=1_000, cost=0.2)
    result = AgentResult("lead", "done", "m", 3, usage, delegated=made)

    expand = grown(result, Budget(tokens=30_000, cost=1.0), "workers")

    first, second = expand.subtasks
    value: Any = first["input"]
    assert value["prompt"] == r"Say \{{secrets.KEY}}."
    assert (value["budget"]["tokens"], value["budget"]["cost"], value["run_by"]) == (10_000, 0.4, "workers")
    assert second["dependencies"] == ["a"]
    read: Any = second["input"]
    assert read["context"] == {"results": {"a": "{{subtasks.a.output.text}}"}}
    assert AgentResult.from_json(expand.output).delegated == made


def test_a_role_that_delegates_to_one_that_there_is_not_stops_the_start() -> None:
    assert unknown_tools([LEAD, role("writer")], []) == ["the role lead delegates to checker, and there is none"]
