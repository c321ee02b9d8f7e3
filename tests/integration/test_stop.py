"""A clean stop and a pause in the middle of work: what may be repeated is, what may not is for a person to decide."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

from engine.model import Json, Subtask
from engine.service import Engine
from engine.states import SubtaskStatus, TaskStatus
from tests.support.engines import Lab, finished, marks, story, subtasks
from tests.support.plans import Body, plan, step
from tests.support.services import eventually
from tests.support.serving import PROGRAM, Serving
from tests.support.tools_context import running

AGAIN, ASKED, FAILED = SubtaskStatus.READY, SubtaskStatus.AWAITING_APPROVAL, SubtaskStatus.FAILED
REFUSALS = {
    "stop": "the engine stopped while it ran, and running it again could repeat what it did",
    "pause": "the task was paused while it ran, and running it again could repeat what it did",
}


def _busy(lab: Lab, log: Path) -> dict[str, Json]:
    """A program that notes that it runs, once for each attempt, and goes on until it is killed."""
    line = f"open({str(log)!r}, 'a').write('started\\n'); import time; time.sleep(600)"
    return {"argv": [sys.executable, "-c", line, f"marker-{lab.namespace}"]}


def _plan(lab: Lab, log: Path) -> Body:
    shells = {"shell": None, "shell-retry": "retry", "shell-ask": "ask", "shell-fail": "fail"}
    return plan(
        step("sleep", type="sleep", input={"seconds": 600}, timeout_seconds=900),
        step("sleep-fail", type="sleep", input={"seconds": 600}, timeout_seconds=900, on_interrupt="fail"),
        *(
            step(key, type="shell", input=_busy(lab, log), **({"on_interrupt": said} if said else {}))
            for key, said in shells.items()
        ),
        step("after-fail", "shell-fail"),
    )


async def _all_run(lab: Lab, engine: Engine, log: Path) -> None:
    await eventually(lambda: engine.snapshot()["running"] == 6 and len(marks(log)) == 4, 20)


async def test_a_stop_repeats_only_what_may_be_repeated_and_counts_nothing(lab: Lab, tmp_path: Path) -> None:
    log = tmp_path / "started"
    engine = await lab.start()
    task_id = (await engine.submit(_plan(lab, log))).id
    await _all_run(lab, engine, log)

    await lab.stop(engine)
    assert running(f"marker-{lab.namespace}") == []
    again = await lab.start()

    await eventually(lambda: len(marks(log)) == 5)
    rows = await eventually(lambda: _all_at(again, task_id, {"sleep": 2, "shell-retry": 2, "after-fail": 0}))
    expected = {"shell": ASKED, "shell-ask": ASKED, "shell-fail": FAILED, "sleep-fail": FAILED}
    assert {key: rows[key].status for key in expected} == expected
    assert {rows[key].reason for key in ("shell", "shell-ask")} == {"interrupted"}
    await _each_was_cut_off_once(again, task_id, [*expected, "sleep", "shell-retry"], REFUSALS["stop"])

    await again.approve(task_id, "shell", by="ann")
    await again.reject(task_id, "shell-ask", by="ben")
    await eventually(lambda: len(marks(log)) == 6)
    rows = await subtasks(again, task_id)
    assert (rows["shell"].error, rows["shell-ask"].status) == (None, FAILED)
    task = await again.cancel(task_id)
    assert task.counts == {"failed": 3, "blocked": 1, "cancelled": 3}
    assert len(marks(log)) == 6
    await _events_have_no_gap(again, task_id)


async def test_stops_never_set_a_subtask_apart(lab: Lab, tmp_path: Path) -> None:
    log = tmp_path / "started"
    body = plan(step("a", type="shell", input=_busy(lab, log), on_interrupt="retry"))
    engine = await lab.start()
    task_id = (await engine.submit(body)).id
    for life in range(1, 6):
        await eventually(lambda life=life: len(marks(log)) == life, 20)
        await lab.stop(engine)
        engine = await lab.start()
    await eventually(lambda: len(marks(log)) == 6, 20)

    found, attempts, *_ = await engine.subtask(task_id, "a")

    assert (found.status, found.spent, found.interrupted) == (SubtaskStatus.PROCESSING, 0, 0)
    assert [attempt.outcome for attempt in attempts] == ["interrupted"] * 5
    await engine.cancel(task_id)


async def test_a_failure_by_a_stop_ends_a_task_that_fails_fast(lab: Lab, tmp_path: Path) -> None:
    log = tmp_path / "started"
    body = plan(
        step("a", type="shell", input=_busy(lab, log), on_interrupt="fail"),
        step("b", type="sleep", input={"seconds": 600}),
        failure_policy="fail_fast",
    )
    engine = await lab.start()
    task_id = (await engine.submit(body)).id
    await eventually(lambda: len(marks(log)) == 1, 20)
    await lab.stop(engine)

    again = await lab.start()
    task = await finished(again, task_id)

    assert (task.status, task.counts) == (TaskStatus.FAILED, {"failed": 1, "cancelled": 1})


async def test_a_pause_puts_back_whatever_does_not_refuse_by_itself(lab: Lab, tmp_path: Path) -> None:
    log = tmp_path / "started"
    engine = await lab.start()
    task_id = (await engine.submit(_plan(lab, log))).id
    await _all_run(lab, engine, log)

    await engine.pause(task_id, "now", by="ann")
    rows = await eventually(lambda: _none_runs(engine, task_id))

    expected = {"sleep": AGAIN, "shell": AGAIN, "shell-retry": AGAIN, "shell-ask": ASKED, "shell-fail": FAILED}
    assert {key: rows[key].status for key in expected} == expected
    assert running(f"marker-{lab.namespace}") == []
    await _each_was_cut_off_once(engine, task_id, list(rows.keys() - {"after-fail"}), REFUSALS["pause"])

    await engine.resume(task_id)
    await eventually(lambda: engine.snapshot()["running"] == 3 and len(marks(log)) == 6, 20)
    await engine.cancel(task_id)
    await _events_have_no_gap(engine, task_id)


async def _all_at(engine: Engine, task_id: str, attempts: dict[str, int]) -> dict[str, Subtask]:
    """Every subtask, once those that are named had so many attempts and nothing waits for a verdict."""
    rows = await subtasks(engine, task_id)
    assert {key: rows[key].attempts for key in attempts} == attempts
    assert rows["after-fail"].status is SubtaskStatus.BLOCKED
    return rows


async def _none_runs(engine: Engine, task_id: str) -> dict[str, Subtask]:
    rows = await subtasks(engine, task_id)
    assert [key for key, row in rows.items() if row.status is SubtaskStatus.PROCESSING] == []
    return rows


async def _each_was_cut_off_once(engine: Engine, task_id: str, keys: list[str], refusal: str) -> None:
    for key in keys:
        found, attempts, *_ = await engine.subtask(task_id, key)
        assert (found.spent, found.interrupted, attempts[0].outcome) == (0, 0, "interrupted"), key
        if found.status in (ASKED, FAILED):
            assert json.loads(found.error or "")["message"] == refusal


async def _events_have_no_gap(engine: Engine, task_id: str) -> None:
    numbers = [event.seq for event in await story(engine, task_id)]
    assert numbers == list(range(1, len(numbers) + 1))


BREAKS = """
from graph.ladybug.store import LadybugGraph

async def turn(self, turn):
    raise KeyError("not to be foreseen")

LadybugGraph.turn = turn
"""


async def test_a_fault_inside_ends_the_process_and_the_next_one_goes_on(tmp_path: Path) -> None:
    server = Serving(tmp_path / "data", {}, program=BREAKS + PROGRAM)
    try:
        await server.start()
        task_id = await server.submit(plan(step("a")))
        assert await asyncio.to_thread(server.wait) == 1
        assert "ended by a fault of its own, KeyError('not to be foreseen'): start it again" in server.log.read_text()

        server.program = PROGRAM
        await server.start()

        async def over() -> bool:
            return bool((await server.call("GET", f"/tasks/{task_id}")).json()["task"]["status"] == "completed")

        await eventually(over)
        assert await server.stop() == 0
    finally:
        server.discard()
