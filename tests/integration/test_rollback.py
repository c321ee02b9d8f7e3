"""``on_failure: rollback`` on both graphs: a task that has failed or is cancelled has changed nothing."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path
from typing import Any

import pytest

from engine.errors import Conflict
from engine.model import Json
from engine.service import Engine
from engine.states import TaskStatus
from engine.tools.undo import UndoLog, Undone
from tests.support.engines import GATES, Lab, finished, run, story, subtasks
from tests.support.plans import Body, plan, step
from tests.support.services import eventually


def write(key: str, *needs: str, path: str, content: str = "after") -> Body:
    """A step that writes a file."""
    return step(key, *needs, type="write_file", input={"path": path, "content": content})


BROKEN = step("broken", "w", "n", "d", type="fail", retry={"max_attempts": 1})


@pytest.fixture
def files(lab: Lab) -> Path:
    """What is there before the task: one file to be written, one to be deleted."""
    folder = lab.folder / "files"
    folder.mkdir()
    (folder / "old").write_text("before")
    (folder / "old").chmod(0o604)
    (folder / "gone").write_text("before")
    return folder


def changes(*more: Body, **common: Json) -> Body:
    """A plan that changes, makes and deletes."""
    steps = (
        write("w", path="old"),
        write("n", path="made/new"),
        step("d", type="delete_file", input={"path": "gone"}),
        *more,
    )
    return plan(*steps, **{"on_failure": "rollback", **common})


def untouched(files: Path) -> bool:
    """Whether all is as it was, modes included."""
    return (
        sorted(os.listdir(files)) == ["gone", "old"]
        and (files / "old").read_text() == (files / "gone").read_text() == "before"
        and (files / "old").stat().st_mode & 0o777 == 0o604
    )


async def test_a_failed_task_leaves_no_change(lab: Lab, files: Path) -> None:
    engine = await lab.start()
    task = await run(engine, changes(BROKEN))
    assert (task.status, untouched(files)) == (TaskStatus.FAILED, True)
    last = (await story(engine, task.id))[-1]
    assert (last.event, last.detail) == ("finish", "put back 3 file(s)")
    assert {row.status for row in (await subtasks(engine, task.id)).values()} == {"completed", "failed"}


async def test_without_the_wish_and_after_success_the_changes_stay(lab: Lab, files: Path) -> None:
    engine = await lab.start()
    task = await run(engine, changes(BROKEN, on_failure="keep"))
    assert (task.status, (files / "old").read_text()) == (TaskStatus.FAILED, "after")
    task = await run(engine, changes(step("x", type="fail", critical=False, retry={"max_attempts": 1})))
    assert (task.status, (files / "made" / "new").read_text()) == (TaskStatus.COMPLETED, "after")


async def test_a_cancelled_task_leaves_no_change(lab: Lab, files: Path) -> None:
    engine = await lab.start()
    waits = step("waits", "w", "n", "d", type="gate", input={"name": lab.namespace})
    task_id = (await engine.submit(changes(waits))).id
    await eventually(lambda: lab.namespace in GATES)
    assert (files / "made" / "new").exists()
    await engine.cancel(task_id, by="Ada")
    task = await finished(engine, task_id)
    assert (task.status, untouched(files)) == (TaskStatus.CANCELLED, True)
    assert (await story(engine, task_id))[-1].detail == "Ada; put back 3 file(s)"


class Held:
    """Holds the putting back until it is let go."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.begun, self.go = threading.Event(), threading.Event()
        original = UndoLog.roll_back

        def held(log: UndoLog, task_id: str) -> Undone:
            self.begun.set()
            assert self.go.wait(30)
            return original(log, task_id)

        monkeypatch.setattr(UndoLog, "roll_back", held)


async def test_nobody_retries_a_part_of_what_is_rolled_back(
    lab: Lab, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine, held = await lab.start(), Held(monkeypatch)
    task_id = (await engine.submit(changes(BROKEN))).id
    await eventually(held.begun.is_set)
    with pytest.raises(Conflict):
        await engine.retry(task_id, "broken")
    assert (await engine.task(task_id)).gate == "failing"
    held.go.set()
    assert (await finished(engine, task_id)).status is TaskStatus.FAILED
    assert untouched(files)


async def test_an_engine_that_stops_in_the_middle_goes_on_at_its_start(
    lab: Lab, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        engine, held = await lab.start(), Held(patch)
        task_id = (await engine.submit(changes(BROKEN))).id
        await eventually(held.begun.is_set)
        await lab.stop(engine)
        assert (files / "old").read_text() == "after"
    again = await lab.start()
    assert (await finished(again, task_id)).status is TaskStatus.FAILED
    held.go.set()  # the thread of the first life ends too, and does no harm
    assert untouched(files)


async def test_what_cannot_be_put_back_is_told(lab: Lab, files: Path) -> None:
    engine = await lab.start()
    argv = ["sh", "-c", f"rm {files}/old && mkdir {files}/old"]
    block = step("block", "w", "n", "d", type="shell", input={"argv": argv})
    task = await run(engine, changes(block, step("x", "block", type="fail", retry={"max_attempts": 1})))
    said: dict[str, Any] = json.loads(task.error or "{}")
    assert f"not put back: {files}/old (Is a directory)" in said["message"]
    assert f"agent03 undo {task.id}" in said["suggestion"]
    assert ((files / "gone").read_text(), (files / "made").exists()) == ("before", False)
    assert (await story(engine, task.id))[-1].detail.startswith("put back 2 file(s), and not ")


async def test_an_engine_puts_back_its_part_of_a_task_that_another_has_ended(neo4j_lab: Lab, tmp_path: Path) -> None:
    shared = tmp_path / "files"
    shared.mkdir()
    (shared / "old").write_text("before")
    common = {"blob_path": str(tmp_path / "blobs"), "engine_timeout_seconds": 1.0, "heartbeat_seconds": 0.2}
    first: Engine = await neo4j_lab.start(**common, data_path=str(tmp_path / "one"))
    waits = step("waits", "w", type="gate", input={"name": neo4j_lab.namespace})
    task_id = (await first.submit(plan(write("w", path="old"), waits, on_failure="rollback"))).id
    await eventually(lambda: neo4j_lab.namespace in GATES)
    await neo4j_lab.stop(first)
    second = await neo4j_lab.start(**common, data_path=str(tmp_path / "two"))
    await eventually(lambda: task_id in second._ledger.tasks, 30)
    await second.cancel(task_id, by="Ada")
    assert (await finished(second, task_id)).status is TaskStatus.CANCELLED
    assert (shared / "old").read_text() == "after", "the other engine has what it was"
    await neo4j_lab.start(**common, data_path=str(tmp_path / "one"))
    assert (await second.task(task_id)).error is None
    await eventually(lambda: (shared / "old").read_text() == "before")
