"""Reruns end to end, on both graphs: nothing that was finished runs again, and nothing is left out."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from engine.errors import Conflict, InvalidInput, NotFound
from engine.model import Json, Task
from engine.service import Engine
from engine.states import SubtaskStatus, TaskStatus
from tests.support.engines import GATES, Lab, check_story, finished, marks, outputs, run, story, subtasks
from tests.support.plans import Body, chain, diamond, plan, step
from tests.support.services import eventually


class Bench:
    """An engine, the file that its subtasks write to, and the file that breaks some of them while it is there."""

    def __init__(self, engine: Engine, folder: Path) -> None:
        self.engine = engine
        self.lines = folder / "lines"
        self.broken = folder / "broken"
        self.broken.touch()

    def mark(self, key: str, *needs: str, **fields: Json) -> Body:
        """A subtask that writes a line."""
        return step(key, *needs, type="mark", input={"path": str(self.lines)}, **fields)

    def mend(self, key: str, *needs: str, on: Json = True, **fields: Json) -> Body:
        """The same, which fails while something is broken."""
        given = {"path": str(self.lines), "broken": str(self.broken), "on": on}
        return step(key, *needs, type="mend", input=given, **fields)

    async def rerun(self, task: Task, start: str = "failed", **overrides: Json) -> Task:
        """The rerun, finished and looked through."""
        made = await self.engine.rerun(task.id, start, overrides)
        ended = await finished(self.engine, made.task_id)
        assert ended.rerun_of == task.id
        rows = await subtasks(self.engine, ended.id)
        assert made.subtasks_count <= len(rows)
        assert all(row.status in SETTLED for row in rows.values())
        graph = await self.engine.graph_of(ended.id)
        check_story(await story(self.engine, ended.id), rows, [(after, on) for on, after in graph["edges"]])
        return ended

    def written(self) -> Counter[str]:
        """How often each subtask has written its line."""
        return Counter(line.split()[0] for line in marks(self.lines))


SETTLED = {SubtaskStatus.COMPLETED, SubtaskStatus.SKIPPED}


@pytest.fixture
async def bench(lab: Lab) -> Bench:
    return Bench(await lab.start(), lab.folder)


async def _attempts(engine: Engine, task_id: str) -> dict[str, list[str]]:
    """The outcomes of every subtask's attempts by key."""
    found = {}
    for key in await subtasks(engine, task_id):
        _, attempts, _, _ = await engine.subtask(task_id, key)
        found[key] = [attempt.outcome for attempt in attempts]
    return found


async def test_what_failed_runs_again_and_nothing_else(bench: Bench) -> None:
    body = plan(
        bench.mark("a"), bench.mend("b", "a"), bench.mark("c", "b"), bench.mark("d", "a"), bench.mark("e", "c", "d")
    )
    first = await run(bench.engine, body)
    bench.broken.unlink()

    second = await bench.rerun(first)

    assert (first.status, second.status) == (TaskStatus.FAILED, TaskStatus.COMPLETED)
    assert bench.written() == {"a": 1, "d": 1, "b": 1, "c": 1, "e": 1}
    assert await _attempts(bench.engine, second.id) == {
        "a": ["reused"],
        "b": ["completed"],
        "c": ["completed"],
        "d": ["reused"],
        "e": ["completed"],
    }
    events = {event.key: event for event in await story(bench.engine, second.id) if event.event == "reuse"}
    assert {key: (event.status, event.detail) for key, event in events.items()} == {
        "a": ("completed", f"from {first.id}"),
        "d": ("completed", f"from {first.id}"),
    }
    assert await outputs(bench.engine, second.id) == {key: key for key in "abcde"}


async def test_a_diamond_repeats_only_its_failed_branches(bench: Bench) -> None:
    middle = [bench.mend(f"m{number}", "top", on=number % 7 == 0) for number in range(30)]
    body = plan(bench.mark("top"), *middle, bench.mark("end", *(one["key"] for one in middle)))
    first = await run(bench.engine, body)
    bench.broken.unlink()

    second = await bench.rerun(first)

    assert second.counts == {"completed": 32}
    assert set(bench.written().values()) == {1}
    assert await bench.engine.output(second) == "end"


