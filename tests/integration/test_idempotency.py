"""``Idempotency-Key``: however often a request comes, and whatever happens in between, one task and one answer."""

from __future__ import annotations

import asyncio

import pytest

from api import schemas
from engine.errors import GraphUnavailable, KeyReused
from engine.model import Task
from engine.service import Engine
from engine.states import FINAL, TaskStatus
from graph.neo4j.store import Neo4jGraph
from tests.integration.test_control_rest import Desk, desk_of, gate
from tests.support.engines import GATES, STARTED, Lab, finished, marks, run
from tests.support.http import problem, read
from tests.support.plans import Body, independent, plan, step
from tests.support.proxy import Cut, proxy_to
from tests.support.services import eventually


async def ask(desk: Desk, body: Body, key: str) -> tuple[schemas.Created, bool]:
    """The answer to a submission, and whether it says that the task was there already."""
    response = await desk.client.post("/tasks", json=body, headers={"idempotency-key": key})
    return read(schemas.Created, response), response.headers.get("idempotency-replayed") == "true"


async def ids(desk: Desk) -> list[str]:
    return [task.id for task in read(schemas.TaskPage, await desk.client.get("/tasks")).tasks]


async def ended(engine: Engine, task_id: str) -> Task:
    """Waits for the end of a task that its engine may not know of yet."""

    async def over() -> Task | None:
        task = await engine.task(task_id)
        return task if task.status in FINAL else None

    return await eventually(over, 60)


async def test_twenty_at_the_same_moment_make_one_task(lab: Lab) -> None:
    body = plan(step("a"), step("m", "a", map={"over": [1, 2, 3]}), step("b", "m"), name="once")
    async with desk_of(lab) as desk:
        answers = await asyncio.gather(*(ask(desk, body, "twenty") for _ in range(20)))
        (created,) = {answer.model_dump_json() for answer, _ in answers}
        assert [repeated for _, repeated in answers].count(False) == 1
        task_id = answers[0][0].task_id
        assert await ids(desk) == [task_id]
        await finished(desk.engine, task_id)
        again, repeated = await ask(desk, dict(reversed(body.items())), "twenty")
        assert (again.model_dump_json(), repeated) == (created, True), "not even its growth changes the answer"
        assert (again.subtasks_count, again.initial_subtasks_queued) == (3, 1)


async def test_a_key_is_as_durable_as_its_task(lab: Lab, namespace: str) -> None:
    body = plan(gate("a", namespace))
    async with desk_of(lab) as desk:
        first, _ = await ask(desk, body, "durable")
    async with desk_of(lab) as desk:
        assert await ask(desk, body, "durable") == (first, True)
        assert await ids(desk) == [first.task_id]
        GATES.setdefault(namespace, asyncio.Event()).set()
        await finished(desk.engine, first.task_id)


async def test_another_body_with_the_same_key_is_refused(lab: Lab) -> None:
    async with desk_of(lab) as desk:
        first, _ = await ask(desk, independent(1), "k")
        headers = {"idempotency-key": "k"}
        response = await desk.client.post("/tasks", json=independent(2), headers=headers)
        assert first.task_id in problem(response, 409, "idempotency-key-reused").detail
        response = await desk.client.post("/tasks?user_id=ann", json=independent(1), headers=headers)
        problem(response, 409, "idempotency-key-reused")
        assert await ids(desk) == [first.task_id]
        await finished(desk.engine, first.task_id)


async def test_a_request_that_was_refused_leaves_its_key_free(lab: Lab) -> None:
    async with desk_of(lab) as desk:
        response = await desk.client.post("/tasks", json={"plan": {}}, headers={"idempotency-key": "k"})
        problem(response, 400, "invalid-input")
        created, repeated = await ask(desk, independent(1), "k")
        assert not repeated
        await finished(desk.engine, created.task_id)


@pytest.mark.parametrize("key", ["a b", "x" * 256])
async def test_a_key_of_another_form_is_400(lab: Lab, key: str) -> None:
    async with desk_of(lab) as desk:
        response = await desk.client.post("/tasks", json=independent(1), headers={"idempotency-key": key})
        assert "Idempotency-Key" in problem(response, 400, "invalid-input").detail
        assert await ids(desk) == []


