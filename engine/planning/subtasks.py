"""What planning makes: subtasks, and the plan that they form with the reasons for its shape."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from engine.model import Json, Value
from engine.planning.complexity import TaskComplexity


class SubTask(Value, frozen=True):
    """One subtask of a plan that is not stored yet.

    ``key`` is unique in its plan, ``dependencies`` are keys; ``input`` may hold references. ``options`` are further
    fields of an explicit plan, such as ``map`` or ``run_if``. ``description`` says for a person what it does.
    """

    key: str
    type: str
    input: Json = msgspec.field(default_factory=dict)
    dependencies: tuple[str, ...] = ()
    priority: int = 5
    description: str = ""
    options: dict[str, Json] = msgspec.field(default_factory=dict)

    @property
    def id(self) -> str:
        """The key: a stored subtask gets its id when its task is stored."""
        return self.key

    def as_dict(self) -> dict[str, Json]:
        """One entry of ``plan.subtasks`` in the body of ``POST /tasks``."""
        return {
            "key": self.key,
            "type": self.type,
            "input": self.input,
            "dependencies": list(self.dependencies),
            "priority": self.priority,
            **self.options,
        }


class Planned(Value, frozen=True):
    """A plan and how it came about: the ``strategy`` by name, the level of the task, and reasons in words."""

    subtasks: list[SubTask]
    strategy: str
    level: TaskComplexity
    reasons: list[str]

    def as_plan(self) -> dict[str, Json]:
        """The ``plan`` of the body of ``POST /tasks``."""
        return {"subtasks": [subtask.as_dict() for subtask in self.subtasks]}


def output(key: str, *path: str) -> str:
    """The reference to a subtask's output, or to something in it."""
    return f"{{{{subtasks.{'.'.join((key, 'output', *path))}}}}}"


def outputs(subtasks: Iterable[SubTask]) -> list[Json]:
    """References to the outputs of several."""
    return [output(subtask.key) for subtask in subtasks]


def keys(subtasks: Iterable[SubTask]) -> tuple[str, ...]:
    """Their keys, as dependencies."""
    return tuple(subtask.key for subtask in subtasks)
