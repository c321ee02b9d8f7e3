"""``agent03 run``: one task to its end in this process. Progress on stderr, the result on stdout.

Ctrl-C (and SIGTERM) stops the engine as a server would stop: running subtasks get their grace, what is done is kept,
and the task goes on when an engine is started on the same graph again.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Iterator

from api import present, schemas
from api.cli.exits import DONE, FAILED, INTERRUPTED
from api.cli.output import say, show
from api.cli.tree import OUTLINED, display_for, nodes_of, terminal
from api.cli.words import closing_line, outcome
from api.wiring import open_engine
from engine.model import Json
from engine.service import Engine
from engine.settings import Settings
from engine.states import SubtaskStatus, TaskStatus

SHOWN_ERRORS = 20


class Interrupted(Exception):
    """Somebody asked the run to stop before its end."""

    def __init__(self, task_id: str) -> None:
        super().__init__(task_id)
        self.task_id = task_id


async def run_task(settings: Settings, body: Json, *, as_json: bool) -> int:
    """Runs a task and prints what came of it; returns the exit code."""
    try:
        async with open_engine(settings) as engine:
            document = await follow_to_end(engine, body, settings)
            bad = [] if as_json else await _bad_subtasks(engine, document.task)
    except Interrupted as stopped:
        say(how_to_go_on(stopped.task_id, settings))
        return INTERRUPTED
    show(document.model_dump_json(indent=2) if as_json else outcome(document.task, bad))
    say(closing_line(document.task))
    return DONE if document.task.status is TaskStatus.COMPLETED else FAILED


async def follow_to_end(engine: Engine, body: Json, settings: Settings) -> schemas.TaskDocument:
    """Submits a task, shows its events, and returns it when it is final.

    Raises:
        InvalidInput: when the body has faults.
        Interrupted: on Ctrl-C; the engine is still running then.
    """
    submitted = await engine.submit(body)
    task_id = submitted.task_id
    following = asyncio.create_task(_show(engine, task_id, submitted.subtasks_count))
    with _cancelled_by_signal(following) as interrupted:
        try:
            await following
        except asyncio.CancelledError:
            if not interrupted.is_set():
                raise
            grace = f"{settings.shutdown_grace_seconds:g} s"
            say(f"stopping; running subtasks get up to {grace}, a second Ctrl-C ends at once")
            raise Interrupted(task_id) from None
    return await present.task_document(engine, task_id)


async def _show(engine: Engine, task_id: str, total: int) -> None:
    console = terminal()
    known = nodes_of(await engine.graph_of(task_id)) if console.is_terminal and total <= OUTLINED else []
    with display_for(total, known, console=console) as display:
        async for event in engine.follow(task_id):
            display.see(event)


@contextlib.contextmanager
def _cancelled_by_signal(task: asyncio.Task[None]) -> Iterator[asyncio.Event]:
    """The first signal cancels ``task``; from then on signals do what they always do."""
    loop = asyncio.get_running_loop()
    interrupted = asyncio.Event()
    numbers = (signal.SIGINT, signal.SIGTERM)

    def release() -> None:
        for number in numbers:
            loop.remove_signal_handler(number)

    def on_signal() -> None:
        interrupted.set()
        task.cancel()
        release()

    for number in numbers:
        loop.add_signal_handler(number, on_signal)
    try:
        yield interrupted
    finally:
        release()


async def _bad_subtasks(engine: Engine, task: schemas.Task) -> list[schemas.SubtaskResult]:
    """The first subtasks that failed, with their errors."""
    if task.status is not TaskStatus.FAILED:
        return []
    rows = await engine.subtasks(task.id, status=SubtaskStatus.FAILED, after="", limit=SHOWN_ERRORS)
    return [present.subtask_result(row, None) for row in rows]


def how_to_go_on(task_id: str, settings: Settings) -> str:
    """What to do with a task that was interrupted."""
    where = settings.neo4j_url or settings.data_path
    return f"task {task_id} is kept in {where} and not finished; 'agent03 serve' with the same settings goes on with it"
