"""The difference of two runs on the wire."""

from __future__ import annotations

from api.answers import wire
from api.schemas import Time, Wire
from engine.answers.diff import Diff
from engine.model import Task
from engine.states import TaskStatus
from engine.times import iso


class RunView(Wire):
    """One of the two runs."""

    task_id: str
    name: str
    status: TaskStatus
    created_at: Time
    seconds: float | None
    """From submitted to ended; null while it is open."""
    rerun_of: str | None
    subtasks: dict[str, int]


class ChangedView(Wire):
    """A value that differs, by its JSON pointer; JSON text, cut after 200 characters, null where there is none."""

    path: str
    before: str | None
    after: str | None


class InputsView(Wire):
    """A subtask whose input or settings differ, and the first places."""

    key: str
    changes: list[ChangedView]


class ShapeView(Wire):
    """How the plans differ. Lists hold the first 20."""

    same: bool
    added: list[str]
    removed: list[str]
    renamed: list[tuple[str, str]]
    """Pairs of keys: one that is gone, and the new one of the same type and generation that stands for it."""
    retyped: list[tuple[str, str, str]]
    """Key, type before, type after."""
    edges_added: list[tuple[str, str]]
    """Pairs (dependency, dependant) of keys."""
    edges_removed: list[tuple[str, str]]
    counts: dict[str, int]
    """How many there are of each, and how many subtasks were ``matched``."""
    edges_compared: bool
    """False when there are too many."""


class ResultsView(Wire):
    """Outputs, by their hashes."""

    equal: int
    different: int
    keys: list[str]
    """The first that differ."""


class DurationView(Wire):
    """A subtask that took another time, in seconds."""

    key: str
    before: float
    after: float
    ratio: float | None


class DurationsView(Wire):
    """Seconds over the ``count`` subtasks that ran in both, and those that changed most."""

    count: int
    before: float
    after: float
    most: list[DurationView]


class DiffView(Wire):
    """How run ``b`` differs from run ``a``. Lists hold the first 20, of durations the ten largest."""

    a: RunView
    b: RunView
    words: str
    shape: ShapeView
    task: list[ChangedView]
    """What differs in the tasks beside their plans."""
    inputs: list[InputsView]
    inputs_changed: int
    statuses: list[tuple[str, str, str]]
    """Key, state before, state after."""
    statuses_changed: int
    results: ResultsView
    durations: DurationsView
    truncated: bool
    """Whether only the first 10,000 subtasks of a run were compared."""


def diff_view(found: Diff) -> DiffView:
    """A difference as it is sent."""
    return DiffView(
        a=_run(found.a),
        b=_run(found.b),
        words=found.words,
        shape=wire(ShapeView, found.shape),
        task=[wire(ChangedView, change) for change in found.task],
        inputs=[wire(InputsView, row) for row in found.inputs],
        inputs_changed=found.inputs_changed,
        statuses=found.statuses,
        statuses_changed=found.statuses_changed,
        results=wire(ResultsView, found.results),
        durations=wire(DurationsView, found.durations),
        truncated=found.cut,
    )


def _run(task: Task) -> RunView:
    return RunView(
        task_id=task.id,
        name=task.name,
        status=task.status,
        created_at=iso(task.created_at),
        seconds=None if task.completed_at is None else (task.completed_at - task.created_at) / 1000,
        rerun_of=task.rerun_of,
        subtasks={status: number for status, number in task.counts.items() if number},
    )
