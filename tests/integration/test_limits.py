"""Limits of the engine, of a task and of a type; a full engine says so; a cancellation kills for real."""

from __future__ import annotations

import asyncio
import sys
from collections import Counter

import pytest

from engine.ahead import Ahead
from engine.errors import Busy
from engine.service import Engine
from engine.states import TaskStatus
from tests.support.engines import GATES, STARTED, Lab, finished, moves, run, story
from tests.support.plans import Body, chain, independent, plan, step
from tests.support.services import eventually
from tests.support.tools_context import running


async def test_the_engine_runs_no_more_than_it_may(lab: Lab) -> None:
    engine = await lab.start(max_parallel_tasks=3)
    most = await _watched(lab, engine, independent_gates(lab, 12))

    assert most == 3


async def test_what_is_claimed_ahead_waits_for_a_slot_and_is_put_back_by_a_stop(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Ahead, "wanted", lambda *_: 2)
    engine = await lab.start(max_parallel_tasks=3, shutdown_grace_seconds=5)
    task_id = (await engine.submit(independent_gates(lab, 8))).id
    await eventually(lambda: _behind_a_gate(lab, 8))
    assert (await engine.task(task_id)).counts == {"processing": 5, "ready": 3}
    assert len(await _behind_a_gate(lab, 8)) == 3

    stopping = asyncio.create_task(lab.stop(engine))
    await eventually(lambda: engine.snapshot()["ready"] == 5)
    for name in await _behind_a_gate(lab, 8):
        GATES[name].set()
    await stopping
    assert sum(STARTED[_name(lab, n)] for n in range(8)) == 3

    again = await lab.start(max_parallel_tasks=3)
    assert await _open_one_by_one(lab, again, task_id, 8, done=3) == 3
    assert [STARTED[_name(lab, n)] for n in range(8)] == [1] * 8
    assert (await finished(again, task_id)).status is TaskStatus.COMPLETED


async def test_a_task_runs_no_more_than_it_may(lab: Lab) -> None:
    engine = await lab.start(max_parallel_tasks=8)
    most = await _watched(lab, engine, independent_gates(lab, 9, max_parallel=2))

    assert most == 2


async def test_a_type_runs_no_more_than_it_may_and_others_pass_it(lab: Lab) -> None:
    engine = await lab.start(max_parallel_tasks=6, type_limits="gate:2")
    body = independent_gates(lab, 8)
    body["plan"]["subtasks"] += independent(40)["plan"]["subtasks"]
    submitted = await engine.submit(body)
    await eventually(lambda: engine.snapshot()["running_by_type"] == {"gate": 2})
    await eventually(lambda: _done(engine, submitted.task_id, 40))

    most = await _open_one_by_one(lab, engine, submitted.task_id, 8)

    assert most == 2
    assert (await finished(engine, submitted.task_id)).counts == {"completed": 48}


async def test_a_type_s_limit_holds_over_tasks_and_through_a_restart(lab: Lab) -> None:
    engine = await lab.start(max_parallel_tasks=6, type_limits="gate:1")
    one = (await engine.submit(independent_gates(lab, 4))).id
    await eventually(lambda: engine.snapshot()["running"] == 1)
    await lab.stop(engine)

    again = await lab.start(max_parallel_tasks=6, type_limits="gate:1")
    most = await _open_one_by_one(lab, again, one, 4)

    assert most == 1
    assert (await finished(again, one)).status is TaskStatus.COMPLETED


async def test_a_full_engine_says_so_and_when_to_come_again(lab: Lab) -> None:
    engine = await lab.start(max_queued_subtasks=10)
    await engine.submit(independent_gates(lab, 6))

    with pytest.raises(Busy, match=r"6 subtasks wait already and 5 more would exceed MAX_QUEUED_SUBTASKS") as refused:
        await engine.submit(independent(5))

    assert refused.value.retry_after > 0
    small = await run(engine, independent(4))
    assert small.status is TaskStatus.COMPLETED
    _open_all(lab, 6)


async def test_an_empty_engine_takes_a_task_larger_than_its_queue(lab: Lab) -> None:
    engine = await lab.start(max_queued_subtasks=10)

    assert (await run(engine, independent(50))).status is TaskStatus.COMPLETED


