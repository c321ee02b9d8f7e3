"""An engine that stops, or is killed, goes on where it was: nothing is lost, nothing is settled twice."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from engine.errors import GraphLocked
from engine.service import Engine
from engine.states import TaskStatus
from tests.support.engines import GATES, STARTED, Lab, check_story, finished, marks, story, subtasks
from tests.support.plans import Body, diamond, plan, step
from tests.support.services import eventually
from tests.support.tools_context import running

LIFE = """
import asyncio, json, sys, structlog
from api.wiring import open_engine
from engine.settings import Settings

structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))

async def main() -> None:
    settings, body = Settings.model_validate(json.loads(sys.argv[1])), json.loads(sys.argv[2])
    async with open_engine(settings) as engine:
        print((await engine.submit(body)).task_id, flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""
"""A life of an engine that submits a task and runs until it is killed."""


async def _killed(lab: Lab, body: Body, ready: Path, lines: int) -> str:
    """An engine of its own process runs ``body`` until ``ready`` has that many lines; then it is killed -9."""
    settings = lab.settings().model_dump(mode="json", exclude={"neo4j_auth", "blob_path"})
    settings |= {"data_path": str(lab.folder), "neo4j_auth": lab.server.auth if lab.server else "a/b"}
    command = [sys.executable, "-c", LIFE, json.dumps(settings), json.dumps(body)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True) as process:
        try:
            assert process.stdout is not None
            task_id = (await asyncio.to_thread(process.stdout.readline)).decode().strip()
            await eventually(lambda: len(marks(ready)) >= lines, 30)
        finally:
            process.send_signal(signal.SIGKILL)
    return task_id


async def test_a_restarted_engine_goes_on_with_its_tasks(lab: Lab, tmp_path: Path) -> None:
    log = tmp_path / "marks"
    name = f"{lab.namespace}-restart"
    steps = [step(f"k{n}", "gate", type="mark", input={"path": str(log)}) for n in range(50)]
    body = plan(
        *(step(f"early{n}", type="mark", input={"path": str(log)}) for n in range(10)),
        step("gate", type="gate", input={"name": name}),
        *steps,
        step("end", *(f"k{n}" for n in range(50)), input={"all": "{{previous_output}}"}),
    )
    engine = await lab.start()
    first_id = engine.id
    task_id = (await engine.submit(body)).id
    other = (await engine.submit(diamond(3))).id
    await finished(engine, other)
    await eventually(lambda: STARTED[name] == 1 and len(marks(log)) == 10)
    await lab.stop(engine)

    again = await lab.start()
    assert again.id == first_id
    await eventually(lambda: STARTED[name] == 2)
    GATES[name].set()
    task = await finished(again, task_id)

    assert (task.status, task.counts) == (TaskStatus.COMPLETED, {"completed": 62})
    assert Counter(marks(log)) == Counter([f"early{n} 1" for n in range(10)] + [f"k{n} 1" for n in range(50)])
    assert (await again.result(task_id))["end"]["all"]["k7"] == "k7"
    await _check(again, task_id)


async def test_an_engine_stopped_in_the_middle_of_many_subtasks_repeats_none_that_was_settled(
    lab: Lab, tmp_path: Path
) -> None:
    log = tmp_path / "marks"
    body = plan(*(step(f"k{n}", type="mark", input={"path": str(log)}) for n in range(600)))
    engine = await lab.start()
    task_id = (await engine.submit(body)).id
    lives = 0
    while lives < 3:
        seen = len(marks(log))
        await eventually(lambda seen=seen: len(marks(log)) >= min(seen + 60, 600))
        await lab.stop(engine)
        engine = await lab.start()
        lives += 1

    task = await finished(engine, task_id)

    assert task.counts == {"completed": 600}
    assert Counter(line.split()[0] for line in marks(log)) == Counter(f"k{n}" for n in range(600))
    await _check(engine, task_id)


async def test_a_killed_engine_s_work_is_taken_up_by_its_next_life(lab: Lab, tmp_path: Path) -> None:
    """kill -9 in the middle: what may be repeated is, what may not waits for a person, who rejects it."""
    ready, log, marker = tmp_path / "ready", tmp_path / "marks", f"marker-{lab.namespace}"
    sleeper = [sys.executable, "-c", "import time; time.sleep(600)", marker]
    body = plan(
        *(step(f"done{n}", type="mark", input={"path": str(log)}) for n in range(20)),
        step("repeat", type="sleep", input={"seconds": 600, "output": "slept"}, timeout_seconds=1_000),
        step("shell", type="shell", input={"argv": sleeper}),
        step("asked", type="shell", input={"argv": ["true", marker]}, on_interrupt="retry"),
        step("after-shell", "shell"),
        step("after-done", *(f"done{n}" for n in range(20)), type="mark", input={"path": str(log)}),
        step("ready", "after-done", type="mark", input={"path": str(ready)}),
        max_parallel=0,
    )
    task_id = await _killed(lab, body, ready, 1)
    await eventually(lambda: running(marker) == [], 20)
    assert len(marks(log)) == 21

    engine = await lab.start()
    await eventually(lambda: _attempts(engine, task_id, "repeat", 2))
    await eventually(lambda: _status(engine, task_id, "shell", "awaiting_approval"))

    found = await subtasks(engine, task_id)
    error = json.loads(found["shell"].error or "")
    assert (found["shell"].reason, found["shell"].attempts) == ("interrupted", 1)
    assert error["message"] == "the engine stopped while it ran, and running it again could repeat what it did"
    assert '"on_interrupt": "retry"' in error["suggestion"]
    doubtful = await engine.approvals.all(after="", limit=10)
    assert [(one.request.key, one.request.rule) for one in doubtful] == [("shell", "interruption")]
    assert await engine.approvals.all(after=doubtful[0].request.id, limit=10) == []
    await engine.reject(task_id, "shell", "ann", "it has run already")
    assert await engine.approvals.all(after="", limit=10) == []
    await eventually(lambda: _status(engine, task_id, "after-shell", "blocked"))
    rejected = json.loads((await subtasks(engine, task_id))["shell"].error or "")
    assert (rejected["category"], rejected["message"]) == ("permission", "rejected by ann: it has run already")
    await eventually(lambda: _status(engine, task_id, "asked", "completed"))
    assert Counter(line.split()[0] for line in marks(log)) == Counter(["after-done", *(f"done{n}" for n in range(20))])
    outcomes = [attempt.outcome for attempt in (await engine.subtask(task_id, "shell"))[1]]
    assert outcomes == ["interrupted"]

    task = await engine.cancel(task_id)
    assert task.status is TaskStatus.CANCELLED
    await _check(engine, task_id)


async def test_a_killed_engine_s_map_is_grown_anew(lab: Lab, tmp_path: Path) -> None:
    ready, log = tmp_path / "ready", tmp_path / "marks"
    body = plan(
        step("list", type="mark", input={"path": str(ready)}),
        step("m", "list", type="mark", map={"over": list(range(2_000))}, input={"path": str(log)}),
        step("join", "m", input={"n": "{{subtasks.m.output[1999]}}"}),
    )
    task_id = await _killed(lab, body, ready, 1)

    engine = await lab.start(max_parallel_tasks=50)
    task = await finished(engine, task_id)

    assert task.counts == {"completed": 2_003}
    assert await engine.result(task_id) == {"n": "m[1999]"}
    assert {line.split()[0] for line in marks(log)} == {f"m[{n}]" for n in range(2_000)}
    await _check(engine, task_id)


async def test_a_cancellation_goes_on_after_a_restart(lab: Lab) -> None:
    engine = await lab.start()
    body = plan(*(step(f"k{n}", type="sleep", input={"seconds": 600}) for n in range(30)))
    task_id = (await engine.submit(body)).id
    await eventually(lambda: engine.snapshot()["running"] == 10)
    await engine._graph.close_gate(task_id, "cancelling", "", engine._clock.now())
    await lab.stop(engine)

    again = await lab.start()
    task = await finished(again, task_id)

    assert (task.status, task.counts) == (TaskStatus.CANCELLED, {"cancelled": 30})


async def test_one_data_folder_has_one_engine(lab: Lab) -> None:
    engine = await lab.start()

    with pytest.raises(GraphLocked, match=f"runs already as process {os.getpid()}"):
        await lab.start()

    assert await engine.ready() == []


async def test_a_stop_under_load_leaves_everything_in_order(lab: Lab) -> None:
    """Stopped in the middle of turns, several times, at different moments."""
    engine = await lab.start(max_parallel_tasks=20)
    task_id = (await engine.submit(_wide(300))).id
    for turns in (3, 7, 12):
        await eventually(lambda turns=turns, engine=engine: engine.snapshot()["turns"] >= turns)
        await lab.stop(engine)
        engine = await lab.start(max_parallel_tasks=20)

    task = await finished(engine, task_id)

    assert task.counts == {"completed": 902}
    await _check(engine, task_id)


def _wide(number: int) -> Body:
    """Three layers, each subtask behind one of the layer before."""
    layers = [step("top")]
    for layer, before in (("a", ""), ("b", "a"), ("c", "b")):
        layers += [step(f"{layer}{n}", f"{before}{n}" if before else "top") for n in range(number)]
    return plan(*layers, step("end", *(f"c{n}" for n in range(number))))


async def _attempts(engine: Engine, task_id: str, key: str, number: int) -> bool:
    return (await subtasks(engine, task_id))[key].attempts == number


async def _status(engine: Engine, task_id: str, key: str, status: str) -> bool:
    return (await subtasks(engine, task_id))[key].status.value == status


async def _check(engine: Engine, task_id: str) -> None:
    graph = await engine.graph_of(task_id)
    edges = [(after, on) for on, after in graph["edges"]]
    check_story(await story(engine, task_id), await subtasks(engine, task_id), edges)
