"""Questions to the graph beside the work: they may take all they can, the engine goes on."""

from __future__ import annotations

import asyncio

from engine.errors import TooCostly
from engine.model import Json
from engine.states import TaskStatus
from tests.support.engines import Lab
from tests.support.plans import diamond
from tests.support.services import eventually

GREEDY = "MATCH (a:Subtask), (b:Subtask), (c:Subtask) RETURN collect(a.id), collect(b.spec)"
SLOW = (
    "MATCH (a:Subtask), (b:Subtask), (c:Subtask), (d:Subtask) "
    "WHERE a.position + b.position + c.position + d.position = -1 RETURN count(*)"
)


async def test_queries_that_take_what_they_can_get_do_not_stop_a_task(lab: Lab) -> None:
    engine = await lab.start()
    first = await engine.submit(diamond(150))
    await engine.wait(first.task_id)
    told: list[str] = []
    done = asyncio.Event()

    async def ask(text: str) -> None:
        while not done.is_set():
            try:
                await engine.desk.query(text, {})
            except TooCostly as refusal:
                told.append(str(refusal))

    asking = [asyncio.ensure_future(ask(text)) for text in (GREEDY, SLOW)]
    await eventually(lambda: bool(told))
    for _ in range(3):
        made = await engine.submit(diamond(60))
        assert (await engine.wait(made.task_id)).status is TaskStatus.COMPLETED
    done.set()
    await asyncio.gather(*asking)
    assert told


async def test_an_engine_stops_while_somebody_asks(embedded_lab: Lab) -> None:
    engine = await embedded_lab.start()
    await engine.wait((await engine.submit(diamond(150))).task_id)
    asking = asyncio.ensure_future(outcome(engine.desk.query(SLOW, {})))
    await eventually(lambda: engine._graph._ladybug._queries._connection is not None)  # type: ignore[attr-defined]
    await embedded_lab.stop(engine)
    assert "the engine needed the memory at that moment" in await asyncio.wait_for(asking, 5)


async def outcome(asked: Json) -> str:
    try:
        return str(await asked)
    except TooCostly as refusal:
        return str(refusal)
