"""Neo4j goes away, or an answer is lost: the run goes on by itself, nothing is lost and nothing runs twice."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from engine.errors import GraphUnavailable
from engine.model import Event
from engine.service import Engine
from engine.states import TaskStatus
from tests.support.engines import Lab, check_story, finished, marks, run, story, subtasks
from tests.support.plans import Body, chain, plan, step
from tests.support.proxy import Cut, Proxy, proxy_to
from tests.support.services import LocalNeo4j, Neo4jService, eventually

TURN = b"SET e.turn = $turn"
CANCEL = b"AS walked"
FINISH = b"AS ended"


@pytest.fixture
async def proxy(neo4j_lab: Lab) -> AsyncIterator[Proxy]:
    """Between the engines of ``neo4j_lab`` and their database."""
    assert neo4j_lab.server is not None
    async with proxy_to(neo4j_lab.server.url) as between:
        neo4j_lab.url = between.url
        yield between
        for engine in neo4j_lab.engines[:]:
            await neo4j_lab.stop(engine)


def _sometimes(needle: bytes, cuts: list[Cut], seed: int, share: float) -> Callable[[bytes], Cut | None]:
    """Breaks a share of the connections that carry ``needle``, in one of the given ways; the seed repeats it."""
    chance = random.Random(seed)

    def decide(piece: bytes) -> Cut | None:
        return chance.choice(cuts) if needle in piece and chance.random() < share else None

    return decide


def _once(needle: bytes, cut: Cut) -> Callable[[bytes], Cut | None]:
    """Breaks the first connection that carries ``needle``."""
    left = [cut]

    def decide(piece: bytes) -> Cut | None:
        return left.pop() if left and needle in piece else None

    return decide


def _body(log: Path) -> Body:
    """Chains, joins, failures and a map: whatever a turn can do. Each ``mark`` leaves a line."""
    place = {"path": str(log)}
    steps = [step("top", type="mark", input=place)]
    for n in range(40):
        steps += [step(f"a{n}", "top", type="mark", input=place), step(f"b{n}", f"a{n}", type="mark", input=place)]
    steps += [step("m", "top", type="mark", map={"over": list(range(30))}, input=place)]
    steps += [step("join", "m", *(f"b{n}" for n in range(40)), type="mark", input=place)]
    steps += [step("bad", "top", type="boom", input={"how": "tool"}), step("lost", "bad", "join")]
    return plan(*steps)


EVERY_MARK = Counter(
    ["top 1", "join 1", *(f"{layer}{n} 1" for layer in "ab" for n in range(40)), *(f"m[{n}] 1" for n in range(30))]
)
COUNTS = {"completed": 113, "failed": 1, "blocked": 1}


async def _followed(engine: Engine, task_id: str) -> list[Event]:
    return [event async for event in engine.follow(task_id)]


async def _check(engine: Engine, task_id: str) -> None:
    graph = await engine.graph_of(task_id)
    edges = [(after, on) for on, after in graph["edges"]]
    check_story(await story(engine, task_id), await subtasks(engine, task_id), edges)


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_turns_whose_answer_is_lost_are_neither_lost_nor_done_twice(
    neo4j_lab: Lab, proxy: Proxy, tmp_path: Path, seed: int
) -> None:
    log = tmp_path / "marks"
    engine = await neo4j_lab.start()
    proxy.decide = _sometimes(TURN, [Cut.BEFORE, Cut.AFTER, Cut.ANSWERED], seed, 0.3)

    task = await run(engine, _body(log))

    assert sum(proxy.cuts.values()) >= 3
    assert (task.status, task.counts) == (TaskStatus.FAILED, COUNTS)
    assert Counter(marks(log)) == EVERY_MARK
    await _check(engine, task.id)


async def test_a_turn_that_arrives_late_takes_no_effect_beside_the_one_sent_again(neo4j_lab: Lab, proxy: Proxy) -> None:
    """Its claims would never run: the engine that sent it has given it up."""
    engine = await neo4j_lab.start()
    slow = [step(f"s{n}", type="sleep", input={"seconds": 0.05}) for n in range(300)]
    task_id = (await engine.submit(plan(*slow, step("end", *(f"s{n}" for n in range(300)))))).task_id
    await eventually(lambda: engine.snapshot()["turns"] > 5)
    proxy.decide = _once(TURN, Cut.LATE)

    task = await finished(engine, task_id, 20)

    assert proxy.cuts == {Cut.LATE: 1}
    assert task.counts == {"completed": 301}
    await _check(engine, task_id)


async def test_any_connection_may_break_at_any_moment(neo4j_lab: Lab, proxy: Proxy, tmp_path: Path) -> None:
    log = tmp_path / "marks"
    engine = await neo4j_lab.start()
    submitted = await engine.submit(_body(log))
    proxy.decide = _sometimes(b"", [Cut.BEFORE, Cut.AFTER, Cut.ANSWERED], 7, 0.05)

    task = await finished(engine, submitted.task_id)

    proxy.decide = lambda _: None
    assert sum(proxy.cuts.values()) >= 3
    assert task.counts == COUNTS
    assert Counter(line.split()[0] for line in marks(log)) == Counter(line.split()[0] for line in EVERY_MARK)
    await _check(engine, task.id)


@pytest.mark.parametrize("cut", [Cut.BEFORE, Cut.AFTER, Cut.ANSWERED])
async def test_the_end_of_a_task_survives_a_lost_answer(neo4j_lab: Lab, proxy: Proxy, cut: Cut) -> None:
    engine = await neo4j_lab.start()
    proxy.decide = _once(FINISH, cut)

    task = await run(engine, chain(3))

    assert proxy.cuts == {cut: 1}
    assert task.status is TaskStatus.COMPLETED
    await _check(engine, task.id)


@pytest.mark.parametrize("cut", [Cut.BEFORE, Cut.AFTER, Cut.ANSWERED])
async def test_a_cancellation_survives_a_lost_answer(neo4j_lab: Lab, proxy: Proxy, cut: Cut) -> None:
    """Its batches number events: one that was committed unseen must not be numbered again."""
    engine = await neo4j_lab.start()
    body = plan(*(step(f"k{n}", type="sleep", input={"seconds": 600}) for n in range(2_200)))
    task_id = (await engine.submit(body)).task_id
    await eventually(lambda: engine.snapshot()["running"] == 10)
    following = asyncio.create_task(_followed(engine, task_id))
    proxy.decide = _once(CANCEL, cut)

    await engine.cancel(task_id)
    task = await finished(engine, task_id)

    assert proxy.cuts == {cut: 1}
    assert await asyncio.wait_for(following, 10) == await story(engine, task_id)
    assert (task.status, task.counts) == (TaskStatus.CANCELLED, {"cancelled": 2_200})
    await _check(engine, task_id)


async def test_a_graph_that_refuses_is_waited_for_and_the_engine_says_why(
    neo4j_lab: Lab, proxy: Proxy, tmp_path: Path
) -> None:
    log = tmp_path / "marks"
    engine = await neo4j_lab.start()
    submitted = await engine.submit(_body(log))
    await eventually(lambda: len(marks(log)) > 5)

    await proxy.refuse()
    reasons = await eventually(engine.ready)
    health = await engine.health()
    with pytest.raises(GraphUnavailable):
        await engine.submit(chain(1))
    await asyncio.sleep(2)
    await proxy.listen()
    task = await finished(engine, submitted.task_id)

    assert "does not answer" in reasons[0]
    assert health["status"] == "unhealthy"
    assert task.counts == COUNTS
    assert Counter(line.split()[0] for line in marks(log)) == Counter(line.split()[0] for line in EVERY_MARK)
    assert await engine.ready() == []
    await _check(engine, task.id)
    told = engine.snapshot()
    assert told["graph_answers"] and told["takes_work"] and told["graph_outages"] >= 1

    await proxy.refuse()  # and once more while nothing is to be written but heartbeats
    await eventually(lambda: not engine.snapshot()["graph_answers"])
    assert not engine.snapshot()["takes_work"]
    await proxy.listen()
    await eventually(lambda: engine.snapshot()["takes_work"])


async def test_a_submission_of_unclear_outcome_is_not_left_lying(neo4j_lab: Lab, proxy: Proxy) -> None:
    """The caller is told that the graph did not answer; what was stored all the same runs."""
    engine = await neo4j_lab.start(heartbeat_seconds=0.1)
    proxy.decide = _once(b"UNWIND $rows.subtasks", Cut.ANSWERED)

    with pytest.raises(GraphUnavailable):
        await engine.submit(chain(3))

    async def completed() -> bool:
        listed = await engine.tasks(limit=9)
        return [task.status for task in listed] == [TaskStatus.COMPLETED]

    await eventually(completed)


async def test_a_cancellation_that_could_not_be_stored_is_repeated(neo4j_lab: Lab, proxy: Proxy) -> None:
    engine = await neo4j_lab.start()
    task_id = (await engine.submit(plan(step("a", type="sleep", input={"seconds": 600})))).task_id
    await eventually(lambda: engine.snapshot()["running"] == 1)
    proxy.decide = _once(b"AS closed", Cut.BEFORE)

    assert (await engine.cancel(task_id)).status is TaskStatus.CANCELLED
    assert proxy.cuts == {Cut.BEFORE: 1}


async def test_the_database_stops_and_comes_back_during_a_run(
    own_neo4j: LocalNeo4j, tmp_path: Path, namespace: str, template: Path
) -> None:
    server = own_neo4j.start()
    service = Neo4jService(server.url, server.user, server.password, "local")
    lab = Lab("neo4j", tmp_path, namespace, template, service)
    log = tmp_path / "marks"
    steps = [step(f"s{n}", type="sleep", input={"seconds": 0.05}) for n in range(400)]
    body = plan(*steps, *_body(log)["plan"]["subtasks"])
    try:
        engine = await lab.start()
        task_id = (await engine.submit(body)).task_id
        await eventually(lambda: len(marks(log)) > 5)

        await asyncio.to_thread(own_neo4j.stop)
        reasons = await eventually(engine.ready)
        await asyncio.to_thread(own_neo4j.start)
        task = await finished(engine, task_id)

        assert "does not answer" in reasons[0]
        assert task.counts == COUNTS | {"completed": 513}
        assert Counter(line.split()[0] for line in marks(log)) == Counter(line.split()[0] for line in EVERY_MARK)
        assert await engine.ready() == []
        await _check(engine, task_id)
    finally:
        await lab.close()