async def test_a_repetition_is_answered_also_by_a_full_engine(lab: Lab, namespace: str) -> None:
    body = plan(gate("a", namespace))
    async with desk_of(lab, max_open_tasks=1) as desk:
        first, _ = await ask(desk, body, "k")
        problem(await desk.client.post("/tasks", json=body), 429, "busy")
        assert await ask(desk, body, "k") == (first, True)
        await eventually(lambda: STARTED[namespace] == 1)
        GATES[namespace].set()
        await finished(desk.engine, first.task_id)


async def test_a_large_task_that_is_still_being_written_is_waited_for(lab: Lab) -> None:
    body = independent(3_000)
    async with desk_of(lab, max_parallel_tasks=1) as desk:
        answers = await asyncio.gather(*(ask(desk, body, "large") for _ in range(3)))
        assert len({answer.task_id for answer, _ in answers}) == 1
        assert await ids(desk) == [answers[0][0].task_id]
        await desk.engine.cancel(answers[0][0].task_id)
        assert (await finished(desk.engine, answers[0][0].task_id)).status is TaskStatus.CANCELLED


@pytest.mark.parametrize("cut", [Cut.BEFORE, Cut.AFTER, Cut.ANSWERED])
@pytest.mark.parametrize("size", [3, 1_500])
async def test_sent_again_after_a_lost_answer_it_makes_no_second_task(neo4j_lab: Lab, cut: Cut, size: int) -> None:
    """Small tasks are one write, large ones many; the connection breaks at the first or at the last."""
    assert neo4j_lab.server is not None
    needle = (
        b"HAS_SUBTASK]->(s:Subtask)\nSET s = r"
        if size > 1_000 and cut is Cut.BEFORE
        else b"CREATE (v:Event)\nSET v = $event"
    )
    left = [cut]
    log = neo4j_lab.folder / "marks"
    body = plan(*(step(f"k{n}", type="mark", input={"path": str(log)}) for n in range(size)))
    async with proxy_to(neo4j_lab.server.url) as proxy:
        neo4j_lab.url = proxy.url
        engine = await neo4j_lab.start(max_parallel_tasks=50)
        assert isinstance(engine._graph, Neo4jGraph)
        assert engine._graph._planning is not None
        await engine._graph._planning  # it sends the same text, and is not what should be cut off
        proxy.decide = lambda piece: left.pop() if left and needle in piece else None
        with pytest.raises(GraphUnavailable):
            await engine.submit(body, key="lost")
        submitted = await engine.submit(body, key="lost")
        task = await ended(engine, submitted.task_id)
        listed = await engine.tasks(limit=10)
        await neo4j_lab.stop(engine)
    assert proxy.cuts == {cut: 1}
    assert ([one.id for one in listed], task.status) == ([task.id], TaskStatus.COMPLETED)
    assert sorted(marks(log)) == sorted(f"k{n} 1" for n in range(size))


async def test_a_namespace_does_not_see_the_keys_of_another(lab: Lab) -> None:
    one = await lab.start()
    first = await one.submit(independent(1), key="k")
    await finished(one, first.task_id)
    await lab.stop(one)
    here, lab.namespace = lab.namespace, f"{lab.namespace}-b"
    try:
        other = await lab.start()
        second = await other.submit(independent(2), key="k")
        assert (second.task_id == first.task_id, second.repeated) == (False, False)
        await finished(other, second.task_id)
        await lab.stop(other)
    finally:
        lab.namespace = here


async def test_python_callers_have_keys_too(lab: Lab) -> None:
    engine = await lab.start()
    task = await run(engine, independent(1))
    first = await engine.submit(independent(1), key="k")
    assert first.task_id != task.id
    assert (await engine.submit(independent(1), key="k")).task_id == first.task_id
    with pytest.raises(KeyReused, match="send the same body, or take a new key"):
        await engine.submit(independent(2), key="k")
    await finished(engine, first.task_id)


async def test_two_engines_asked_at_the_same_moment_make_one_task(neo4j_lab: Lab) -> None:
    """No lock of a process helps here: the graph takes a key once, and whoever comes second answers with the first."""
    one = await neo4j_lab.start()
    neo4j_lab.folder = neo4j_lab.folder / "second"
    other = await neo4j_lab.start(blob_path=one.settings.blobs)
    for round_ in range(5):
        key = f"both-{round_}"
        asked = [engine.submit(independent(3), key=key) for engine in (one, other) for _ in range(5)]
        answers = await asyncio.gather(*asked)
        assert len({answer.task_id for answer in answers}) == 1
        assert [answer.repeated for answer in answers].count(False) == 1
        await ended(one, answers[0].task_id)
    listed = await one.tasks(limit=50)
    assert len(listed) == 5
