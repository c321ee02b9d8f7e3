"""Tools about tasks: what can be asked for, handing it in, following it, its results, stopping it."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Annotated, Any, Literal

from mcp.server.mcpserver import Context
from pydantic import BaseModel, ConfigDict, Field

from api.mcp.bounds import bounded
from api.mcp.door import Door, place_of
from api.mcp.reach import Reach
from api.schemas.live import LiveProgress
from engine.states import FINAL

MOST_WATCHED_SECONDS = 600.0
SHOWN_FAILED = 10
_FINAL = frozenset(status.value for status in FINAL)

TaskId = Annotated[str, Field(min_length=1, max_length=100, description="The task's id, as submit gives it.")]
Key = Annotated[str, Field(min_length=1, max_length=300, description="A subtask's key in its plan.")]


class Step(BaseModel):
    """One subtask. What else a plan may say of one (retry, run_if, map, optional, timeout_seconds) is taken too."""

    model_config = ConfigDict(extra="allow", use_attribute_docstrings=True)

    key: str
    """Its name, unique in the plan."""
    type: str
    """What runs it; subtask_types lists them."""
    input: Any = None
    """As its type wants it; {{subtasks.KEY.output.path}} stands for what another subtask has produced."""
    dependencies: list[str] = Field(default_factory=list)
    """Keys of subtasks that must be done first; those that its input refers to need not be named."""
    requires_approval: bool = False
    """A person has to approve its input before it runs."""


class Steps(BaseModel):
    """A plan."""

    subtasks: list[Step]


class Wanted(BaseModel):
    """What is wanted, by exactly one of description, type, template and plan."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    description: str | None = None
    """A sentence of 10 to 5,000 characters."""
    type: str | None = None
    """Instead: a task type, such as data_processing, with input and parameters."""
    template: str | None = None
    """Instead: the name of a plan template, with parameters."""
    plan: Steps | None = None
    """Instead: the subtasks themselves. What depends on nothing starts at once, side by side."""
    input: Any = None
    """The task's input; subtasks reach it as {{input.path}}."""
    parameters: dict[str, Any] | None = None
    """Of a typed task or a template."""

    def body(self) -> dict[str, Any]:
        """As ``POST /tasks`` takes it; that judges it."""
        return self.model_dump(exclude_unset=True)


