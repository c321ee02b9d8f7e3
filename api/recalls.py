"""What a recall reaches or has done, as it goes over the wire."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import Field

from api.schemas import Wire
from engine.recall import Reached, Recalled

MOST_SHOWN = 10_000
"""Subtasks that are listed."""


class RecalledSubtask(Wire):
    """A subtask that a recall reaches."""

    task_id: str
    subtask_id: str
    key: str
    type: str
    generation: int
    status: str
    recalled: bool
    """Named, or taken over from one that is reached; false: derived from one that is."""


class RecalledTask(Wire):
    """A final task that runs again after a recall."""

    task_id: str
    start: list[str] = Field(serialization_alias="from", validation_alias="from")
    """The keys that run again for certain; what follows them runs where its input has become another one."""
    new_task_id: str | None
    """The rerun; null in a dry run, and where it was refused."""
    refused: str | None
    """Why it does not run again."""


class RunningUse(Wire):
    """A subtask that runs at this moment with a recalled output in its input."""

    task_id: str
    key: str


class RecallAnswer(Wire):
    """What a recall reaches, or has done."""

    dry_run: bool
    results: int
    """Different outputs."""
    tasks: list[str]
    """Those that made an output before those that took it over."""
    subtasks_count: int
    subtasks: list[RecalledSubtask]
    """The first 10,000."""
    cached: int
    """Cache entries that would be dropped, or were."""
    running: list[RunningUse]
    held: list[str]
    """Open tasks that stand still, or would: resume or cancel them."""
    will_rerun: list[RecalledTask]


def view(found: Recalled, *, dry_run: bool) -> RecallAnswer:
    """What a recall reaches, or has done."""
    return RecallAnswer(
        dry_run=dry_run,
        results=found.results,
        tasks=found.tasks,
        subtasks_count=len(found.subtasks),
        subtasks=[_recalled(row) for row in found.subtasks[:MOST_SHOWN]],
        cached=found.cached,
        running=[RunningUse(task_id=task_id, key=key) for task_id, key in found.running],
        held=found.held,
        will_rerun=[
            RecalledTask.model_validate(
                {
                    "task_id": rerun.task_id,
                    "from": rerun.keys,
                    "new_task_id": rerun.new_id or None,
                    "refused": rerun.refused or None,
                }
            )
            for rerun in found.reruns
        ],
    )


def _recalled(row: Reached) -> RecalledSubtask:
    subtask = row.subtask
    return RecalledSubtask(
        task_id=subtask.task_id,
        subtask_id=subtask.id,
        key=subtask.key,
        type=subtask.type,
        generation=subtask.generation,
        status=subtask.status.value,
        recalled=row.recalled,
    )


def told(answer: RecallAnswer) -> Iterator[str]:
    """The same in words, a line each; the first says how much it is."""
    number = answer.subtasks_count
    yield f"{number} subtask(s) in {len(answer.tasks)} task(s), {answer.results} different output(s)"
    for row in answer.subtasks:
        yield f"{row.task_id} {row.key} {row.status} {'recalled' if row.recalled else 'derived'}"
    for use in answer.running:
        yield f"{use.task_id} {use.key} uses it at this moment"
    for task_id in answer.held:
        yield f"{task_id} {'would stand' if answer.dry_run else 'stands'} still: resume or cancel it"
    for again in answer.will_rerun:
        became = again.new_task_id or again.refused or "would run again"
        yield f"{again.task_id} from {', '.join(again.start)}: {became}"
    if answer.dry_run:
        yield "nothing was changed; to do it: --yes"
