"""The graph port: learned plans. They are counted, replaced and forgotten the same way on both graphs."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from engine.errors import Fenced
from engine.model import Json
from engine.planstore import LearnedPlan
from engine.ports import Graph
from graph.memory import COUNTS, plan_row
from tests.support.graphs import Hand

PLAN = LearnedPlan(
    key="type:0a1b",
    type="data_processing",
    shape_hash="77aa",
    text='sum of "<text>" above <number>',
    input_schema='{"type": "object"}',
    pattern='{"subtasks": [{"key": "it\'s", "input": "{{literals.0}}"}]}',
    source="rules",
    created_at=1_000,
    used_at=1_000,
    seconds=(2.5,),
)


def plan(**fields: Json) -> LearnedPlan:
    return msgspec.structs.replace(PLAN, **fields)


async def test_a_plan_is_kept_as_it_was(graph: Graph) -> None:
    assert await graph.learned(PLAN.key) is None

    await graph.learn(PLAN)

    assert await graph.learned(PLAN.key) == PLAN
    assert (await graph.sizes())["PlanTemplate"] == 1


async def test_a_plan_without_a_duration_is_kept_too(graph: Graph) -> None:
    await graph.learn(plan(seconds=()))

    found = await graph.learned(PLAN.key)
    assert found is not None and (found.seconds, found.median_seconds) == ((), None)


async def test_learning_the_same_pattern_counts_a_success(graph: Graph) -> None:
    await graph.learn(PLAN)
    await graph.used(PLAN.key, False, 9.0, 1_500)

    await graph.learn(plan(created_at=2_000, used_at=2_000, seconds=(4.5,)))

    found = await graph.learned(PLAN.key)
    assert found == plan(successes=2, failures=1, seconds=(2.5, 4.5), used_at=2_000)
    assert found.median_seconds == 3.5


async def test_learning_another_pattern_takes_the_place_of_the_first(graph: Graph) -> None:
    await graph.learn(PLAN)
    await graph.used(PLAN.key, True, 9.0, 1_500)
    other = plan(pattern='{"subtasks": []}', source="claude", created_at=2_000, used_at=2_000, seconds=(7.0,))

    await graph.learn(other)

    assert await graph.learned(PLAN.key) == other


async def test_a_use_is_counted(graph: Graph) -> None:
    await graph.learn(PLAN)

    await graph.used(PLAN.key, True, 3.5, 3_000)
    await graph.used(PLAN.key, False, 0.1, 4_000)

    found = await graph.learned(PLAN.key)
    assert found == plan(successes=2, failures=1, failures_in_a_row=1, seconds=(2.5, 3.5), used_at=4_000)


async def test_the_second_failure_in_a_row_forgets_the_plan(graph: Graph) -> None:
    await graph.learn(PLAN)
    for success in (False, True, False):
        await graph.used(PLAN.key, success, 1.0, 2_000)
    assert await graph.learned(PLAN.key) is not None

    await graph.used(PLAN.key, False, 1.0, 2_000)

    assert await graph.learned(PLAN.key) is None
    assert await graph.learned_plans(9) == []


async def test_using_what_is_not_there_changes_nothing(graph: Graph) -> None:
    await graph.used("nothing", True, 1.0, 1)

    assert await graph.learned_plans(9) == []


async def test_a_plan_that_is_forgotten_while_it_is_counted_does_not_come_back(graph: Graph) -> None:
    counted = {name: value for name, value in plan_row(PLAN).items() if name in COUNTS}

    await graph._put("template/count", id=graph._id("gone"), **counted)  # type: ignore[attr-defined]

    assert await graph.learned("gone") is None


async def test_uses_at_the_same_time_are_all_counted(graph: Graph) -> None:
    await graph.learn(PLAN)

    await asyncio.gather(*(graph.used(PLAN.key, True, float(number), 2_000) for number in range(1, 26)))

    found = await graph.learned(PLAN.key)
    assert found is not None and (found.successes, len(found.seconds)) == (26, 20)
    assert found.median_seconds == 15.5


async def test_plans_are_listed_newest_first(graph: Graph) -> None:
    for number in (2, 3, 1):
        await graph.learn(plan(key=f"k{number}", created_at=number))

    assert [found.key for found in await graph.learned_plans(9)] == ["k3", "k2", "k1"]
    assert [found.key for found in await graph.learned_plans(2)] == ["k3", "k2"]


async def test_a_plan_is_forgotten_when_somebody_says_so(graph: Graph) -> None:
    await graph.learn(PLAN)

    assert await graph.forget_plan(PLAN.key)
    assert not await graph.forget_plan(PLAN.key)
    assert await graph.learned(PLAN.key) is None


async def test_a_fenced_engine_learns_nothing(hand: Hand) -> None:
    await hand.graph.learn(PLAN)
    await hand.fence()

    with pytest.raises(Fenced):
        await hand.graph.learn(plan(key="another"))
    with pytest.raises(Fenced):
        await hand.graph.used(PLAN.key, True, 1.0, 2_000)

    assert await hand.graph.learned_plans(9) == [PLAN]


async def test_another_namespace_sees_none_of_them(hand: Hand) -> None:
    await hand.graph.learn(PLAN)
    own = hand.graph._namespace  # type: ignore[attr-defined]

    try:
        hand.graph._namespace = "somebody-else"  # type: ignore[attr-defined]
        assert await hand.graph.learned(PLAN.key) is None
        assert await hand.graph.learned_plans(9) == []
        assert not await hand.graph.forget_plan(PLAN.key)
    finally:
        hand.graph._namespace = own  # type: ignore[attr-defined]
    assert await hand.graph.learned(PLAN.key) == PLAN
