"""What ``agent03 task ...`` prints: lists, one task, one subtask, and what became of a verb."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from api import schemas
from api.cli.client import Client, place_of
from api.cli.output import say, show
from api.cli.words import closing_line, forecast_line, pretty
from engine.model import Json

PAGE = 1000
SHOWN_SUBTASKS = 50
WIDEST = 60
"""Letters of one cell."""


def list_tasks(client: Client, wanted: dict[str, str | None], limit: int, *, as_json: bool) -> None:
    """Prints tasks, newest first."""
    tasks = list(_pages(client, wanted, limit))
    if as_json:
        show(pretty([task.model_dump(mode="json") for task in tasks]))
        return
    rows = [(task.id, _state(task), f"{task.progress.percent:g}%", task.created_at, task.name) for task in tasks]
    show(table(("ID", "STATUS", "DONE", "CREATED", "NAME"), rows) if rows else "no tasks")


def _pages(client: Client, wanted: dict[str, str | None], limit: int) -> Iterator[schemas.TaskSummary]:
    cursor: str | None = None
    while limit > 0:
        page = client.get(schemas.TaskPage, "/tasks", cursor=cursor, limit=min(limit, PAGE), **wanted)
        yield from page.tasks
        limit, cursor = limit - len(page.tasks), page.next_cursor
        if cursor is None:
            return


def show_task(client: Client, task_id: str, *, as_json: bool) -> None:
    """Prints a task with its first subtasks."""
    document = client.get(schemas.TaskDocument, place_of(task_id))
    if as_json:
        show(document.model_dump_json(indent=2))
        return
    show("\n".join([closing_line(document.task), *_about(document.task)]))
    rows = [
        (row.key, row.status.value, str(row.attempts), _seconds(row.execution_time), _why(row))
        for row in document.subtask_results[:SHOWN_SUBTASKS]
    ]
    show("\n" + table(("SUBTASK", "STATUS", "ATTEMPTS", "SECONDS", ""), rows))
    if document.task.progress.total > len(rows):
        say(f"the first {len(rows)} of {document.task.progress.total} subtasks; --json shows more of them")


def show_subtask(client: Client, task_id: str, key: str, *, as_json: bool) -> None:
    """Prints everything about one subtask."""
    detail = client.get(schemas.SubtaskDetail, place_of(task_id, key))
    if as_json:
        show(detail.model_dump_json(indent=2))
        return
    row = detail.subtask
    lines = [f"subtask {row.key} {row.status.value}: {row.type}, {row.attempts} attempt(s)"]
    lines += [f"depends on: {', '.join(detail.dependencies)}"] if detail.dependencies else []
    lines += [f"why: {_why(row)}"] if _why(row) else []
    lines += [f"what to do: {row.error.suggestion}"] if row.error and row.error.suggestion else []
    lines += [f"output: {pretty(row.output)}"] if row.output is not None else []
    show("\n".join(lines))
    attempts = [
        (str(each.token), each.outcome, each.started_at, _seconds(each.execution_time), each.ran_on)
        for each in detail.attempts
    ]
    if attempts:
        show("\n" + table(("ATTEMPT", "OUTCOME", "STARTED", "SECONDS", "RAN ON"), attempts))
    for each in detail.attempts:
        if each.request is not None:
            show(f"attempt {each.token}: {each.request.tool} by the rule {each.request.rule}: {each.request.reason}")


def carry_out(client: Client, verb: str, task_id: str, key: str | None, body: Json, *, as_json: bool) -> None:
    """Asks for a verb and prints the task after it."""
    answer, _ = client.post(schemas.TaskAnswer, f"{place_of(task_id, key)}/{verb}", body)
    show(answer.model_dump_json(indent=2) if as_json else closing_line(answer.task))
    if answer.detail:
        say(answer.detail)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Rows in columns; a cell that is too wide is cut."""
    cells = [tuple(_cell(cell) for cell in row) for row in (head, *rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(head))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in cells]
    return "\n".join(line.rstrip() for line in lines)


def _cell(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= WIDEST else line[: WIDEST - 3] + "..."


def _state(task: schemas.TaskSummary) -> str:
    """Its status, and what keeps it open or from starting more."""
    waits = [name for name in ("awaiting_approval", "quarantined") if task.subtasks.get(name)]
    more = [task.gate] if task.gate and task.gate != task.status.value else []
    return ", ".join([task.status.value, *more, *waits])


def _about(task: schemas.Task) -> Iterator[str]:
    if task.name:
        yield f"name: {task.name}"
    yield f"created: {task.created_at}"
    if forecast := forecast_line(task.progress):
        yield forecast
    if task.gate:
        until = f" until {task.pause.until}, then {task.pause.on_timeout}" if task.pause and task.pause.until else ""
        yield f"nothing of it starts: {task.gate}{until}{f' ({task.gate_detail})' if task.gate_detail else ''}"
    if task.error:
        yield f"error: {task.error.message}"
    if task.error and task.error.suggestion:
        yield f"what to do: {task.error.suggestion}"
    if task.warnings:
        yield f"warnings: {', '.join(f'{row.key} {row.status.value}' for row in task.warnings)}"
    if task.result is not None:
        yield f"result: {pretty(task.result)}"


def _why(row: schemas.SubtaskResult) -> str:
    """What needs saying of a subtask that is not simply on its way."""
    if row.retry_at:
        return f"again at {row.retry_at}: {row.error.message if row.error else ''}"
    if row.error:
        return f"{row.error.category}: {row.error.message}"
    return row.reason or ""


def _seconds(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"
