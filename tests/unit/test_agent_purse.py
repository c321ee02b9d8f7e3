"""The budget of a task: it holds over all its agents, also over those that ask at the same time."""

from __future__ import annotations

import asyncio

import pytest

from engine.agents.purse import Purse, Purses
from engine.agentstore import Step, Talked, talked
from engine.errors import AgentExecutionError, Category
from engine.language import Usage
from engine.plan.stored import TaskBudget

A, B = ("s1", "talk"), ("s2", "talk")


def _usage(tokens: int, cost: float | None = 0.0) -> Usage:
    return Usage(input_tokens=tokens, cost=cost)


async def test_two_that_ask_at_once_do_not_pass_the_cap_together() -> None:
    purse = Purse(TaskBudget(tokens=1_000), {})
    assert await purse.hold(A, "a", (100, 0.0), 600) == 600
    assert await purse.hold(B, "b", (100, 0.0), 600) == 400
    await purse.settle(A, _usage(300))
    await purse.settle(B, _usage(200))
    assert await purse.hold(A, "a", (100, 0.0), 600) == 500


async def test_one_waits_while_another_holds_what_is_left_and_gets_what_that_gives_back() -> None:
    purse = Purse(TaskBudget(tokens=1_000), {})
    await purse.hold(A, "a", (100, 0.0), 900)
    waits = asyncio.create_task(purse.hold(B, "b", (100, 0.0), 900))
    await asyncio.sleep(0)
    assert not waits.done()
    await purse.settle(A, _usage(150))
    assert await waits == 850


async def test_one_that_does_not_fit_is_told_where_the_tokens_went() -> None:
    before = Talked("s0", "earlier", "talk", 3, _usage(700))
    purse = Purse(TaskBudget(tokens=1_000), {("s0", "talk"): before})
    with pytest.raises(
        AgentExecutionError, match=r"agent_budget of 1000 tokens: 700 tokens used \(earlier 700\)"
    ) as told:
        await purse.hold(A, "a", (100, 0.0), 600)
    assert (told.value.category, told.value.repeat) == (Category.RESOURCE, False)


async def test_a_question_that_failed_gives_back_what_it_held() -> None:
    purse = Purse(TaskBudget(tokens=1_000), {})
    await purse.hold(A, "a", (100, 0.0), 1_000)
    await purse.release(A)
    assert await purse.hold(B, "b", (100, 0.0), 1_000) == 1_000


async def test_a_budget_in_dollars_holds_too() -> None:
    purse = Purse(TaskBudget(cost=1.0), {})
    assert await purse.hold(A, "a", (100, 0.0), 600) is None, "tokens have no bound"
    await purse.settle(A, _usage(100, 0.6))
    with pytest.raises(AgentExecutionError, match="1 US dollars"):
        await purse.hold(A, "a", (100, 0.6), 600)


async def test_a_task_without_a_budget_has_no_purse_and_one_is_counted_from_the_graph_once() -> None:
    budgets = {"with": TaskBudget(tokens=10_000), "none": None, "empty": TaskBudget()}
    reads: list[str] = []

    async def used(task_id: str) -> list[Talked]:
        reads.append(task_id)
        return [Talked("s0", "k", "talk", 1, _usage(9_990))]

    purses = Purses(budgets.get, used)
    assert await purses.of("none") is await purses.of("empty") is None
    purse = await purses.of("with")
    assert purse is not None
    assert purse is await purses.of("with")
    assert reads == ["with"]
    with pytest.raises(AgentExecutionError):
        await purse.hold(A, "a", (10, 0.0), 100)


def test_what_talks_have_used_is_the_sum_of_their_answers() -> None:
    body = '{"turn": 1, "stop": "end_turn", "blocks": [], "usage": {"input_tokens": 10, "cost": 0.5}}'
    steps = [("k", Step("t", "s1", 1, talk, turn, "", 0, body)) for talk, turn in (("x", 1), ("x", 2), ("y", 1))]
    found = talked(steps)
    assert [(row.talk, row.turns, row.usage.tokens, row.usage.cost) for row in found] == [
        ("x", 2, 20, 1.0),
        ("y", 1, 10, 0.5),
    ]
