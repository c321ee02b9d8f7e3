"""The verdict on a subtask whose dependencies are all settled: does it run, is it blocked, or is it skipped? Pure.

Under ``all_succeeded`` the counters that the turn kept are enough. The other conditions look at how each dependency
ended; only they cost a read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from engine import conditions
from engine.errors import ToolError
from engine.model import Json, Value
from engine.plan.spec import Condition
from engine.states import UNSUCCESSFUL, SubtaskStatus
from engine.turn import Undecided

FAILURES = UNSUCCESSFUL | {SubtaskStatus.CANCELLED}


class Dependency(Value, frozen=True):
    """How one dependency ended. ``output`` and ``error`` are JSON values, read only for an expression."""

    key: str
    status: SubtaskStatus
    optional: bool
    output: Json = None
    error: Json = None

    @property
    def succeeded(self) -> bool:
        """Completed, or an optional one that was skipped."""
        return self.status is SubtaskStatus.COMPLETED or (self.optional and self.status is SubtaskStatus.SKIPPED)


class Verdict(Value, frozen=True):
    """Where it goes, and why in words; ``error`` where its condition could not be evaluated."""

    to: SubtaskStatus
    why: str = ""
    error: ToolError | None = None


def by_counters(subtask: Undecided) -> SubtaskStatus:
    """The verdict under ``all_succeeded``: a failure blocks it, a skipped dependency skips it in turn."""
    if subtask.bad == 0:
        return SubtaskStatus.READY
    if subtask.bad > subtask.skips:
        return SubtaskStatus.SKIPPED if subtask.optional else SubtaskStatus.BLOCKED
    return SubtaskStatus.SKIPPED


def by_condition(condition: Condition, dependencies: Sequence[Dependency], scope: Mapping[str, Json]) -> Verdict:
    """The verdict under any other condition.

    A mapped subtask completes when its items are there, which is no success of theirs: the items count in its place.

    Args:
        condition: the subtask's ``run_if``.
        dependencies: how each ended.
        scope: ``input`` and ``task`` for an expression.
    """
    if condition.expression:
        return _by_expression(condition.expression, dependencies, scope)
    grown = {dependency.key.partition("[")[0] for dependency in dependencies if "[" in dependency.key}
    dependencies = [dependency for dependency in dependencies if dependency.key not in grown]
    succeeded = sum(dependency.succeeded for dependency in dependencies)
    failed = sum(dependency.status in FAILURES for dependency in dependencies)
    holds = {
        "all_settled": True,
        "any_succeeded": succeeded > 0,
        "any_failed": failed > 0,
        "all_succeeded": succeeded == len(dependencies),
    }[condition.name]
    if holds:
        return Verdict(SubtaskStatus.READY)
    return Verdict(SubtaskStatus.SKIPPED, f"run_if {condition.name} does not hold")


def _by_expression(expression: str, dependencies: Sequence[Dependency], scope: Mapping[str, Json]) -> Verdict:
    subtasks = {
        dependency.key: {
            "status": dependency.status.value,
            "output": dependency.output,
            "error": dependency.error,
        }
        for dependency in dependencies
    }
    try:
        if conditions.holds(expression, {**scope, "subtasks": subtasks}):
            return Verdict(SubtaskStatus.READY)
    except ToolError as error:
        return Verdict(SubtaskStatus.FAILED, str(error), error)
    return Verdict(SubtaskStatus.SKIPPED, "its run_if expression is false")
