"""Recalls end to end, on both graphs: what was derived, all of it and nothing else, and no more work than it takes."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest

from engine.errors import GraphUnavailable, InvalidInput, NotFound
from engine.lineage import Made, Use
from engine.model import Task
from engine.recall import Recalled, Wish
from engine.recorder import Recorder
from engine.service import Engine
from engine.states import TaskStatus
from tests.support.engines import GATES, STARTED, Lab, finished, outputs, run, subtasks
from tests.support.graphs import breaches, execute
from tests.support.plans import Body, plan, step
from tests.support.services import eventually


class Desk:
    """An engine, and the file that its tasks read."""

    def __init__(self, engine: Engine, folder: Path) -> None:
        self.engine = engine
        self.file = folder / "source"
        self.file.write_text(f"aaaa {folder.name}", "utf-8")
        self.other = folder / "other"
        self.other.write_text("other", "utf-8")

    def body(self) -> Body:
        """Three generations, and beside them two that have nothing to do with it."""
        value = {"value": "{{previous_output}}"}
        return plan(
            step("source", type="tell", input={"path": str(self.file)}),
            step("middle", "source", type="weigh", input=value),
            step("end", "middle", type="weigh", input=value),
            step("other", type="tell", input={"path": str(self.other)}),
            step("other_end", "other", type="weigh", input=value),
        )

    async def rerun(self, task: Task, start: str) -> Task:
        return await finished(self.engine, (await self.engine.rerun(task.id, start)).task_id)

    async def family(self) -> dict[str, Task]:
        """Five tasks: one, a rerun of its end, a rerun of that, one beside it, and a stranger that gives the same."""
        one = await run(self.engine, self.body())
        two = await self.rerun(one, "end")
        three = await self.rerun(two, "end")
        beside = await self.rerun(one, "other")
        stranger = await run(self.engine, self.body())
        return {"one": one, "two": two, "three": three, "beside": beside, "stranger": stranger}

    async def ended(self, recalled: Recalled) -> dict[str, Task]:
        """The reruns of a recall, finished, by the task that they repeat."""
        assert [rerun.refused for rerun in recalled.reruns] == [""] * len(recalled.reruns)
        return {rerun.task_id: await finished(self.engine, rerun.new_id) for rerun in recalled.reruns}


@pytest.fixture
async def desk(lab: Lab) -> Desk:
    return Desk(await lab.start(), lab.folder)


def keys(found: Recalled, names: dict[str, Task]) -> dict[str, set[str]]:
    """What a recall reaches, by the name of the task."""
    by_id = {task.id: name for name, task in names.items()}
    reached: dict[str, set[str]] = {}
    for row in found.subtasks:
        assert row.subtask.task_id in by_id
        reached.setdefault(by_id[row.subtask.task_id], set()).add(row.subtask.key)
    return reached


def ran(task_id: str) -> set[str]:
    """The keys of a task that were really run."""
    return {name.partition("/")[2] for name in STARTED if name.startswith(f"{task_id}/")}


async def test_a_recall_reaches_exactly_what_was_derived_in_any_task(desk: Desk) -> None:
    tasks = await desk.family()

    found = await desk.engine.recall(Wish(subtask=f"{tasks['one'].id}/middle"))

    assert keys(found, tasks) == {name: {"middle", "end"} for name in ("one", "two", "three", "beside")}
    recalled = {(row.subtask.task_id, row.subtask.key) for row in found.subtasks if row.recalled}
    assert recalled == {
        *((tasks[name].id, "middle") for name in ("one", "two", "three", "beside")),
        (tasks["beside"].id, "end"),
    }
    assert found.reruns[0].task_id == tasks["one"].id
    assert found.results == 2


async def test_a_recall_of_what_was_taken_over_begins_where_it_was_made(desk: Desk) -> None:
    tasks = await desk.family()

    found = await desk.engine.recall(Wish(subtask=f"{tasks['three'].id}/other"))

    reached = keys(found, tasks)
    assert reached == {name: {"other", "other_end"} for name in ("one", "two", "three")}


async def test_outputs_are_named_by_hash_type_and_time(desk: Desk) -> None:
    tasks = await desk.family()
    rows = await subtasks(desk.engine, tasks["one"].id)

    by_hash = await desk.engine.recall(Wish(result=rows["other_end"].output_hash or ""))
    by_type = await desk.engine.recall(Wish(type="tell", version="1"))
    by_time = await desk.engine.recall(Wish(since=tasks["stranger"].created_at))

    assert keys(by_hash, tasks) == {name: {"other_end"} for name in tasks}
    assert keys(by_type, tasks) == {name: set(rows) for name in tasks}
    assert keys(by_time, tasks)["stranger"] == set(rows)
    with pytest.raises(InvalidInput):
        await desk.engine.recall(Wish())
    with pytest.raises(NotFound):
        await desk.engine.recall(Wish(subtask=f"{tasks['one'].id}/nobody"))
    with pytest.raises(NotFound):
        await desk.engine.recall(Wish(result="0" * 64))


async def test_what_follows_an_unchanged_output_is_not_run_again(desk: Desk) -> None:
    one = await run(desk.engine, desk.body())
    desk.file.write_text(desk.file.read_text("utf-8").replace("aaaa", "bbbb"), "utf-8")

    done = await desk.engine.recall(Wish(subtask=f"{one.id}/source"), dry_run=False, reason="it was wrong")
    again = (await desk.ended(done))[one.id]

    assert ran(again.id) == {"source", "middle"}
    rows = await subtasks(desk.engine, again.id)
    assert {key for key, row in rows.items() if row.cached} == {"end", "other", "other_end"}
    made = await outputs(desk.engine, again.id)
    assert made["source"] == desk.file.read_text("utf-8")
    assert made["end"] == (await outputs(desk.engine, one.id))["end"]


async def test_what_follows_a_changed_output_is_run_again(desk: Desk) -> None:
    one = await run(desk.engine, desk.body())
    desk.file.write_text("something longer" * 20, "utf-8")

    done = await desk.engine.recall(Wish(subtask=f"{one.id}/source"), dry_run=False)
    again = (await desk.ended(done))[one.id]

    assert ran(again.id) == {"source", "middle", "end"}
    assert (await outputs(desk.engine, again.id))["middle"] == {"size": len(desk.file.read_text("utf-8")) + 2}


async def test_every_task_that_took_it_over_runs_again_too(desk: Desk) -> None:
    tasks = await desk.family()

    done = await desk.engine.recall(Wish(subtask=f"{tasks['one'].id}/middle"), dry_run=False)
    ended = await desk.ended(done)

    assert set(ended) == {tasks[name].id for name in ("one", "two", "three", "beside")}
    assert {tuple(sorted(ran(task.id))) for task in ended.values()} == {("middle",), ("end", "middle")}
    assert all(task.status is TaskStatus.COMPLETED for task in ended.values())
    again = await desk.engine.recall(Wish(subtask=f"{tasks['one'].id}/middle"))
    assert set(again.tasks) == {tasks[name].id for name in ("one", "two", "three", "beside")}


async def test_items_are_made_anew_one_by_one(desk: Desk) -> None:
    body = plan(
        step("list", input={"rows": ["a", "bb", "ccc"]}),
        step("each", "list", type="weigh", map={"over": "{{subtasks.list.output.rows}}"}, input={"value": "{{item}}"}),
        step("all", "each", type="weigh", input={"value": "{{previous_output}}"}),
        step("more", "all", type="weigh", input={"value": "{{previous_output}}"}),
    )
    one = await run(desk.engine, body)

    found = await desk.engine.recall(Wish(subtask=f"{one.id}/each[1]"))
    done = await desk.engine.recall(Wish(subtask=f"{one.id}/each[1]"), dry_run=False)
    again = (await desk.ended(done))[one.id]

    assert keys(found, {"one": one}) == {"one": {"each[1]", "all", "more"}}
    assert ran(again.id) == {"each[1]"}
    whole = await desk.engine.recall(Wish(subtask=f"{one.id}/list"), dry_run=False)
    anew = (await desk.ended(whole))[one.id]
    everything = {"list", "each", "each[0]", "each[1]", "each[2]", "all", "more"}
    assert keys(whole, {"one": one, "again": again}) == {"one": everything, "again": everything}
    assert ran(anew.id) == set()
    assert await outputs(desk.engine, anew.id) == await outputs(desk.engine, one.id)


async def test_an_open_task_stands_still_until_somebody_decides(desk: Desk, namespace: str) -> None:
    body = plan(
        step("source", type="tell", input={"path": str(desk.file)}),
        step("wait", "source", type="gate", input={"name": "{{previous_output}}"}),
        step("after", "wait"),
    )
    name = desk.file.read_text("utf-8")
    task_id = (await desk.engine.submit(body)).task_id
    await eventually(lambda: STARTED[name] == 1)

    dry = await desk.engine.recall(Wish(subtask=f"{task_id}/source"))
    assert (await desk.engine.task(task_id)).status is TaskStatus.PROCESSING
    done = await desk.engine.recall(Wish(subtask=f"{task_id}/source"), dry_run=False, reason=namespace)

    assert dry.held == done.held == [task_id]
    assert dry.running == [(task_id, "wait")]
    held = await desk.engine.task(task_id)
    assert held.status is TaskStatus.PAUSED
    assert held.pause is not None
    assert held.pause.by == f"recall: {namespace}"
    assert done.reruns == []
    GATES[name].set()
    await desk.engine.resume(task_id)
    assert (await finished(desk.engine, task_id)).status is TaskStatus.COMPLETED


async def test_no_edge_is_lost_when_an_engine_stops_before_it_has_written_them(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"{lab.namespace}-cut"
    value = {"value": "{{previous_output}}"}
    body = plan(
        step("a", input={"of": lab.namespace}),
        step("b", "a", type="weigh", input=value),
        step("large", "b", type="text", input={"size": 5000, "letter": "{{previous_output.size}} "}),
        step("gate", "large", type="gate", input={"name": name}),
    )
    engine = await lab.start()
    with monkeypatch.context() as patched:
        patched.setattr(Recorder, "_begin", lambda _: None)
        patched.setattr(Recorder, "flush", _nothing)
        task_id = (await engine.submit(body)).task_id
        await eventually(lambda: STARTED[name] == 1)
        assert await _edges(engine) == {}
        await lab.stop(engine)

    again = await lab.start()
    await eventually(lambda: STARTED[name] == 2)
    GATES[name].set()
    await finished(again, task_id)

    assert await _edges(again) == {"PRODUCED": 3, "CONSUMED": 2}
    assert keys(await again.recall(Wish(subtask=f"{task_id}/a")), {"it": await again.task(task_id)}) == {
        "it": {"a", "b", "large"}
    }


async def test_an_edge_of_which_the_answer_was_lost_is_there_once(lab: Lab) -> None:
    engine = await lab.start()
    real = engine._graph.link
    sure: list[bool] = []

    async def lost(made: Sequence[Made], uses: Sequence[Use]) -> None:
        sure.append(any(row.sure for row in [*made, *uses]))
        await real(made, uses)
        if len(sure) == 1:
            raise GraphUnavailable("the answer was lost")

    engine._graph.link = lost  # type: ignore[method-assign]
    await run(engine, plan(step("a"), step("b", "a", input={"of": "{{previous_output}}"})))

    assert sure == [True, False]
    assert await _edges(engine) == {"PRODUCED": 1, "CONSUMED": 1}


async def _nothing(_: Recorder) -> None:
    """Writes nothing."""


async def _edges(engine: Engine) -> dict[str, int]:
    sizes = await engine._graph.sizes()
    return {name: sizes[name] for name in ("PRODUCED", "CONSUMED") if name in sizes}


@pytest.mark.parametrize("first", ["one", "two"])
async def test_a_task_of_the_family_can_be_removed(desk: Desk, first: str) -> None:
    tasks = await desk.family()

    assert await desk.engine.remove(tasks[first].id)
    assert await breaches(desk.engine._graph) == {}
    found = await desk.engine.recall(Wish(subtask=f"{tasks['three'].id}/middle"))

    left = {name for name in ("one", "two", "three", "beside") if name != first}
    assert set(keys(found, tasks)) == left
    await _remove(desk.engine, (task.id for name, task in tasks.items() if name != first))
    assert await execute(desk.engine._graph, "MATCH (s:Subtask) WHERE s.task_id = $id RETURN s", id=first) == []


async def _remove(engine: Engine, ids: Iterable[str]) -> None:
    assert all(await asyncio.gather(*map(engine.remove, ids)))
    assert await breaches(engine._graph) == {}


async def test_hits_in_the_cache_are_recalled_and_made_anew_once(desk: Desk) -> None:
    value = {"value": "{{previous_output}}"}
    kept = {"ttl_seconds": 3600}
    body = plan(
        step("source", type="tell", input={"path": str(desk.file)}, cache=kept),
        step("middle", "source", type="weigh", input=value, cache=kept),
        step("end", "middle", type="weigh", input=value, cache=False),
    )
    tasks = {name: await run(desk.engine, body) for name in ("one", "two", "three")}
    assert ran(tasks["one"].id) == {"source", "middle", "end"}
    assert ran(tasks["three"].id) == {"end"}

    done = await desk.engine.recall(Wish(subtask=f"{tasks['two'].id}/source"), dry_run=False)
    ended = await desk.ended(done)

    assert keys(done, tasks) == {name: {"source", "middle", "end"} for name in tasks}
    assert done.cached == 2
    assert set(ended) == {task.id for task in tasks.values()}
    assert sorted(key for task in ended.values() for key in ran(task.id) if key == "source") == ["source"]
