"""The verbs over REST on a real engine and a real graph: what they do to a task, and what they refuse."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest

from api import schemas
from api.app import create_app
from api.metrics import Metrics
from engine.model import Dependant, Event, Json
from engine.running import RunningTask
from engine.service import Engine
from engine.states import SubtaskStatus, TaskStatus
from engine.turn import Move, Undecided
from tests.support.engines import GATES, STARTED, Lab, finished, moves, story
from tests.support.http import problem, read
from tests.support.plans import Body, plan, step
from tests.support.services import eventually


@dataclass
class Desk:
    """An engine and a client of its API."""

    engine: Engine
    client: httpx2.AsyncClient

    async def submit(self, body: Body) -> str:
        created = read(schemas.Created, await self.client.post("/tasks", json=body))
        return str(created.task_id)

    async def ask(self, task_id: str, verb: str, body: Json = None, status: int = 200) -> schemas.Task:
        sent = {} if body is None else {"json": body}
        answer = read(schemas.TaskAnswer, await self.client.post(f"/tasks/{task_id}/{verb}", **sent), status)
        task: schemas.Task = answer.task
        return task

    async def refused(self, task_id: str, verb: str) -> tuple[str, list[str], str]:
        """The state and the legal moves that a refusal names, and its detail."""
        found = problem(await self.client.post(f"/tasks/{task_id}/{verb}"), 409, "conflict")
        return found.state, found.legal_moves, found.detail

    async def task(self, task_id: str) -> schemas.Task:
        document: schemas.TaskDocument = read(schemas.TaskDocument, await self.client.get(f"/tasks/{task_id}"))
        return document.task

    async def subtask(self, task_id: str, key: str) -> schemas.SubtaskDetail:
        detail: schemas.SubtaskDetail = read(
            schemas.SubtaskDetail, await self.client.get(f"/tasks/{task_id}/subtasks/{key}")
        )
        return detail

    async def until(self, task_id: str, key: str, status: str) -> None:
        async def there() -> bool:
            return (await self.subtask(task_id, key)).subtask.status == status

        await eventually(there, 60)

    async def events(self, task_id: str) -> list[Event]:
        return await story(self.engine, task_id)


@asynccontextmanager
async def desk_of(lab: Lab, **settings: Json) -> AsyncIterator[Desk]:
    """A started engine with its API; it is stopped at the end."""
    engine = await lab.start(**settings)
    app = create_app(engine, lab.settings(), Metrics())
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://test") as client:
        yield Desk(engine, client)
    await lab.stop(engine)


@pytest.fixture
async def desk(lab: Lab) -> AsyncIterator[Desk]:
    async with desk_of(lab) as desk:
        yield desk


def gate(key: str, name: str, *needs: str, **fields: Json) -> Body:
    """A subtask that runs until the test opens the gate ``name``."""
    return step(key, *needs, type="gate", input={"name": name}, **fields)


def present(key: str, file: Path, *needs: str, **fields: Json) -> Body:
    """A subtask that fails until ``file`` is there."""
    return step(key, *needs, type="read_file", input={"path": str(file)}, **fields)


# --- pause and resume ------------------------------------------------------------------------------------------------


async def test_nothing_new_starts_of_a_paused_task_until_it_is_resumed(desk: Desk, namespace: str) -> None:
    task_id = await desk.submit(plan(gate("a", namespace), step("b", "a")))
    await desk.until(task_id, "a", "processing")

    paused = await desk.ask(task_id, "pause")
    assert (paused.status, paused.gate, paused.current) == (TaskStatus.PAUSED, "pausing", ["a"])
    assert (await desk.ask(task_id, "pause")).status is TaskStatus.PAUSED
    GATES[namespace].set()
    await desk.until(task_id, "b", "ready")
    assert (await desk.task(task_id)).gate == "paused"
    listed = read(schemas.TaskPage, await desk.client.get("/tasks?status=suspended"))
    assert [task.id for task in listed.tasks] == [task_id]

    resumed = await desk.ask(task_id, "resume")
    assert (resumed.status in (TaskStatus.PROCESSING, TaskStatus.COMPLETED), resumed.gate) == (True, None)
    await finished(desk.engine, task_id)

    events = await desk.events(task_id)
    told = {event.event: event.seq for event in events if not event.key}
    started = moves(events, "processing")
    assert started["a"] < told["pause"] < moves(events, "ready")["b"] < told["resume"] < started["b"]
    assert [event.event for event in events if not event.key].count("pause") == 1


async def test_a_pause_now_stops_what_runs_and_spends_no_attempt(desk: Desk, namespace: str) -> None:
    task_id = await desk.submit(plan(gate("a", namespace, retry={"max_attempts": 1})))
    await desk.until(task_id, "a", "processing")

    await desk.ask(task_id, "pause", {"mode": "now"})
    await desk.until(task_id, "a", "ready")
    task = await desk.task(task_id)
    assert (task.status, task.gate, task.subtasks) == (TaskStatus.PAUSED, "paused", {"ready": 1})
    GATES[namespace].set()
    assert STARTED[namespace] == 1
    await desk.ask(task_id, "resume")
    await finished(desk.engine, task_id)

    detail = await desk.subtask(task_id, "a")
    assert detail.subtask.status is SubtaskStatus.COMPLETED
    assert [attempt.outcome for attempt in detail.attempts] == ["interrupted", "completed"]


async def test_a_pause_outlives_the_engine(lab: Lab, namespace: str) -> None:
    async with desk_of(lab) as desk:
        task_id = await desk.submit(plan(gate("a", namespace), step("b", "a")))
        await desk.until(task_id, "a", "processing")
        await desk.ask(task_id, "pause", {"mode": "now"})
        await desk.until(task_id, "a", "ready")
    GATES[namespace].set()
    async with desk_of(lab) as desk:
        task = await desk.task(task_id)
        assert (task.status, task.gate, task.subtasks) == (TaskStatus.PAUSED, "paused", {"ready": 1, "pending": 1})
        await desk.ask(task_id, "resume")
        assert (await finished(desk.engine, task_id)).status is TaskStatus.COMPLETED


@pytest.mark.parametrize(("then", "status"), [("resume", TaskStatus.COMPLETED), ("cancel", TaskStatus.CANCELLED)])
async def test_a_pause_may_end_by_itself(desk: Desk, namespace: str, then: str, status: TaskStatus) -> None:
    task_id = await desk.submit(plan(gate("a", namespace), step("b", "a")))
    await desk.until(task_id, "a", "processing")
    await desk.ask(task_id, "pause", {"timeout_seconds": 0.5, "on_timeout": then})
    GATES[namespace].set()
    assert (await finished(desk.engine, task_id)).status is status
    (paused,) = [event for event in await desk.events(task_id) if event.event == "pause"]
    assert re.fullmatch(rf"until 20[-\d]+T[\d:.]+Z, then {then}", paused.detail)


# --- retry and skip --------------------------------------------------------------------------------------------------


async def test_a_retried_subtask_frees_what_was_blocked(desk: Desk, namespace: str, tmp_path: Path) -> None:
    file = tmp_path / "files" / "late.txt"
    task_id = await desk.submit(plan(present("bad", file), step("below", "bad"), gate("hold", namespace)))
    await desk.until(task_id, "below", "blocked")
    assert (await desk.task(task_id)).subtasks == {"failed": 1, "blocked": 1, "processing": 1}

    file.parent.mkdir(exist_ok=True)
    file.write_text("here")
    await desk.ask(task_id, "subtasks/bad/retry")
    await desk.until(task_id, "below", "completed")
    GATES[namespace].set()
    task = await finished(desk.engine, task_id)

    assert (task.status, task.counts) == (TaskStatus.COMPLETED, {"completed": 3})
    assert [attempt.outcome for attempt in (await desk.subtask(task_id, "bad")).attempts] == ["failed", "completed"]
    said = [(event.event, event.source, event.status) for event in await desk.events(task_id) if event.key == "below"]
    assert ("unblock", "blocked", "pending") in said


async def test_a_verdict_that_is_on_its_way_does_not_outlive_the_retry(
    desk: Desk, namespace: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A subtask is found blocked at the very moment at which what blocks it is run again."""
    file, control, judge = tmp_path / "files" / "late.txt", desk.engine._control, desk.engine._scheduler._judge
    asked, let_go, moved = asyncio.Event(), asyncio.Event(), asyncio.Event()
    moves, dependants, move = judge.moves, control._graph.dependants, desk.engine._scheduler.move

    async def slow(task: RunningTask, undecided: Sequence[Undecided]) -> list[Move]:
        found = await moves(task, undecided)
        if any(one.key == "below" for one in found):
            asked.set()
            await let_go.wait()
        return found

    async def meanwhile(ids: Sequence[str]) -> list[Dependant]:
        found = await dependants(ids)
        let_go.set()
        await moved.wait()
        return found

    def told(found: Sequence[Move]) -> None:
        move(found)
        if let_go.is_set():
            moved.set()

    monkeypatch.setattr(judge, "moves", slow)
    monkeypatch.setattr(control._graph, "dependants", meanwhile)
    monkeypatch.setattr(desk.engine._scheduler, "move", told)
    task_id = await desk.submit(plan(present("bad", file), gate("hold", namespace), step("below", "bad", "hold")))
    await desk.until(task_id, "bad", "failed")
    GATES[namespace].set()
    await asked.wait()
    file.parent.mkdir(exist_ok=True)
    file.write_text("here")

    await desk.ask(task_id, "subtasks/bad/retry")
    task = await finished(desk.engine, task_id)

    assert (task.status, task.counts) == (TaskStatus.COMPLETED, {"completed": 3})


