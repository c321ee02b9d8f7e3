"""Removal end to end, on both graphs: all of a task goes, and nothing that another one uses."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from engine import removal, service
from engine.errors import Conflict, GraphUnavailable, NotFound
from engine.service import Engine
from engine.states import TaskStatus
from tests.support.engines import GATES, Lab, finished, outputs, run, subtasks
from tests.support.graphs import execute
from tests.support.plans import Body, chain, diamond, independent, plan, step
from tests.support.services import eventually

LARGE, STEPS = 5_000, 10
SIZES = {"small": 900, "middle": 20_000, "large": 50_000}


@pytest.fixture(autouse=True)
def _no_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    """One engine, so nobody else is putting a blob."""
    monkeypatch.setattr(service, "BLOB_GRACE_SECONDS", 0.0)


def blobs(lab: Lab) -> set[str]:
    """The hashes of the stored blobs."""
    root = lab.folder / "blobs"
    return {path.name for path in root.rglob("*") if path.is_file() and len(path.name) == 64}


def texts(letter: str, *more: Body) -> Body:
    """A plan with an output of every size; the same letter makes the same outputs."""
    made = [step(key, type="text", input={"size": size, "letter": letter}) for key, size in SIZES.items()]
    return plan(*made, *more)


async def removed(engine: Engine, task_id: str) -> None:
    """Removes a task and waits until all of it is gone."""
    if not await engine.remove(task_id):
        await eventually(lambda: _gone(engine, task_id), timeout=60)


async def _gone(engine: Engine, task_id: str) -> bool:
    return task_id not in await engine._graph.removals()


async def sizes(engine: Engine) -> dict[str, int]:
    """What is in the graph beside the engines, what they have learned, and what stands for the namespace."""
    found = await engine._graph.sizes()
    stays = ("Engine", "Profile", "BlobStore", "Schema")
    return {name: number for name, number in found.items() if name not in stays}


async def test_all_of_a_task_goes(lab: Lab) -> None:
    engine = await lab.start()
    target = str(lab.folder / "files" / "out.txt")
    file = step("f", type="write_file", input={"path": target, "content": "new"})
    body = texts("a", step("m", "small", map={"over": [1, 2, 3]}), step("j", "m", "large"), file)
    task = await run(engine, body)
    assert task.status is TaskStatus.COMPLETED, task.error
    assert len(blobs(lab)) == 1
    assert (lab.folder / "undo" / task.id).is_dir()

    await removed(engine, task.id)

    assert await sizes(engine) == {}
    assert blobs(lab) == set()
    assert not (lab.folder / "undo" / task.id).exists()
    with pytest.raises(NotFound):
        await engine.task(task.id)
    assert Path(target).read_text() == "new"


async def test_what_another_task_made_too_stays_until_that_one_goes(lab: Lab) -> None:
    engine = await lab.start()
    first, second = [await run(engine, texts("b")) for _ in range(2)]

    await removed(engine, first.id)
    kept = await outputs(engine, second.id)
    await removed(engine, second.id)

    assert {key: len(text) + 2 for key, text in kept.items()} == SIZES
    assert (blobs(lab), await sizes(engine)) == (set(), {})


async def test_what_a_rerun_has_taken_over_stays(lab: Lab) -> None:
    engine = await lab.start()
    first = await run(engine, texts("c", step("end")))
    second = await finished(engine, (await engine.rerun(first.id, "end")).task_id)

    await removed(engine, first.id)

    found = await outputs(engine, second.id)
    assert {key: len(found[key]) + 2 for key in SIZES} == SIZES
    assert (await engine.task(second.id)).rerun_of == first.id
    edges = await execute(engine._graph, "MATCH (t:Task)-[r:RERUN_OF]->(:Task) WHERE t.id = $id RETURN r", id=second.id)
    assert edges == []
    third = await finished(engine, (await engine.rerun(second.id, "end")).task_id)
    assert third.status is TaskStatus.COMPLETED
    for task in (second, third):
        await removed(engine, task.id)
    assert (blobs(lab), await sizes(engine)) == (set(), {})


async def test_only_a_final_task_can_be_removed(lab: Lab) -> None:
    engine = await lab.start()
    submitted = await engine.submit(plan(step("g", type="gate", input={"name": "removal-open"})))

    with pytest.raises(Conflict, match=r"only a final task can be removed; legal now: .*cancel"):
        await engine.remove(submitted.task_id)
    with pytest.raises(NotFound):
        await engine.remove("nobody")
    await engine.cancel(submitted.task_id)
    await finished(engine, submitted.task_id)
    await removed(engine, submitted.task_id)
    with pytest.raises(NotFound):
        await engine.remove(submitted.task_id)


@pytest.mark.timeout(300)
async def test_a_large_task_goes_while_another_runs(lab: Lab) -> None:
    engine = await lab.start(max_parallel_tasks=200)
    large = await run(engine, independent(LARGE), 200)
    GATES["removal-go"] = asyncio.Event()
    other = await engine.submit(plan(step("k0", type="gate", input={"name": "removal-go"}), *_after(STEPS)))

    batches = _counted(engine)
    removing = asyncio.create_task(engine.remove(large.id))
    await eventually(lambda: batches)
    GATES["removal-go"].set()
    task = await finished(engine, other.task_id, 120)
    taken = len(batches)
    await removing
    await eventually(lambda: _gone(engine, large.id), timeout=200)

    assert task.counts == {"completed": STEPS + 1}
    # on the embedded graph all writes pass one queue: ten steps get through between twenty-five batches
    assert len(batches) > LARGE / removal.BATCH
    assert taken < len(batches) or lab.kind == "neo4j"
    assert list(await subtasks(engine, other.task_id)) == [f"k{number}" for number in range(STEPS + 1)]
    await removed(engine, other.task_id)
    assert await sizes(engine) == {}


def _after(number: int) -> list[Body]:
    return [step(f"k{index}", f"k{index - 1}") for index in range(1, number + 1)]


async def test_a_removal_that_is_cut_off_goes_on_at_the_next_start(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(removal, "BATCH", 10)
    engine = await lab.start()
    task = await run(engine, texts("d", *independent(60)["plan"]["subtasks"]))
    await _cut_off_after(engine, 3)

    assert not await engine.remove(task.id)

    with pytest.raises(NotFound):
        await engine.task(task.id)
    assert (await engine._graph.sizes())["Subtask"] == 33
    await lab.stop(engine)
    engine = await lab.start()
    await eventually(lambda: _gone(engine, task.id), timeout=30)
    assert (blobs(lab), await sizes(engine)) == (set(), {})


async def test_a_removal_that_is_cut_off_between_result_and_blob_goes_on(lab: Lab) -> None:
    engine = await lab.start()
    task = await run(engine, texts("e"))

    async def broken(digest: str, before: int) -> bool:
        raise OSError("the disk is away")

    engine._removal._blobs.remove = broken  # type: ignore[method-assign]
    assert not await engine.remove(task.id)
    assert (await engine._graph.sizes()).get("Result") is None
    assert len(blobs(lab)) == 2
    await lab.stop(engine)

    engine = await lab.start()

    await eventually(lambda: _gone(engine, task.id), timeout=30)
    assert (blobs(lab), await sizes(engine)) == (set(), {})


async def test_a_blob_that_is_produced_again_meanwhile_stays(lab: Lab) -> None:
    engine = await lab.start()
    first = await run(engine, texts("f"))
    second: list[str] = []
    remove = engine._removal._blobs.remove

    async def late(digest: str, before: int) -> bool:
        if not second:
            second.append((await run(engine, texts("f"))).id)
        return await remove(digest, before)

    engine._removal._blobs.remove = late  # type: ignore[method-assign]
    await removed(engine, first.id)

    found = await outputs(engine, second[0])
    assert {key: len(text) + 2 for key, text in found.items()} == SIZES
    assert len(blobs(lab)) == 2


async def test_old_tasks_go_by_themselves(lab: Lab) -> None:
    engine = await lab.start(retention_days=1.0)
    old, young = [await run(engine, diamond(3)) for _ in range(2)]
    long_ago = "MATCH (t:Task) WHERE t.id = $id SET t.completed_at = t.completed_at - 172800000, t.created_at = 0"
    await execute(engine._graph, long_ago, id=old.id)

    await engine._removal._look()

    # its id says when it was made, and that was not long ago: only the end counts, but the search begins with ids
    assert (await engine.task(young.id)).status is TaskStatus.COMPLETED
    await lab.stop(engine)
    engine = await lab.start(retention_days=0.0)
    await eventually(lambda: _empty(engine), timeout=30)


async def _empty(engine: Engine) -> bool:
    return await sizes(engine) == {}


async def test_the_files_kept_for_a_task_that_another_engine_removed_go_at_the_next_start(lab: Lab) -> None:
    (lab.folder / "undo" / "01ARZ3NDEKTSV4RRFFQ69G5FAV").mkdir(parents=True)
    engine = await lab.start()
    task = await run(engine, chain(2))
    os.makedirs(lab.folder / "undo" / task.id)
    await lab.stop(engine)

    await lab.start()

    await eventually(lambda: [path.name for path in (lab.folder / "undo").iterdir()] == [task.id])


def _counted(engine: Engine) -> list[int]:
    """What each batch of a removal has removed, from here on."""
    real: Callable[[str, int], Awaitable[int]] = engine._graph.remove_some
    batches: list[int] = []

    async def counted(task_id: str, limit: int) -> int:
        batches.append(await real(task_id, limit))
        return batches[-1]

    engine._graph.remove_some = counted  # type: ignore[method-assign]
    return batches


async def _cut_off_after(engine: Engine, steps: int) -> None:
    """From the given number of batches on, the graph does not answer to removals."""
    real: Callable[[str, int], Awaitable[int]] = engine._graph.remove_some
    count = 0

    async def cut(task_id: str, limit: int) -> int:
        nonlocal count
        count += 1
        if count > steps:
            raise GraphUnavailable("cut off")
        return await real(task_id, limit)

    engine._graph.remove_some = cut  # type: ignore[method-assign]
