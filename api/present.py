"""From the engine's values to what goes over the wire. Shared by the routes and ``agent03 run --json``."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

import msgspec

from api import interim, logs, neo4j_browser, schemas
from api.schemas.live import LiveProgress, TaskNews
from engine import model
from engine.cachestore import CacheEntry
from engine.estimates.prediction import Prediction
from engine.forecasts import Forecast, WhatIf
from engine.plan import stored
from engine.plan.spec import Spec
from engine.routing.request import ExecutionRequest
from engine.states import FINAL, SETTLED, SubtaskStatus, TaskStatus
from engine.times import iso, iso_or_none

if TYPE_CHECKING:
    from engine.caching.explain import Explanation
    from engine.service import Engine
    from engine.settings import Settings

FIRST_SUBTASKS = 1000
"""Subtasks shown with their task; the rest through the pages of its subtasks."""
CURRENT_KEYS = 100
"""Running subtasks named in a task."""
LOADS_AT_ONCE = 50
"""Outputs read at the same time; most are there already."""


async def task_document(engine: Engine, task_id: str, subtasks: int = FIRST_SUBTASKS) -> schemas.TaskDocument:
    """A task with its first subtasks; raises ``NotFound``."""
    seq = await engine.last_event(task_id)
    found = await engine.task(task_id)
    task = await task_view(engine, found)
    rows = await engine.subtasks_of(task_id, status=None, after="", limit=subtasks) if subtasks else []
    told = [callback_view(place) for place in await engine.callbacks_of(found)]
    return schemas.TaskDocument(seq=seq, task=task, callbacks=told, subtask_results=await subtask_results(engine, rows))


def callback_view(place: dict[str, model.Json]) -> schemas.CallbackView:
    """How far one callback is."""
    return schemas.CallbackView(**{**place, "failing_since": iso_or_none(place["failing_since"])})


async def task_view(engine: Engine, task: model.Task) -> schemas.Task:
    """A task with what runs in it now and its result."""
    forecast = await engine.forecast(task)
    return schemas.Task(
        **{**_summary_fields(task), "progress": _progress(task, forecast)},
        phase=_phase(task),
        current=await engine.running_keys(task, CURRENT_KEYS),
        result=await engine.output(task),
        browser_url=neo4j_browser.link(_browser(engine.settings), task.id),
    )


def _browser(settings: Settings) -> str:
    """Where Neo4j Browser is; there is nothing for it to see of an embedded graph."""
    return settings.neo4j_browser_url if settings.neo4j_url else ""


def task_summary(task: model.Task) -> schemas.TaskSummary:
    """A task for a list."""
    return schemas.TaskSummary(**_summary_fields(task))


async def subtask_results(engine: Engine, rows: Sequence[model.Subtask]) -> list[schemas.SubtaskResult]:
    """Subtasks with their outputs."""
    outputs: list[model.Json] = []
    for start in range(0, len(rows), LOADS_AT_ONCE):
        outputs += await asyncio.gather(*(engine.output(row) for row in rows[start : start + LOADS_AT_ONCE]))
    return [
        subtask_result(row, output, engine.agents.agent_of(row.id)) for row, output in zip(rows, outputs, strict=True)
    ]


def subtask_result(subtask: model.Subtask, output: model.Json, agent_id: str = "") -> schemas.SubtaskResult:
    """One subtask with its output; ``agent_id`` has it at this moment."""
    return schemas.SubtaskResult(
        subtask_id=subtask.id,
        key=subtask.key,
        type=subtask.type,
        status=subtask.status,
        output=output,
        error=subtask_error(subtask.error, subtask.attempts),
        attempts=subtask.attempts,
        retry_at=iso_or_none(subtask.wake_at),
        reason=subtask.reason or None,
        cached=subtask.cached,
        agent_id=agent_id or subtask.agent_id or None,
        queued_at=iso_or_none(subtask.queued_at),
        started_at=iso_or_none(subtask.started_at),
        completed_at=iso_or_none(subtask.completed_at),
        execution_time=_seconds(subtask.started_at, subtask.completed_at),
    )


async def subtask_detail(engine: Engine, task_id: str, key: str) -> schemas.SubtaskDetail:
    """Everything about one subtask; raises ``NotFound``."""
    subtask, attempts, dependencies, extra = await engine.subtask(task_id, key)
    return schemas.SubtaskDetail(
        subtask=subtask_result(subtask, await engine.output(subtask), engine.agents.agent_of(subtask.id)),
        dependencies=dependencies,
        priority=subtask.priority,
        generation=subtask.generation,
        input=Spec.decode(subtask.spec).input,
        resolved_input=extra["resolved_input"],
        attempts=[
            await _attempt(engine, attempt, number, subtask.wake_at if number == len(attempts) else None)
            for number, attempt in enumerate(attempts, 1)
        ],
        waiting_for=extra.get("waiting_for"),
        expected_seconds=extra["expected"],
        estimate=None if extra["estimate"] is None else schemas.Expected(**msgspec.structs.asdict(extra["estimate"])),
        logs=await logs.of_subtask(engine, task_id, subtask.key),
    )


def explanation_view(found: Explanation) -> schemas.CacheExplanation:
    """What the cache has for a subtask."""
    return schemas.CacheExplanation(
        verdict=found.verdict,
        says=found.says,
        key=found.key or None,
        nearest=_kept(found.nearest) if found.nearest else None,
        differs=list(found.differs),
    )


def _kept(entry: CacheEntry) -> schemas.KeptView:
    return schemas.KeptView(
        key=entry.key,
        task_id=entry.task_id or None,
        subtask_id=entry.subtask_id or None,
        version=entry.version,
        bytes=entry.output_bytes,
        created_at=iso(entry.created_at),
        expires_at=iso(entry.expires_at),
    )


def event_view(event: model.Event) -> schemas.EventView:
    """One event."""
    report = interim.view(event) if event.event == interim.EVENT else None
    return schemas.EventView(
        seq=event.seq,
        at=iso(event.at),
        key=event.key or None,
        event=event.event,
        from_=event.source or None,
        to=event.status,
        status=event.status,
        token=event.token or None,
        detail=(event.detail or None) if report is None else report.words,
        report=report,
    )


def subtask_error(text: str | None, attempt: int) -> schemas.SubtaskError | None:
    """The stored error of a subtask or attempt."""
    fields = _json(text)
    return fields and schemas.SubtaskError(**_error_fields(fields), attempt=fields.get("attempt", attempt))


async def _attempt(engine: Engine, attempt: model.Attempt, number: int, wake_at: int | None) -> schemas.AttemptView:
    return schemas.AttemptView(
        token=attempt.token,
        outcome=attempt.outcome,
        ran_on=attempt.ran_on,
        agent_id=attempt.agent_id or None,
        started_at=iso(attempt.started_at),
        finished_at=iso(attempt.finished_at),
        execution_time=(attempt.finished_at - attempt.started_at) / 1000,
        output=await engine.output(attempt),
        output_hash=attempt.output_hash,
        error=subtask_error(attempt.error, number),
        request=_request(attempt.request),
        retry_at=iso_or_none(wake_at),
        memory_bytes=attempt.effort.memory_bytes,
        cpu_seconds=attempt.effort.cpu_seconds,
        saved_seconds=attempt.effort.saved_seconds,
        tainted=attempt.tainted,
    )


def _request(text: str) -> schemas.RequestView | None:
    return schemas.RequestView.model_validate(ExecutionRequest.decode(text).shown()) if text else None


def _summary_fields(task: model.Task) -> dict[str, model.Json]:
    said = _json(task.error) or {}
    completed = task.status is TaskStatus.COMPLETED
    return {
        "id": task.id,
        "user_id": task.user_id,
        "name": task.name,
        "type": task.type,
        "description": task.description,
        "tags": list(task.tags),
        "priority": task.priority,
        "status": task.status,
        "created_at": iso(task.created_at),
        "updated_at": iso(task.updated_at),
        "started_at": iso_or_none(task.started_at),
        "completed_at": iso_or_none(task.completed_at),
        "deadline_at": iso_or_none(task.deadline_at),
        "subtasks": {status: count for status, count in task.counts.items() if count},
        "progress": _progress(task),
        "error": None if completed or not said else _task_error(said),
        "warnings": _troubles(said) if completed else [],
        "impact": said.get("impact", {}),
        "failure_policy": task.failure_policy,
        "planned": planned(stored.decode(task.body).origin),
        "note": said.get("message") if completed else None,
        "rerun_of": task.rerun_of,
        **_gate_fields(task),
    }


def planned(origin: stored.Origin | None) -> schemas.PlannedView | None:
    """How a plan came about."""
    if origin is None:
        return None
    name, level = origin.name or None, origin.level or None
    return schemas.PlannedView(by=cast(Any, origin.by), name=name, level=level, reasons=origin.reasons)


def templates(found: dict[str, model.Json]) -> schemas.Templates:
    """What plans can be made of."""
    return schemas.Templates(
        templates=[schemas.TemplateView(**shown) for shown in found["templates"]],
        learned=[
            schemas.LearnedView(**{**shown, "created_at": iso(shown["created_at"]), "used_at": iso(shown["used_at"])})
            for shown in found["learned"]
        ],
    )


def _gate_fields(task: model.Task) -> dict[str, model.Json]:
    """Why nothing of a task starts."""
    pause = task.pause
    shown = pause and schemas.PauseView(by=pause.by, until=iso_or_none(pause.until), on_timeout=pause.then)
    gate = task.gate if task.status not in FINAL else ""
    if not gate and pause is not None:
        gate = "pausing" if task.counts.get(SubtaskStatus.PROCESSING) else "paused"
    return {"gate": gate or None, "gate_detail": task.gate_detail or None, "pause": shown}


def _task_error(said: dict[str, model.Json]) -> schemas.TaskError:
    return schemas.TaskError(**_error_fields(said), subtasks=_troubles(said))


def estimate(found: Prediction | None) -> schemas.Estimate | None:
    """When a task will have ended."""
    return None if found is None else schemas.Estimate(**msgspec.structs.asdict(found))


def what_if(found: WhatIf) -> schemas.WhatIfAnswer:
    """How a task goes on and would go on."""
    now, then = (schemas.Estimate(**msgspec.structs.asdict(one)) for one in (found.now, found.then))
    return schemas.WhatIfAnswer(now=now, then=then, difference=found.difference)


def live_progress(task: model.Task, forecast: Forecast | None) -> LiveProgress:
    """How far a task is, for those who look on."""
    counts = {status: count for status, count in task.counts.items() if count}
    far = _progress(task, forecast).model_dump()
    return LiveProgress(**far, status=task.status, phase=_phase(task), counts=counts)


def task_news(task: model.Glance, seq: int) -> TaskNews:
    """How a task stands, for those who watch all of them."""
    return TaskNews(
        task_id=task.id,
        seq=seq,
        name=task.name,
        type=task.type,
        user_id=task.user_id,
        status=task.status,
        phase=_phase(task),
        gate=task.gate or None,
        counts=task.counts,
        created_at=iso(task.created_at),
        updated_at=iso(task.updated_at),
        started_at=iso_or_none(task.started_at),
        completed_at=iso_or_none(task.completed_at),
        **_progress(task).model_dump(),
    )


def _progress(task: model.Task | model.Glance, forecast: Forecast | None = None) -> schemas.Progress:
    settled = _settled(task)
    total = max(task.subtasks_count, sum(task.counts.values()))
    percent = 100.0 if settled >= total else round(min(99.9, 100 * settled / total), 1)
    completed = task.counts.get(SubtaskStatus.COMPLETED, 0)
    if forecast is None:
        return schemas.Progress(percent=percent, completed=completed, total=total)
    low, eta, high = (
        iso(forecast.at(seconds))
        for seconds in (forecast.prediction.low, forecast.prediction.seconds, forecast.prediction.high)
    )
    return schemas.Progress(
        percent=percent, completed=completed, total=total, eta=eta, eta_low=low, eta_high=high, late=forecast.late
    )


def _phase(task: model.Task | model.Glance) -> schemas.Phase | None:
    if task.status in FINAL:
        return None
    if task.status is TaskStatus.PENDING:
        return "planning"
    last = task.subtasks_count > 1 and task.subtasks_count - _settled(task) <= 1
    return "aggregating" if last else "executing"


def _settled(task: model.Task | model.Glance) -> int:
    return sum(task.counts.get(status, 0) for status in SETTLED)


def _error_fields(error: dict[str, model.Json]) -> dict[str, model.Json]:
    return {
        "category": error.get("category"),
        "message": error["message"],
        "suggestion": error.get("suggestion") or None,
    }


def _troubles(error: dict[str, model.Json]) -> list[schemas.Trouble]:
    return [schemas.Trouble(key=row["key"], status=SubtaskStatus(row["status"])) for row in error.get("subtasks", [])]


def _json(text: str | None) -> model.Json:
    return None if text is None else msgspec.json.decode(text)


def _seconds(start: int | None, end: int | None) -> float | None:
    return None if start is None or end is None else (end - start) / 1000
