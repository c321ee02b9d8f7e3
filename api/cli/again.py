"""``agent03 task rerun`` and ``agent03 task delete``: what can be done with tasks that have ended."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

from api import schemas
from api.cli.client import Client, Unanswered, place_of
from api.cli.exits import DONE, FAILED, USAGE, Stop
from api.cli.output import say, show
from api.cli.tasks import PAGE
from api.cli.watch import watch_to_end
from api.headers import IDEMPOTENCY_KEY
from engine.model import Json

FINAL = ("completed", "failed", "cancelled")
_AGE = re.compile(r"(\d+(?:\.\d+)?)([smhdw])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def rerun_task(client: Client, task_id: str, start: str, overrides: Json, *, wait: bool, as_json: bool) -> int:
    """Has a task run again and prints the new one's id, or with ``wait`` what came of it; returns the exit code."""
    body = {"from": start, "overrides": overrides}
    try:
        made, _ = client.post(schemas.Created, f"{place_of(task_id)}/rerun", body, {IDEMPOTENCY_KEY: str(uuid.uuid4())})
    except Unanswered as lost:
        raise Stop(f"{lost}; whether it runs again is unknown: look at agent03 task list", lost.code) from None
    if wait:
        return watch_to_end(client, made.task_id, as_json=as_json)
    show(made.model_dump_json(indent=2) if as_json else made.task_id)
    say(f"{made.initial_subtasks_queued} subtask(s) begin; to see how it goes: agent03 task watch {made.task_id}")
    return DONE


def age(text: str) -> timedelta:
    """How long "90s", "15m", "12h", "30d" or "4w" is; raises ``Stop`` for anything else."""
    match = _AGE.fullmatch(text)
    if match is None:
        raise Stop(f"--older-than {text!r} is no age: write a number and s, m, h, d or w, such as 30d", USAGE)
    return timedelta(**{_UNITS[match[2]]: float(match[1])})


def ended_before(client: Client, moment: datetime, states: Sequence[str]) -> Iterator[str]:
    """The ids of tasks in these states that ended before a moment, newest first."""
    for state in states:
        cursor: str | None = None
        while True:
            page = client.get(schemas.TaskPage, "/tasks", status=state, cursor=cursor, limit=PAGE)
            for task in page.tasks:
                if task.completed_at and datetime.fromisoformat(task.completed_at) < moment:
                    yield task.id
            cursor = page.next_cursor
            if cursor is None:
                break


def delete_tasks(client: Client, ids: Sequence[str], older_than: str | None, states: Sequence[str]) -> int:
    """Removes tasks, by id or by age; prints the id of each; returns the exit code: 1 when one was refused."""
    if bool(ids) == (older_than is not None):
        raise Stop("name the tasks, or give --older-than, such as 30d", USAGE)
    if unknown := [state for state in states if state not in FINAL]:
        raise Stop(f"--state {unknown[0]!r}: only {', '.join(FINAL)} tasks can be removed", USAGE)
    if states and older_than is None:
        raise Stop("--state belongs to --older-than", USAGE)
    chosen = list(ids)
    if older_than is not None:
        chosen = list(ended_before(client, datetime.now(UTC) - age(older_than), states or FINAL))
    refused = [task_id for task_id in chosen if not _delete(client, task_id)]
    if not chosen:
        say("no task is that old")
    return FAILED if refused else DONE


def _delete(client: Client, task_id: str) -> bool:
    """Removes one task; what speaks against it is said, and the others go on."""
    try:
        gone = client.delete(place_of(task_id))
    except Stop as error:
        if isinstance(error, Unanswered) or error.code not in (FAILED, USAGE):
            raise
        say(str(error))
        return False
    show(task_id)
    if not gone:
        say(f"{task_id} is not shown any more; the rest of it is removed in the background")
    return True