class TaskTools:
    """The tools; each asks through ``reach``."""

    def __init__(self, reach: Reach) -> None:
        self._reach = reach

    async def submit(
        self,
        ctx: Context,
        task: Wanted,
        name: Annotated[str | None, Field(max_length=200, description="How people shall find it.")] = None,
        tags: Annotated[list[str] | None, Field(max_length=100, description="To find it by.")] = None,
        priority: Annotated[int | None, Field(ge=0, le=10, description="Its share of the engine, 10 most.")] = None,
        deadline_seconds: Annotated[float | None, Field(gt=0, description="After so long it fails.")] = None,
        idempotency_key: Annotated[
            str | None, Field(max_length=255, description="Sent again with the same key it makes no second task.")
        ] = None,
    ) -> dict[str, Any]:
        """Hand in a task: it is stored, and goes on whatever becomes of you. Use it for work of several steps, work
        that takes long, or work that must survive a crash. Answers at once with task_id: call watch with it next. A
        faulty task is refused with every fault named, and nothing of it is stored. subtask_types says what a plan can
        be made of; preview tries it out.
        """
        said = {"name": name, "tags": tags, "priority": priority, "deadline_seconds": deadline_seconds}
        body = {field: value for field, value in said.items() if value is not None} | task.body()
        headers = {} if idempotency_key is None else {"Idempotency-Key": idempotency_key}
        async with self._reach(ctx) as door:
            return await door.send("POST", "/tasks", body, headers)

    async def preview(
        self,
        ctx: Context,
        task: Wanted,
    ) -> dict[str, Any]:
        """See what a task would become: its plan, which subtasks run side by side, the critical path, how long it will
        take. Nothing is stored or run. Use it before submit, to check a plan or to show it to somebody.
        """
        async with self._reach(ctx) as door:
            seen = await door.send("POST", "/plans/preview", task.body())
        return bounded({name: value for name, value in seen.items() if name != "graph"})

    async def watch(
        self,
        ctx: Context,
        task_id: TaskId,
        timeout_seconds: Annotated[
            float, Field(gt=0, le=MOST_WATCHED_SECONDS, description="Come back after so long whatever happens.")
        ] = 60.0,
    ) -> dict[str, Any]:
        """Wait until a task is final, or for timeout_seconds; its progress is told meanwhile. Answers with the task as
        it is then: status, counts, when it will have ended, its result, and the first subtasks that failed. With final
        false call it again; when nothing moves ask why.
        """
        async with self._reach(ctx) as door:
            seq = (await door.get(place_of(task_id), subtasks=0))["seq"]
            with suppress(TimeoutError):
                async with asyncio.timeout(timeout_seconds):
                    await _follow(ctx, door, task_id, seq)
            task = (await door.get(place_of(task_id), subtasks=0))["task"]
            failed = await _failed(door, task)
        return bounded({"final": task["status"] in _FINAL, "task": task, **failed})

    async def results(
        self,
        ctx: Context,
        task_id: TaskId,
        key: Annotated[str | None, Field(description="One subtask: its input, output, error and attempts.")] = None,
        status: Annotated[str | None, Field(description="Only subtasks in this state, such as failed.")] = None,
        cursor: Annotated[str | None, Field(description="next_cursor of the page before.")] = None,
        limit: Annotated[int, Field(ge=1, le=100, description="Subtasks on a page.")] = 20,
    ) -> dict[str, Any]:
        """Read what a task has produced until now: its result, and its subtasks with their outputs, a page at a time.
        With key everything about one subtask.
        """
        async with self._reach(ctx) as door:
            if key is not None:
                return bounded(await door.get(place_of(task_id, "subtasks", key)))
            task = (await door.get(place_of(task_id), subtasks=0))["task"]
            page = await door.get(place_of(task_id, "subtasks"), status=status, cursor=cursor, limit=limit)
        told = {name: task[name] for name in ("id", "status", "result", "error", "warnings")}
        return bounded({"task": told, **page})

    async def tasks(
        self,
        ctx: Context,
        status: Annotated[str | None, Field(description="Only in this state, such as processing or failed.")] = None,
        search: Annotated[str, Field(max_length=200, description="Only with this text in name or description.")] = "",
        tag: Annotated[str | None, Field(description="Only with this tag.")] = None,
        cursor: Annotated[str | None, Field(description="next_cursor of the page before.")] = None,
        limit: Annotated[int, Field(ge=1, le=50)] = 10,
    ) -> dict[str, Any]:
        """List tasks, newest first. Use it to find the id of one that you did not submit yourself."""
        async with self._reach(ctx) as door:
            found = await door.get("/tasks", status=status, search=search or None, tag=tag, cursor=cursor, limit=limit)
        return bounded(found)

    async def subtask_types(
        self,
        ctx: Context,
        name: Annotated[str | None, Field(description="One type: the JSON Schema of its input and output.")] = None,
    ) -> dict[str, Any]:
        """List what subtasks can be made of: each type with what it does and whether it is dangerous. With name the
        schema of its input. Read it before you write a plan.
        """
        async with self._reach(ctx) as door:
            offered = (await door.get("/tools"))["tools"]
        if name is None:
            shown = ("name", "description", "risk")
            return bounded({"types": [{field: tool[field] for field in shown} for tool in offered]})
        found = next((tool for tool in offered if tool["name"] == name), None)
        return bounded(found or {"missing": f"There is no type {name!r}; call this without name for a list."})

    async def logs(
        self,
        ctx: Context,
        task_id: TaskId,
        key: Annotated[str | None, Field(description="Only of this subtask.")] = None,
        level: Annotated[
            Literal["debug", "info", "warning", "error"], Field(description="Only as severe as this or more.")
        ] = "debug",
        cursor: Annotated[str | None, Field(description="next_cursor of the page before.")] = None,
        limit: Annotated[int, Field(ge=1, le=100)] = 30,
    ) -> dict[str, Any]:
        """Read what the subtasks of a task have logged, the latest first: what a tool said while it ran. Use it when
        the error of a subtask does not say enough.
        """
        async with self._reach(ctx) as door:
            return bounded(await door.get("/logs", task=task_id, key=key, level=level, cursor=cursor, limit=limit))

    async def cancel(self, ctx: Context, task_id: TaskId) -> dict[str, Any]:
        """Stop a task for good: what runs is killed, what waits never starts. Its results until then are kept."""
        async with self._reach(ctx) as door:
            return bounded(await door.send("POST", place_of(task_id, "cancel"), {}))

    async def why(
        self,
        ctx: Context,
        task_id: TaskId,
        key: Annotated[str | None, Field(description="A subtask: why that one waits, runs or has failed.")] = None,
    ) -> dict[str, Any]:
        """Ask why a task or a subtask stands where it stands: the chain of causes in words, what would help, and when
        it is expected to go on. Use it when watch shows no progress, or after a failure.
        """
        async with self._reach(ctx) as door:
            return bounded(await door.get(place_of(task_id, "why", *([key] if key else []))))


async def _follow(ctx: Context, door: Door, task_id: str, after: int) -> None:
    """Tells the progress of a task until it is final, or the engine stops."""
    told = -1.0
    async for message in door.messages(place_of(task_id, "events"), after):
        if message.name == "progress":
            progress = LiveProgress.model_validate_json(message.data, extra="ignore")
            if progress.percent > told:  # the protocol wants it to grow
                told = progress.percent
                await ctx.report_progress(told, 100, f"{progress.completed} of {progress.total}: {progress.status}")


async def _failed(door: Door, task: dict[str, Any]) -> dict[str, Any]:
    """The first subtasks that failed, with their errors, when there are any."""
    if not task["subtasks"].get("failed"):
        return {}
    page = await door.get(place_of(task["id"], "subtasks"), status="failed", limit=SHOWN_FAILED)
    return {"failed": [{name: row[name] for name in ("key", "type", "error")} for row in page["subtask_results"]]}
