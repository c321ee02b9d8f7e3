"""``ExecutionEngine``: what it tells of tasks that fail, what it takes for a task, and when it cancels nothing."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from engine import ExecutionEngine, InvalidInput, NotFound
from engine.execution import PAGE
from tests.support.engines import Lab

BROKEN = {
    "plan": {
        "subtasks": [
            {"key": "good", "type": "noop", "input": 1},
            {"key": "bad", "type": "boom", "input": {"how": "tool"}, "retry": {"max_attempts": 1}},
            {"key": "after", "type": "noop", "dependencies": ["bad"]},
        ]
    }
}


async def test_a_failed_task_tells_what_failed_and_what_did_not(lab: Lab) -> None:
    outcome = await ExecutionEngine(await lab.start()).execute_task(BROKEN)

    assert (outcome["status"], outcome["subtask_count"]) == ("failed", 3)
    good, bad, after = outcome["subtasks"]
    assert (good["status"], good["output"], good["error"]) == ("completed", 1, None)
    assert (bad["status"], after["status"], after["attempts"]) == ("failed", "blocked", 0)
    assert bad["error"] is not None and bad["error"]["message"] == "the oven is off"
    error = outcome.get("error")
    assert error is not None and "bad" in error["message"]


async def test_outputs_of_any_size_and_all_pages_are_told(embedded_lab: Lab) -> None:
    count = PAGE + 1
    subtasks = [{"key": f"s{number}", "type": "noop", "input": number} for number in range(count)]
    large = {"key": "large", "type": "text", "input": {"size": 100_000}}

    outcome = await ExecutionEngine(await embedded_lab.start()).execute_task({"plan": {"subtasks": [*subtasks, large]}})

    assert outcome["subtask_count"] == count + 1
    assert [ended["output"] for ended in outcome["subtasks"][:-1]] == list(range(count))
    assert len(outcome["subtasks"][-1]["output"]) == 99_998


async def test_a_task_is_a_body_an_id_or_anything_with_one(embedded_lab: Lab) -> None:
    engine = await embedded_lab.start()
    execution = ExecutionEngine(engine)
    submitted = await engine.submit({"plan": {"subtasks": [{"key": "a", "type": "noop", "input": 1}]}})

    for task in (submitted, submitted.task_id, SimpleNamespace(task_id=submitted.task_id)):
        assert (await execution.execute_task(task))["final_output"] == 1


async def test_what_is_no_task_is_refused(embedded_lab: Lab) -> None:
    execution = ExecutionEngine(await embedded_lab.start())

    with pytest.raises(InvalidInput):
        await execution.execute_task({"plan": {"subtasks": [{"key": "a", "type": "nope"}]}})
    with pytest.raises(NotFound):
        await execution.execute_task("nothing")
    with pytest.raises(NotFound):
        await execution.cancel_task("nothing")
    with pytest.raises(TypeError, match="int is no task: give a body, an id"):
        await execution.execute_task(7)


async def test_a_task_that_has_ended_is_not_cancelled(embedded_lab: Lab) -> None:
    execution = ExecutionEngine(await embedded_lab.start())
    outcome = await execution.execute_task({"plan": {"subtasks": [{"key": "a", "type": "noop"}]}})

    assert await execution.cancel_task(outcome["task_id"]) is False
