"""A server is killed while a task changes files, again and again: once the task is cancelled, all is as it was.

Every run prints its seed; ROLLBACK_SEED repeats it.
"""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.plans import Body, plan, step
from tests.support.services import eventually
from tests.support.serving import Serving

FILES = 60
BYTES = 300_000
KILLS = 3
pytestmark = pytest.mark.timeout(180)


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Serving]:
    """A server on an embedded graph, whose tools may touch a folder beside its data."""
    files = tmp_path / "files"
    files.mkdir()
    for number in range(0, FILES, 2):
        (files / f"{number}").write_text(f"before {number}")
        (files / f"{number}").chmod(0o600 + number % 8)
    settings = {"FILE_ROOTS": str(files), "AGENT03_TOOLS": "tests.support.engines", "RETRY_BACKOFF_SECONDS": "0.01"}
    found = Serving(tmp_path / "data", settings)
    yield found
    found.discard()


def tree(folder: Path) -> dict[str, tuple[int, bytes]]:
    """Modes and bytes of everything below a folder, by path; of folders the mode alone."""
    return {
        str(path.relative_to(folder)): (path.stat().st_mode, path.read_bytes() if path.is_file() else b"")
        for path in folder.rglob("*")
    }


def changes() -> Body:
    """Replaces, makes and deletes, over and over, and then waits for ever."""
    steps = [step("waits", *(f"w{number}" for number in range(FILES)), type="gate", input={"name": "never"})]
    for number in range(FILES):
        path = f"{number}" if number % 4 else f"made/{number}/new"
        steps.append(step(f"w{number}", type="write_file", input={"path": path, "content": "{{input.text}}"}))
        if number % 5 == 2:
            steps.append(step(f"d{number}", f"w{number}", type="delete_file", input={"path": path}))
    return plan(*steps, on_failure="rollback", input={"text": "x" * BYTES})


async def test_after_kills_in_the_middle_all_is_as_it_was(server: Serving) -> None:
    seed = int(os.environ.get("ROLLBACK_SEED", random.randrange(2**32)))
    print(f"seed {seed}")
    chance = random.Random(seed)
    files = server.folder.parent / "files"
    before = tree(files)
    await server.start()
    task_id = await server.submit(changes())
    for kill in range(KILLS):
        done = FILES * (kill + chance.random()) / (KILLS + 1)
        await eventually(lambda done=done: len(list((files / "made").glob("*/*"))) * 4 >= done, 30)
        server.kill()
        await server.start()
    assert (files / "made").exists()
    await server.call("POST", f"/tasks/{task_id}/cancel")

    async def final() -> bool:
        return bool((await server.task(task_id))["status"] == "cancelled")

    await eventually(final, 60)
    assert await asyncio.to_thread(tree, files) == before


async def test_a_kill_while_files_are_put_back_is_made_good(server: Serving) -> None:
    files = server.folder.parent / "files"
    before = tree(files)
    await server.start()
    task_id = await server.submit(changes())
    await eventually(lambda: len(list((files / "made").glob("*/*"))) >= FILES // 8, 30)
    cancelling = asyncio.create_task(server.call("POST", f"/tasks/{task_id}/cancel", check=False))
    closed = server.folder / "undo" / task_id / "closed"
    await eventually(closed.exists, 30)
    server.kill()
    await asyncio.wait([cancelling])
    assert not isinstance(cancelling.exception(), AssertionError)
    await server.start()

    async def final() -> bool:
        return bool((await server.task(task_id))["status"] == "cancelled")

    await eventually(final, 60)
    assert tree(files) == before