async def test_a_skipped_subtask_is_given_up_and_its_task_may_complete(desk: Desk, namespace: str) -> None:
    bad = step("bad", type="boom", input={"how": "fatal"}, critical=True)
    task_id = await desk.submit(
        plan(bad, step("below", "bad", run_if="all_settled"), step("after", "bad"), gate("hold", namespace))
    )
    await desk.until(task_id, "after", "blocked")

    await desk.ask(task_id, "subtasks/bad/skip")
    await desk.until(task_id, "after", "skipped")
    await desk.ask(task_id, "subtasks/bad/skip")
    GATES[namespace].set()
    task = await finished(desk.engine, task_id)

    assert (task.status, task.counts) == (TaskStatus.COMPLETED, {"completed": 2, "skipped": 2})
    skips = [event for event in await desk.events(task_id) if event.event == "skip"]
    assert [(event.key, event.source) for event in skips] == [("bad", "failed")]


async def test_a_back_off_is_shown_and_can_be_cut_short(desk: Desk, tmp_path: Path) -> None:
    file = tmp_path / "files" / "late.txt"
    retry = {"max_attempts": 2, "backoff_seconds": 3600, "jitter": False, "max_backoff_seconds": 3600}
    task_id = await desk.submit(plan(present("a", file, retry=retry)))
    await desk.until(task_id, "a", "retrying")
    detail = await desk.subtask(task_id, "a")
    assert detail.subtask.retry_at
    assert detail.attempts[0].retry_at == detail.subtask.retry_at
    assert (await desk.task(task_id)).subtasks == {"retrying": 1}
    assert detail.subtask.error
    assert detail.subtask.error.suggestion

    file.parent.mkdir(exist_ok=True)
    file.write_text("here")
    await desk.ask(task_id, "subtasks/a/retry")
    assert (await finished(desk.engine, task_id)).status is TaskStatus.COMPLETED