async def test_many_submissions_at_once_do_not_slip_past_the_limit(lab: Lab) -> None:
    engine = await lab.start(max_queued_subtasks=20)
    bodies = [independent_gates(lab, 8, prefix=str(n)) for n in range(6)]

    answers = await asyncio.gather(*(engine.submit(body) for body in bodies), return_exceptions=True)

    kinds = Counter(type(answer).__name__ for answer in answers)
    assert kinds == {"Submitted": 2, "Busy": 4}
    for n in range(6):
        _open_all(lab, 8, prefix=str(n))


async def test_an_engine_holds_a_bounded_number_of_open_tasks(lab: Lab) -> None:
    engine = await lab.start(max_open_tasks=2)
    for n in range(2):
        await engine.submit(independent_gates(lab, 1, prefix=str(n)))

    with pytest.raises(Busy, match="2 tasks are open already"):
        await engine.submit(chain(1))

    for n in range(2):
        _open_all(lab, 1, prefix=str(n))


async def test_cancelling_kills_the_processes_of_a_shell(lab: Lab) -> None:
    engine = await lab.start()
    marker = f"marker-{lab.namespace}"
    script = (
        f"import subprocess, sys; subprocess.run([sys.executable, '-c', 'import time; time.sleep(600)', '{marker}'])"
    )
    body = plan(step("a", type="shell", input={"argv": [sys.executable, "-c", script, marker]}))
    task_id = (await engine.submit(body)).id
    await eventually(lambda: len(running(marker)) == 2, 20)

    task = await engine.cancel(task_id)

    assert task.status is TaskStatus.CANCELLED
    await eventually(lambda: running(marker) == [])


async def test_urgent_subtasks_go_first(lab: Lab) -> None:
    engine = await lab.start(max_parallel_tasks=1)
    steps = [step(f"k{n}", priority=n % 11) for n in range(33)]

    task = await run(engine, plan(step("first", priority=10), *steps))

    started = moves(await story(engine, task.id), "processing")
    order = sorted(started, key=started.__getitem__)
    assert [int(key[1:]) % 11 for key in order[1:]] == sorted((n % 11 for n in range(33)), reverse=True)


def _name(lab: Lab, n: int, prefix: str = "") -> str:
    return f"{lab.namespace}-{prefix}-{n}"


def independent_gates(lab: Lab, number: int, *, prefix: str = "", **common: object) -> Body:
    """Subtasks that run until the test opens their gates."""
    steps = [step(f"g{n}", type="gate", input={"name": _name(lab, n, prefix)}) for n in range(number)]
    return plan(*steps, **common)


def _open_all(lab: Lab, number: int, prefix: str = "") -> None:
    for n in range(number):
        GATES.setdefault(_name(lab, n, prefix), asyncio.Event()).set()


async def _done(engine: Engine, task_id: str, number: int) -> bool:
    return (await engine.task(task_id)).counts.get("completed", 0) >= number


async def _watched(lab: Lab, engine: Engine, body: Body) -> int:
    """Runs a task of gates to its end, one gate after the other; returns the most that ran at the same time."""
    task_id = (await engine.submit(body)).id
    most = await _open_one_by_one(lab, engine, task_id, len(body["plan"]["subtasks"]))
    assert (await finished(engine, task_id)).status is TaskStatus.COMPLETED
    return most


async def _behind_a_gate(lab: Lab, number: int) -> list[str]:
    """What runs: a gate that was started and is not open."""
    names = [_name(lab, n) for n in range(number)]
    return [name for name in names if STARTED[name] and not GATES[name].is_set()]


async def _open_one_by_one(lab: Lab, engine: Engine, task_id: str, number: int, done: int = 0) -> int:
    most = 0
    for _ in range(number - done):
        waiting = await eventually(lambda: _behind_a_gate(lab, number))
        most = max(most, len(waiting))
        before = (await engine.task(task_id)).counts.get("completed", 0)
        GATES[waiting[0]].set()
        await eventually(lambda before=before: _done(engine, task_id, before + 1))
    return most
