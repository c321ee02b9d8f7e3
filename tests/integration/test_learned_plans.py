"""Plans that have worked are used again without a model, and forgotten when they fail, on both graphs."""

from __future__ import annotations

import json
from pathlib import Path

from engine.model import Json, Task
from engine.service import Engine
from engine.states import TaskStatus
from tests.support.claude import FakeClaude
from tests.support.engines import Lab, finished, run, subtasks
from tests.support.model_plans import answer, asking, told
from tests.support.plans import Body
from tests.support.services import eventually

FIRST = 'Put 12 copies of "winter sale" into reports/may.json for the shop'
SECOND = 'put 7 copies of "spring offer" into  lists/june.json for the shop'
LABELS = answer(
    told("count", {"copies": 12}),
    told("label", {"text": "winter sale", "into": "reports/may.json"}, "count"),
    told("all", {"of": "{{subtasks.count.output.copies}}", "what": "{{subtasks.label.output}}"}),
)


def _by(task: Task) -> str:
    """How the plan of a task came about."""
    origin: dict[str, str] = json.loads(task.body)["origin"]
    return origin["by"]


async def _learned(engine: Engine) -> list[dict[str, Json]]:
    found: list[dict[str, Json]] = (await engine.templates())["learned"]
    return found


async def _teach(engine: Engine, fake: FakeClaude, body: dict[str, Json], said: Json) -> Task:
    """Runs a task that the model plans, and waits until its plan is learned."""
    fake.says(said)
    task = await run(engine, body)
    assert (task.status, _by(task)) == (TaskStatus.COMPLETED, "model"), task.error
    await eventually(lambda: _learned(engine))
    return task


async def test_a_similar_sentence_runs_without_the_model_and_with_its_own_literals(lab: Lab, fake: FakeClaude) -> None:
    engine = await lab.start(**asking(fake))
    await _teach(engine, fake, {"description": FIRST}, LABELS)

    submitted = await engine.submit({"description": SECOND})
    task = await finished(engine, submitted.task_id)

    assert (len(fake.requests), submitted.subtasks_count, _by(task)) == (1, 3, "learned")
    assert (task.type, task.description) == ("sentence", SECOND)
    what = {"text": "spring offer", "into": "lists/june.json"}
    assert await engine.output(task) == {"of": 7, "what": what}
    await eventually(lambda: _counts(engine, 2, 0))


async def _counts(engine: Engine, successes: int, failures: int) -> bool:
    return [(plan["successes"], plan["failures"]) for plan in await _learned(engine)] == [(successes, failures)]


async def test_a_learned_plan_is_there_after_a_restart_and_without_a_key(lab: Lab, fake: FakeClaude) -> None:
    engine = await lab.start(**asking(fake))
    await _teach(engine, fake, {"description": FIRST}, LABELS)
    await lab.stop(engine)

    again = await lab.start()

    task = await run(again, {"description": SECOND})
    assert (task.status, _by(task), len(fake.requests)) == (TaskStatus.COMPLETED, "learned", 1)
    [plan] = await _learned(again)
    assert plan["text"] == "put <number> copies of <quoted> into <path> for the shop"
    assert (plan["type"], plan["source"]) == ("sentence", "claude")


async def test_another_sentence_or_another_shape_of_input_is_asked_for_anew(lab: Lab, fake: FakeClaude) -> None:
    engine = await lab.start(**asking(fake))
    await _teach(engine, fake, {"description": FIRST}, LABELS)
    others: list[Body] = [{"description": FIRST.replace("shop", "bank")}, {"description": SECOND, "input": {"shop": 1}}]

    for number, body in enumerate(others):
        fake.says(answer(told("other", number)))
        task = await run(engine, body)
        assert (_by(task), await engine.output(task)) == ("model", number)

    assert len(fake.requests) == 3


async def test_who_wants_nothing_learned_neither_uses_nor_teaches(lab: Lab, fake: FakeClaude) -> None:
    engine = await lab.start(**asking(fake))
    fake.says(answer(told("first", 1)))
    unlearned = await run(engine, {"description": FIRST, "learned": False})
    assert _by(unlearned) == "model"
    assert "key" not in json.loads(unlearned.body)["origin"]
    await _teach(engine, fake, {"description": FIRST}, LABELS)

    fake.says(answer(told("own", 3)))
    task = await run(engine, {"description": SECOND, "learned": False})

    assert (_by(task), await engine.output(task), len(fake.requests)) == ("model", 3, 3)
    assert await _counts(engine, 1, 0)


