"""What the core engine promises: tasks are broken down, run side by side, repeated, cancelled, and results are kept."""

from __future__ import annotations

import asyncio
import time

import networkx as nx
import pytest

from engine import CacheService, Engine, ExecutionEngine, SubTask, TaskComplexity, TaskDecomposer
from engine.model import Json
from engine.planning.complexity import complexity
from tests.support import core_tools

pytestmark = [pytest.mark.agent03, pytest.mark.core_engine]

SECONDS = 30.0
"""Longest wait for one signal."""
STEPS = ("fetch", "clean", "count", "report")
ROWS = [{"id": number, "city": f"city {number % 7}", "amount": number * 1.5} for number in range(500)]


def body(subtasks: list[SubTask], **fields: Json) -> dict[str, Json]:
    return {"plan": {"subtasks": [subtask.as_dict() for subtask in subtasks]}, **fields}


def rests(count: int, **fields: Json) -> dict[str, Json]:
    return body([SubTask(f"part_{number}", "rest", {"seconds": 0.2}) for number in range(count)], **fields)


def test_a_simple_task_is_not_decomposed(task_decomposer: TaskDecomposer) -> None:
    subtasks, graph = task_decomposer.decompose("double", {"number": 21}, {})

    assert complexity("double", {"number": 21}, {}).level is TaskComplexity.SIMPLE
    assert [subtask.type for subtask in subtasks] == ["double"]
    assert subtasks[0].dependencies == ()
    assert graph.number_of_nodes() == graph.number_of_edges() == 0


def test_a_complex_task_is_decomposed(task_decomposer: TaskDecomposer) -> None:
    subtasks, graph = task_decomposer.decompose("data_processing", {"data": ROWS}, {})

    assert complexity("data_processing", {"data": ROWS}, {}).level is not TaskComplexity.SIMPLE
    keys = {subtask.key for subtask in subtasks}
    assert len(keys) == len(subtasks) > 1
    assert {"validation", "processing", "aggregation"} <= {subtask.type for subtask in subtasks}
    assert set(graph.nodes) == keys
    assert set(graph.edges) == {(needed, subtask.key) for subtask in subtasks for needed in subtask.dependencies}


def test_steps_become_a_valid_graph(task_decomposer: TaskDecomposer) -> None:
    steps = [{"name": name, "type": "double", "input": {"number": 1}} for name in STEPS]

    subtasks, graph = task_decomposer.decompose("etl_pipeline", {}, {"steps": steps})

    assert nx.is_directed_acyclic_graph(graph)
    generations = task_decomposer.get_parallel_tasks(graph)
    assert [key for generation in generations for key in generation] == [subtask.key for subtask in subtasks]
    assert len(generations) == len(subtasks) == len(STEPS)
    place = {subtask.key: number for number, subtask in enumerate(subtasks)}
    assert all(place[needed] < place[subtask.key] for subtask in subtasks for needed in subtask.dependencies)


async def test_a_simple_task_executes(task_decomposer: TaskDecomposer, execution_engine: ExecutionEngine) -> None:
    subtasks, _ = task_decomposer.decompose("double", {"number": 21}, {})

    outcome = await execution_engine.execute_task(body(subtasks))

    assert outcome["status"] == "success"
    assert outcome["subtask_count"] == 1
    assert outcome["final_output"] == 42
    [ended] = outcome["subtasks"]
    assert (ended["key"], ended["status"], ended["output"], ended["error"], ended["attempts"]) == (
        subtasks[0].key,
        "completed",
        42,
        None,
        1,
    )


async def test_parallel_parts_are_faster_than_the_same_in_sequence(execution_engine: ExecutionEngine) -> None:
    took = []
    for limit in (1, 5):
        began = time.monotonic()
        outcome = await execution_engine.execute_task(rests(5, max_parallel=limit))
        took.append(time.monotonic() - began)
        assert outcome["final_output"] == {f"part_{number}": 0.2 for number in range(5)}

    sequence, parallel = took
    assert sequence >= 1.0
    assert parallel < sequence / 2


async def test_a_result_is_stored_and_retrieved(cache_service: CacheService) -> None:
    key = cache_service.generate_cache_key("double", {"number": 21})
    assert await cache_service.get_task_result("double", {"number": 21}) is None

    await cache_service.cache_task_result("double", {"number": 21}, {"value": 42})

    assert await cache_service.get(key) == {"value": 42}
    assert await cache_service.get_task_result("double", {"number": 21}) == {"value": 42}
    stats = await cache_service.get_stats()
    assert (stats["hits"], stats["misses"], stats["entries"]) == (2, 1, 1)


def test_equal_inputs_have_equal_keys_in_any_order(cache_service: CacheService) -> None:
    one = cache_service.generate_cache_key("count", {"a": 1, "b": {"c": [1, 2], "d": None}})

    assert one == cache_service.generate_cache_key("count", {"b": {"d": None, "c": [1.0, 2]}, "a": 1})
    assert one != cache_service.generate_cache_key("count", {"a": 1, "b": {"c": [2, 1], "d": None}})


async def test_failed_attempts_are_repeated_and_then_succeed(execution_engine: ExecutionEngine) -> None:
    outcome = await execution_engine.execute_task(body([SubTask("shaky", "unsteady", {"failures": 2})]))

    assert outcome["status"] == "success"
    assert outcome["final_output"] == "attempt 3 succeeds"
    assert outcome["subtasks"][0]["attempts"] == 3


async def test_a_running_long_task_is_cancelled(
    engine: Engine, execution_engine: ExecutionEngine, namespace: str
) -> None:
    begun = core_tools.BEGUN.setdefault(namespace, asyncio.Event())
    stopped = core_tools.STOPPED.setdefault(namespace, asyncio.Event())
    long = SubTask("long", "endless", {"name": namespace})
    task = await engine.submit(body([long, SubTask("after", "double", {"number": 1}, ("long",))]))
    running = asyncio.create_task(execution_engine.execute_task(task))
    await asyncio.wait_for(begun.wait(), SECONDS)

    assert await execution_engine.cancel_task(task)

    outcome = await asyncio.wait_for(running, SECONDS)
    assert stopped.is_set()
    assert outcome["status"] == "cancelled"
    assert [ended["status"] for ended in outcome["subtasks"]] == ["cancelled", "cancelled"]
    assert await execution_engine.cancel_task(task.id)
