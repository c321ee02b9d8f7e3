"""What tests of the failure policy ask of a task, and a subtask that fails."""

from __future__ import annotations

import json

from engine.model import Json, Task
from engine.service import Engine
from tests.support.engines import check_story, story, subtasks
from tests.support.plans import Body, step

BROKEN = {"category": "logic"}
SLOW = {"seconds": 600}


def bad(key: str, *needs: str, **fields: Json) -> Body:
    """A subtask that fails for good."""
    return step(key, *needs, type="fail", input=BROKEN, **fields)


async def statuses(engine: Engine, task_id: str) -> dict[str, str]:
    """Every subtask's status by key."""
    return {key: row.status.value for key, row in (await subtasks(engine, task_id)).items()}


async def stand(engine: Engine, task_id: str, **expected: str) -> bool:
    """Whether these subtasks have these statuses now."""
    found = await statuses(engine, task_id)
    return {key: found[key] for key in expected} == expected


def told(task: Task) -> dict[str, Json]:
    """What is said about a task."""
    found: dict[str, Json] = json.loads(task.error or "{}")
    return found


async def error_of(engine: Engine, task_id: str, key: str) -> dict[str, Json]:
    """What is said about a subtask."""
    found: dict[str, Json] = json.loads((await subtasks(engine, task_id))[key].error or "{}")
    return found


async def check(engine: Engine, task_id: str) -> None:
    """The events tell the whole story of a task."""
    graph = await engine.graph_of(task_id)
    check_story(
        await story(engine, task_id), await subtasks(engine, task_id), [(after, on) for on, after in graph["edges"]]
    )