async def test_a_learned_plan_that_fails_twice_in_a_row_is_forgotten(
    lab: Lab, fake: FakeClaude, tmp_path: Path
) -> None:
    engine = await lab.start(**asking(fake))
    broken, seen = tmp_path / "broken", tmp_path / "seen"
    mend = told("m", {"path": str(seen), "broken": str(broken)}, type="mend")
    body = {"description": "Mend whatever stands in the workshop"}
    await _teach(engine, fake, body, answer(mend))
    broken.touch()
    assert (await run(engine, body)).status is TaskStatus.FAILED
    await eventually(lambda: _counts(engine, 1, 1))
    broken.unlink()
    assert (await run(engine, body)).status is TaskStatus.COMPLETED
    await eventually(lambda: _counts(engine, 2, 1))
    broken.touch()

    for failures in (1, 2):
        task = await run(engine, body)
        assert (task.status, _by(task)) == (TaskStatus.FAILED, "learned")
        if failures == 1:
            await eventually(lambda: _counts(engine, 2, 2))

    await eventually(lambda: _forgotten(engine))
    assert len(fake.requests) == 1
    fake.says(answer(told("another", "way")))
    assert await engine.output(await run(engine, body)) == "way"


async def _forgotten(engine: Engine) -> bool:
    return not await _learned(engine)


async def test_a_learned_plan_with_a_type_that_the_next_caller_excludes_is_not_used(lab: Lab, fake: FakeClaude) -> None:
    engine = await lab.start(**asking(fake))
    await _teach(engine, fake, {"description": FIRST}, LABELS)
    fake.says(answer(told("nap", {"seconds": 0, "output": "z"}, type="sleep")))

    task = await run(engine, {"description": SECOND, "allowed_types": ["sleep"]})

    assert (_by(task), await engine.output(task), len(fake.requests)) == ("model", "z", 2)


async def test_a_plan_that_may_run_code_is_for_those_alone_who_allow_it(lab: Lab, fake: FakeClaude) -> None:
    engine = await lab.start(**asking(fake))
    code = told("code", {"code": "result = 6 * 7"}, type="python")
    await _teach(engine, fake, {"description": FIRST, "allowed_types": ["python"]}, answer(code))
    again = {"description": SECOND, "allowed_types": ["python"]}

    fake.says(answer(told("plain", 1)))
    assert await engine.output(await run(engine, {"description": FIRST})) == 1

    assert len(fake.requests) == 2
    # No literal of the sentence is in the plan, so another one may mean another plan.
    fake.says(answer(code))
    assert (_by(await run(engine, again)), len(fake.requests)) == ("model", 3)


async def test_an_unknown_type_is_learned_by_the_shape_of_its_input(lab: Lab, fake: FakeClaude) -> None:
    engine = await lab.start(**asking(fake))
    body = {"type": "greeting_of_people", "input": {"name": "Ada"}, "parameters": {"loud": True}}
    await _teach(engine, fake, body, answer(told("out", {"hello": "{{input.name}}"})))

    task = await run(engine, body | {"input": {"name": "Bo"}})

    assert (_by(task), task.type, len(fake.requests)) == ("learned", "greeting_of_people", 1)
    assert await engine.output(task) == {"hello": "Bo"}
    others: list[Body] = [{"input": {"name": 5}}, {"parameters": {"loud": False}}]
    for number, other in enumerate(others):
        fake.says(answer(told("out", number)))
        assert await engine.output(await run(engine, body | other)) == number


async def test_what_a_rerun_has_changed_teaches_nothing(lab: Lab, fake: FakeClaude) -> None:
    """Else the plan of one sentence would be learned for another."""
    engine = await lab.start(**asking(fake))
    fake.says(answer(told("bad", {"expression": "1 / 0"}, type="calculate")))
    task = await run(engine, {"description": FIRST})
    assert task.status is TaskStatus.FAILED
    fake.says(answer(told("other", "way")))

    change = {"planning": {"input": {"description": "Something else altogether"}}}
    again = await engine.rerun(task.id, "start", change)
    healed = await finished(engine, again.task_id)

    assert (healed.status, healed.description, _by(healed)) == (TaskStatus.COMPLETED, FIRST, "model")
    assert "key" not in json.loads(healed.body)["origin"]
    assert await _forgotten(engine)
    assert list(await subtasks(engine, healed.id)) == ["planning", "planning[other]"]
