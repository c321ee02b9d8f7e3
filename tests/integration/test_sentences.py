"""Sentences that rules understand, and those that nobody does, in running engines on both graphs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.errors import InvalidInput
from engine.model import Json, Task
from engine.states import TaskStatus
from tests.support.claude import FakeClaude
from tests.support.engines import Lab, finished, run, subtasks
from tests.support.model_plans import SENTENCE, answer, asking, error_of, told

FACTORIAL = {"description": "Calculate factorial of 10"}


def _origin(task: Task) -> dict[str, Json]:
    """How the plan of a task came about."""
    found: dict[str, Json] = json.loads(task.body)["origin"]
    return found


async def test_arithmetic_is_one_subtask_and_no_model_is_asked(lab: Lab, fake: FakeClaude) -> None:
    engine = await lab.start(**asking(fake))

    submitted = await engine.submit(FACTORIAL)
    task = await finished(engine, submitted.task_id)

    rows = await subtasks(engine, task.id)
    assert (submitted.subtasks_count, list(rows), rows["calculate"].type) == (1, ["calculate"], "calculate")
    assert (task.status, await engine.output(task)) == (TaskStatus.COMPLETED, {"value": 3628800})
    assert (task.type, task.description) == ("sentence", FACTORIAL["description"])
    assert (_origin(task)["by"], _origin(task)["name"]) == ("rules", "rules.arithmetic")
    assert fake.requests == []


async def test_numbers_of_the_input_are_meant_by_these_numbers(lab: Lab) -> None:
    engine = await lab.start()

    task = await run(engine, {"description": "What is the average of these numbers?", "input": [3, 4, 8]})

    assert await engine.output(task) == {"value": 5}


async def test_a_file_is_read_and_converted_by_rule(lab: Lab, tmp_path: Path) -> None:
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "orders.csv").write_text("id,amount\n1,10\n2,20\n", "utf-8")
    engine = await lab.start()

    task = await run(engine, {"description": "Read orders.csv and convert it to JSON"})

    assert (task.status, _origin(task)["by"]) == (TaskStatus.COMPLETED, "rules"), task.error
    text = (await engine.output(task))["text"]
    assert json.loads(text) == [{"id": 1, "amount": 10}, {"id": 2, "amount": 20}]


async def test_without_rule_and_key_the_task_is_stored_and_says_what_is_missing(lab: Lab) -> None:
    engine = await lab.start()

    submitted = await engine.submit({"description": SENTENCE})
    task = await finished(engine, submitted.task_id)

    row = (await subtasks(engine, task.id))["planning"]
    error = error_of(row)
    assert (submitted.subtasks_count, task.status, row.attempts) == (1, TaskStatus.FAILED, 1)
    assert (error["category"], "ANTHROPIC_API_KEY is not set" in error["message"]) == ("configuration", True)
    assert "ANTHROPIC_API_KEY" in error["suggestion"]
    assert _origin(task)["by"] == "none"
    assert await engine.output(row) == {"by": "rule", "case": "no key"}


async def test_a_key_that_came_later_helps_the_rerun_which_stays_what_it_was(lab: Lab, fake: FakeClaude) -> None:
    engine = await lab.start()
    task = await run(engine, {"description": SENTENCE, "user_id": "ada", "tags": ["x"]})
    await lab.stop(engine)
    fake.says(answer(told("hello", "Ada")))
    again = await lab.start(**asking(fake))

    healed = await finished(again, (await again.rerun(task.id)).task_id)

    assert (healed.status, await again.output(healed)) == (TaskStatus.COMPLETED, "Ada")
    assert (healed.type, healed.description, healed.rerun_of) == ("sentence", SENTENCE, task.id)
    assert (healed.user_id, healed.tags, _origin(healed)) == ("ada", ("x",), _origin(task))


async def test_rules_use_no_type_that_is_not_allowed(lab: Lab, fake: FakeClaude) -> None:
    fake.says(answer(told("said", 3628800)))
    engine = await lab.start(**asking(fake))

    by_model = await run(engine, FACTORIAL | {"allowed_types": ["noop"]})
    by_rule = await run(engine, FACTORIAL | {"allowed_types": ["noop", "calculate"]})

    assert (_origin(by_model)["by"], _origin(by_rule)["by"]) == ("model", "rules")
    assert list(await subtasks(engine, by_model.id)) == ["planning", "planning[said]"]


@pytest.mark.parametrize(
    "body, pointer, words",
    [
        ({"description": "too short"}, "/description", "10"),
        ({"description": "x" * 5001}, "/description", "5000"),
        ({"description": SENTENCE, "allowed_types": ["noop", "sleeep"]}, "/allowed_types/1", "sleep"),
        ({"description": SENTENCE, "allowed_types": ["planning"]}, "/allowed_types/0", "planning"),
        ({"description": SENTENCE, "allowed_types": []}, "/allowed_types", "at least 1"),
        ({"description": SENTENCE, "parameters": {}}, "/parameters", "leave it out"),
        ({"description": SENTENCE, "type": "analysis"}, "", "exactly one"),
        (FACTORIAL | {"aggregate": "mean"}, "/aggregate", "merge, concat, first"),
        (FACTORIAL | {"aggregate": "{{subtasks.nope.output}}"}, "/aggregate", "there is no subtask"),
        (FACTORIAL | {"aggregate": "a {{subtasks.calculate.output}}"}, "/aggregate", "one reference"),
        ({"type": "greeting_of_people"}, "/type", "no task type"),
        ({"template": "nope"}, "/template", "no template"),
    ],
)
async def test_what_cannot_be_understood_is_refused_with_its_place(
    embedded_lab: Lab, body: Json, pointer: str, words: str
) -> None:
    engine = await embedded_lab.start()

    with pytest.raises(InvalidInput) as refused:
        await engine.submit(body)

    assert [fault.pointer for fault in refused.value.faults] == [pointer]
    assert words in refused.value.faults[0].detail
    assert await engine.tasks(limit=10) == []