# --- what is refused -------------------------------------------------------------------------------------------------


async def test_illegal_moves_name_the_state_and_what_is_legal(desk: Desk, namespace: str) -> None:
    task_id = await desk.submit(plan(step("done"), gate("hold", namespace), step("later", "hold")))
    await desk.until(task_id, "done", "completed")
    await desk.until(task_id, "hold", "processing")

    for verb in ("retry", "skip", "approve", "reject"):
        state, legal, detail = await desk.refused(task_id, f"subtasks/done/{verb}")
        assert (state, legal) == ("completed", [])
        assert detail == f"subtask done is completed, so {verb} is not possible; legal now: nothing"
    state, legal, detail = await desk.refused(task_id, "subtasks/later/retry")
    assert (state, legal) == ("pending", ["skip"])
    assert "waits for 1 of its dependencies" in detail
    assert await desk.refused(task_id, "subtasks/hold/skip") == (
        "processing",
        [],
        "subtask hold is processing, so skip is not possible; legal now: nothing",
    )
    for verb in ("retry", "skip", "approve", "reject"):
        problem(await desk.client.post(f"/tasks/{task_id}/subtasks/nobody/{verb}"), 404, "not-found")
    GATES[namespace].set()
    await finished(desk.engine, task_id)


async def test_a_final_task_refuses_every_verb_but_the_one_that_ended_it(desk: Desk, namespace: str) -> None:
    completed = await desk.submit(plan(step("a")))
    await finished(desk.engine, completed)
    for verb in ("cancel", "pause", "resume", "subtasks/a/retry", "subtasks/a/skip"):
        state, legal, detail = await desk.refused(completed, verb)
        assert (state, legal) == ("completed", ["rerun", "delete"])
        assert f"{verb.rpartition('/')[2]} is not possible; legal now: rerun, delete" in detail

    cancelled = await desk.submit(plan(gate("a", namespace)))
    for _ in range(2):
        assert (await desk.ask(cancelled, "cancel")).status is TaskStatus.CANCELLED
    assert (await desk.refused(cancelled, "resume"))[0] == "cancelled"


async def test_resume_of_what_runs_and_pause_of_what_is_paused_change_nothing(desk: Desk, namespace: str) -> None:
    task_id = await desk.submit(plan(gate("a", namespace)))
    await desk.until(task_id, "a", "processing")
    before = len(await desk.events(task_id))
    assert (await desk.ask(task_id, "resume")).status is TaskStatus.PROCESSING
    assert len(await desk.events(task_id)) == before
    assert (await desk.ask(task_id, "cancel")).status is TaskStatus.CANCELLED
    for verb in ("cancel", "pause", "resume", "subtasks/a/skip"):
        problem(await desk.client.post(f"/tasks/nobody/{verb}"), 404, "not-found")
