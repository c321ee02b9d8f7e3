"""``agent03 submit``: hands a task to a running server, and waits for its end where that is wanted."""

from __future__ import annotations

import uuid

from api import schemas
from api.cli.client import Client, Unanswered
from api.cli.exits import DONE, Stop
from api.cli.output import say, show
from api.cli.watch import watch_to_end
from api.headers import IDEMPOTENCY_KEY, IDEMPOTENCY_REPLAYED
from engine.model import Json


def submit_task(server: tuple[str, str], body: Json, *, key: str | None, wait: bool, as_json: bool) -> int:
    """Submits a task and prints its id, or with ``wait`` what came of it; returns the exit code.

    ``server`` is where it is, and the key that it is shown. Without a ``key`` of idempotency one is made up: when the
    answer gets lost, the message names it, and sending again is safe.
    """
    chosen = key or str(uuid.uuid4())
    with Client(*server) as client:
        try:
            created, headers = client.post(schemas.Created, "/tasks", body, {IDEMPOTENCY_KEY: chosen})
        except Unanswered as lost:
            again = f"send it again with --idempotency-key {chosen}: it makes no second task"
            raise Stop(f"{lost}; whether the task was stored is unknown; {again}", lost.code) from None
        if headers.get(IDEMPOTENCY_REPLAYED):
            say(f"task {created.task_id} was made by this key before")
        if wait:
            return watch_to_end(client, created.task_id, as_json=as_json)
    show(created.model_dump_json(indent=2) if as_json else created.task_id)
    say(f"{created.subtasks_count} subtask(s); to see how it goes: agent03 task watch {created.task_id}")
    return DONE