async def test_verdicts_are_given_anew_inside_the_cone_and_kept_outside(bench: Bench) -> None:
    body = plan(
        bench.mark("a"),
        bench.mend("b", "a"),
        bench.mark("alarm", "b", run_if="any_failed"),
        bench.mark("clean", "b", run_if="all_settled"),
        bench.mark("never", "a", run_if="any_failed"),
        bench.mark("after_never", "never"),
        bench.mark("maybe", "never", optional=True),
        bench.mark("hopeful", "b", optional=True),
        bench.mark("end", "hopeful", "a"),
    )
    first = await run(bench.engine, body)
    statuses = {key: row.status.value for key, row in (await subtasks(bench.engine, first.id)).items()}
    assert statuses["alarm"] == "completed"
    bench.broken.unlink()

    second = await bench.rerun(first)

    rows = {key: row.status.value for key, row in (await subtasks(bench.engine, second.id)).items()}
    assert rows == {
        "a": "completed",
        "b": "completed",
        "alarm": "skipped",
        "clean": "completed",
        "never": "skipped",
        "after_never": "skipped",
        "maybe": "skipped",
        "hopeful": "completed",
        "end": "completed",
    }
    # "end" ran in both: the first time "hopeful" had been skipped, and it depends on it
    assert bench.written() == {"a": 1, "b": 1, "alarm": 1, "clean": 2, "hopeful": 1, "end": 2}


async def test_failed_items_of_a_map_run_again_alone(bench: Bench) -> None:
    body = plan(
        step("list", input=[True, False, False, True, False]),
        bench.mend("m", "list", map={"over": "{{subtasks.list.output}}"}, on="{{item}}"),
        step("join", "m", input="{{previous_output}}"),
        bench.mark("other", "list"),
    )
    first = await run(bench.engine, body)
    assert first.counts == {"completed": 6, "failed": 2, "blocked": 1}
    bench.broken.unlink()

    second = await bench.rerun(first)

    assert second.counts == {"completed": 9}
    assert bench.written() == {f"m[{number}]": 1 for number in range(5)} | {"other": 1}
    assert await bench.engine.output(second) == {
        "join": [f"m[{number}]" for number in range(5)],
        "other": "other",
    }
    assert (await _attempts(bench.engine, second.id))["m"] == ["reused"]


async def test_a_map_over_the_output_of_what_failed_expands_again(bench: Bench) -> None:
    body = plan(
        bench.mend("before"),
        step("list", "before", input={"rows": [1, 2, 3]}),
        bench.mark("m", map={"over": "{{subtasks.list.output.rows}}"}),
        step("join", "m", input="{{previous_output}}"),
    )
    first = await run(bench.engine, body)
    assert first.counts == {"failed": 1, "blocked": 3}
    bench.broken.unlink()

    second = await bench.rerun(first)
    third = await bench.rerun(second, "list", list={"input": {"rows": [1, 2, 3, 4]}})

    assert (second.counts, third.counts) == ({"completed": 7}, {"completed": 8})
    assert bench.written() == {"before": 1, "m[0]": 2, "m[1]": 2, "m[2]": 2, "m[3]": 1}
    assert await bench.engine.output(third) == ["m[0]", "m[1]", "m[2]", "m[3]"]


async def test_from_the_start_everything_runs_again(bench: Bench) -> None:
    first = await run(bench.engine, plan(bench.mark("a"), bench.mark("m", "a", map={"over": [1, 2]})))

    second = await bench.rerun(first, "start")

    assert bench.written() == {"a": 2, "m[0]": 2, "m[1]": 2}
    assert second.counts == {"completed": 4}


async def test_from_a_key_runs_that_one_and_what_depends_on_it(bench: Bench) -> None:
    body = plan(bench.mark("a"), bench.mark("b", "a"), bench.mark("c", "b"), bench.mark("d", "a"))
    first = await run(bench.engine, body)

    await bench.rerun(first, "b")

    assert bench.written() == {"a": 1, "b": 2, "c": 2, "d": 1}


async def test_an_override_changes_what_runs_and_references_see_it(bench: Bench) -> None:
    body = plan(
        step("a", input={"x": 1, "y": 2}),
        step("b", input={"got": "{{subtasks.a.output.y}}"}),
        bench.mark("c"),
        deadline_seconds=500,
        priority=8,
        name="changed",
    )
    first = await run(bench.engine, body)

    second = await bench.rerun(first, a={"input": {"y": [3]}})

    assert await outputs(bench.engine, second.id) == {"a": {"x": 1, "y": [3]}, "b": {"got": [3]}, "c": "c"}
    assert bench.written() == {"c": 1}
    assert (second.name, second.priority) == ("changed", 8)
    assert second.deadline_at is not None
    assert second.deadline_at == second.created_at + 500_000


