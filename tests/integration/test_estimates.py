"""What attempts teach is kept, comes back after a restart, and is expected of the next run, on both graphs."""

from __future__ import annotations

import pytest

from engine.estimates.profile import Kind, Profile
from engine.service import Engine
from engine.states import TaskStatus
from tests.support.engines import Lab, run, subtasks
from tests.support.graphs import execute
from tests.support.plans import Body, plan, step
from tests.support.services import eventually

LONG, SHORT = 0.3, 0.02


def sleeps() -> Body:
    """Three short ones in plan order before a long one, all independent, and an item of a map."""
    naps = [step(f"nap{number}", type="sleep", input={"seconds": SHORT}) for number in range(3)]
    long = step("long", type="sleep", input={"seconds": LONG})
    mapped = step("each", type="sleep", map={"over": [SHORT, SHORT]}, input={"seconds": "{{item}}"})
    return plan(*naps, long, mapped)


async def kept(engine: Engine) -> dict[Kind, Profile]:
    """The profiles in the graph, by kind; of one engine."""
    rows = await engine._graph.profiles()
    return {(profile := Profile.decode(row.data)).kind: profile for row in rows}


async def counted(engine: Engine, type_: str, number: int) -> bool:
    profile = (await kept(engine)).get(Kind(type_, "1"))
    return profile is not None and profile.count == number


async def test_the_second_run_expects_what_the_first_took(lab: Lab) -> None:
    engine = await lab.start()
    first = await run(engine, sleeps())
    assert first.status is TaskStatus.COMPLETED
    rows = await subtasks(engine, first.id)
    assert {rows[key].expected for key in ("long", "nap0", "each[0]")} == {1.0}  # nothing was known
    assert rows["each"].expected is None  # what a map takes is up to its items

    second = await run(engine, sleeps())

    assert second.plan_hash == first.plan_hash != ""
    rows = await subtasks(engine, second.id)
    assert rows["long"].expected > rows["nap0"].expected
    assert LONG * 0.4 < rows["long"].expected < LONG * 1.6  # one run is not believed as a whole
    assert SHORT * 0.6 < rows["nap1"].expected < LONG / 3
    assert SHORT * 0.6 < rows["each[1]"].expected < LONG / 3
    assert rows["long"].order_key < rows["nap0"].order_key  # the longest first


async def test_profiles_are_written_and_survive_a_restart(lab: Lab) -> None:
    engine = await lab.start()
    await run(engine, sleeps())
    await eventually(lambda: counted(engine, "sleep", 6))
    await lab.stop(engine)

    again = await lab.start()
    assert (await kept(again))[Kind("sleep", "1")].count == 6
    other = plan(step("nap", type="sleep", input={"seconds": SHORT}), step("new", type="noop"))
    task = await run(again, other)

    rows = await subtasks(again, task.id)
    assert SHORT * 0.5 < rows["nap"].expected < LONG  # its kind, with an input of that size
    await eventually(lambda: counted(again, "sleep", 7))
    await eventually(lambda: counted(again, "noop", 1))


async def test_what_another_engine_has_learned_counts_too(lab: Lab) -> None:
    engine = await lab.start()
    await run(engine, sleeps())
    await eventually(lambda: counted(engine, "sleep", 6))
    await execute(engine._graph, "MATCH (p:`Profile`) SET p.engine = 'another'")
    await lab.stop(engine)

    again = await lab.start()

    merged = again._learner.merged()[Kind("sleep", "1")]
    assert merged.count >= 6


async def test_what_processes_took_is_kept_and_learned(lab: Lab) -> None:
    engine = await lab.start()
    task = await run(engine, plan(step("a", type="shell", input={"argv": ["true"]}), step("b")))

    _, (attempt,), *_ = await engine.subtask(task.id, "a")
    _, (plain,), *_ = await engine.subtask(task.id, "b")
    memory, cpu = attempt.effort.memory_bytes, attempt.effort.cpu_seconds
    assert memory is not None and memory > 100_000 and cpu is not None and cpu >= 0
    assert plain.effort.memory_bytes is None
    (learned,) = [row for row in await engine.estimates("shell") if row["input_bytes"] is None]
    assert (learned["memory_bytes"], learned["mean_cpu_seconds"]) == (memory, cpu)
    assert learned["memory_median"] == pytest.approx(memory, rel=0.05)
    (untold,) = [row for row in await engine.estimates("noop") if row["input_bytes"] is None]
    assert (untold["memory_median"], untold["memory_bytes"], untold["mean_cpu_seconds"]) == (None, None, None)


async def test_versions_of_a_tool_do_not_mix(lab: Lab) -> None:
    engine = await lab.start()
    await run(engine, sleeps())
    tool = engine._tools.get("sleep")
    assert tool is not None
    tool.version = "2"

    task = await run(engine, sleeps())

    rows = await subtasks(engine, task.id)
    before = engine._learner.merged()[Kind("sleep", "1")]
    assert before.count == 6  # version 2 is another kind, and another plan
    assert engine._learner.merged()[Kind("sleep", "2")].count == 6
    assert rows["long"].expected < LONG  # known from version 1 only as a type


async def test_a_failed_attempt_counts_and_says_nothing_of_durations(lab: Lab) -> None:
    engine = await lab.start()
    await run(engine, plan(step("f", type="fail", input={"category": "transient", "times": 1})))

    profile = engine._learner.merged()[Kind("fail", "1")]
    assert (profile.count, profile.failures, profile.retries) == (1, 1, 1)
