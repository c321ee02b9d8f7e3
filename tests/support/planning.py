"""What tests of planning need: plans are taken through the door of the engine, and references put in."""

from __future__ import annotations

from collections.abc import Sequence

from engine.model import Json
from engine.plan.validate import Limits, ValidPlan, validate
from engine.planning.subtasks import Planned, SubTask
from engine.references import Outcome, Scope, resolve
from engine.tools.noop import Noop


def admitted(subtasks: Sequence[SubTask], input: Json = None) -> ValidPlan:
    """The plan as the engine takes it in, its types apart; raises ``InvalidInput`` where it would be refused."""
    body = {"plan": {"subtasks": [subtask.as_dict() for subtask in subtasks]}, "input": input}
    types = {subtask.type for subtask in subtasks}
    return validate(body, lambda type: Noop() if type in types else None, types, Limits())


def by_key(planned: Planned) -> dict[str, SubTask]:
    """The subtasks of a plan by their key."""
    return {subtask.key: subtask for subtask in planned.subtasks}


def resolved(subtask: SubTask, input: Json, outputs: dict[str, Json] | None = None) -> Json:
    """The input of a subtask as its tool would see it."""
    done = {key: Outcome("completed", output) for key, output in (outputs or {}).items()}
    return resolve(subtask.input, Scope(input=input, subtasks=done))