async def test_a_rerun_of_a_rerun_still_keeps_the_first_results(bench: Bench) -> None:
    body = plan(
        bench.mark("a"), bench.mend("b", "a"), bench.mark("m", "a", map={"over": [1, 2]}), bench.mark("e", "b", "m")
    )
    first = await run(bench.engine, body)

    second = await finished(bench.engine, (await bench.engine.rerun(first.id)).task_id)
    bench.broken.unlink()
    third = await bench.rerun(second)
    fourth = await bench.rerun(third, "e")

    assert second.status is TaskStatus.FAILED
    assert third.counts == fourth.counts == {"completed": 6}
    assert bench.written() == {"a": 1, "m[0]": 1, "m[1]": 1, "b": 1, "e": 2}
    assert await outputs(bench.engine, fourth.id) == await outputs(bench.engine, third.id)


async def test_large_results_are_taken_over(bench: Bench) -> None:
    sizes = {"small": 900, "middle": 20_000, "large": 50_000}
    made = [step(key, type="text", input={"size": size}) for key, size in sizes.items()]
    body = plan(*made, bench.mend("b", *sizes), step("all", *sizes, "b", input="{{previous_output}}"))
    first = await run(bench.engine, body)
    bench.broken.unlink()

    second = await bench.rerun(first)

    found = await outputs(bench.engine, second.id)
    assert {key: len(found[key]) + 2 for key in sizes} == sizes
    assert found["all"] == {key: found[key] for key in [*sizes, "b"]}


async def test_a_cancelled_task_goes_on_where_it_was(bench: Bench) -> None:
    name = f"{bench.lines}-cancelled"
    body = plan(bench.mark("a"), step("g", "a", type="gate", input={"name": name}), bench.mark("b", "g"))
    submitted = await bench.engine.submit(body)
    await eventually(lambda: bench.written() == {"a": 1})
    await bench.engine.cancel(submitted.task_id)
    first = await finished(bench.engine, submitted.task_id)
    assert first.status is TaskStatus.CANCELLED
    GATES[name].set()

    second = await bench.rerun(first)

    assert second.status is TaskStatus.COMPLETED
    assert bench.written() == {"a": 1, "b": 1}


async def test_a_rerun_of_thousands_survives_a_restart(lab: Lab) -> None:
    bench = Bench(await lab.start(), lab.folder)
    middle = [step(f"m{number}", "top") for number in range(2_500)]
    first = await run(bench.engine, plan(step("top"), *middle, bench.mend("b", "top"), bench.mark("c", "b")))
    assert first.counts == {"completed": 2_501, "failed": 1, "blocked": 1}
    made = await bench.engine.rerun(first.id)
    await finished(bench.engine, made.task_id)
    await lab.stop(bench.engine)
    bench.broken.unlink()

    engine = bench.engine = await lab.start()
    second = await bench.rerun(await engine.task(made.task_id))

    assert second.counts == {"completed": 2_503}
    assert bench.written() == {"b": 1, "c": 1}


async def test_an_open_task_and_one_without_anything_left_are_refused(bench: Bench) -> None:
    done = await run(bench.engine, diamond(2))
    gate = step("g", type="gate", input={"name": f"{bench.lines}-open"})
    submitted = await bench.engine.submit(plan(gate))

    with pytest.raises(Conflict, match=r"only a final task can run again; legal now: .*cancel"):
        await bench.engine.rerun(submitted.task_id)
    with pytest.raises(Conflict, match="left to run"):
        await bench.engine.rerun(done.id)
    with pytest.raises(NotFound):
        await bench.engine.rerun("nothing")
    await bench.engine.cancel(submitted.task_id)


async def test_faults_of_overrides_are_all_named_and_nothing_is_stored(bench: Bench) -> None:
    first = await run(bench.engine, chain(3))
    overrides: dict[str, Json] = {
        "k9": {"input": 1},
        "k1": {"type": "nope", "priority": 99},
        "k0": {"dependencies": ["k2"]},
    }

    with pytest.raises(InvalidInput) as caught:
        await bench.engine.rerun(first.id, "ko", overrides)

    pointers = {fault.pointer for fault in caught.value.faults}
    assert pointers >= {"/from", "/overrides/k9", "/overrides/k1/type", "/overrides/k1/priority"}
    rows = await bench.engine.tasks(limit=10)
    assert [row.id for row in rows] == [first.id]
