"""Finds the verdicts on subtasks whose dependencies are all settled: reads what is missing, and gives the moves."""

from __future__ import annotations

from collections.abc import Sequence

from engine import verdicts
from engine.errors import Category, ToolError
from engine.model import Json, Judged, NewTask
from engine.payloads import Payloads, blocked_text, error_text
from engine.plan.spec import Condition, Spec, place_id
from engine.ports import GraphReader
from engine.running import RunningTask
from engine.scopes import Scopes
from engine.states import SubtaskStatus
from engine.turn import Move, Undecided
from engine.verdicts import Dependency, Verdict

PENDING = SubtaskStatus.PENDING


class Judge:
    """Gives verdicts for the scheduler of one engine."""

    def __init__(self, graph: GraphReader, payloads: Payloads) -> None:
        self._graph = graph
        self._scopes = Scopes(payloads)

    async def moves(self, task: RunningTask, undecided: Sequence[Undecided]) -> list[Move]:
        """The verdict on each, as a move that holds only while it is still true."""
        judged = {subtask.id: subtask for subtask in undecided if subtask.judged}
        found = [await self._condition(task, judged[facts.id], facts) for facts in await self._facts(list(judged))]
        plain = [(subtask, verdicts.by_counters(subtask)) for subtask in undecided if not subtask.judged]
        blocked = [subtask.id for subtask, to in plain if to is SubtaskStatus.BLOCKED]
        causes = await self._graph.blockers(blocked) if blocked else {}
        for subtask, to in plain:
            error = blocked_text(causes[subtask.id]) if to is SubtaskStatus.BLOCKED else None
            found.append(_move(subtask, to, error, "a dependency was skipped" if to is SubtaskStatus.SKIPPED else ""))
        return found

    async def _facts(self, ids: list[str]) -> list[Judged]:
        return await self._graph.judged(ids) if ids else []

    async def _condition(self, task: RunningTask, subtask: Undecided, facts: Judged) -> Move:
        condition = Spec.decode(facts.spec).run_if or Condition(name="all_succeeded")
        dependencies = [
            Dependency(key, SubtaskStatus(status), optional) for _, key, status, optional in facts.dependencies
        ]
        if condition.expression:
            dependencies = await self._seen(task, condition, facts)
        verdict = verdicts.by_condition(condition, dependencies, _scope(task))
        return _move(subtask, verdict.to, _error(verdict), verdict.why)

    async def _seen(self, task: RunningTask, condition: Condition, facts: Judged) -> list[Dependency]:
        """The dependencies that an expression names, with what they produced."""
        outcomes = await self._scopes.seen(task.id, condition.keys)
        named = {place_id(task.id, place): key for key, (place, _) in condition.keys.items()}
        return [
            Dependency(
                named[id_], SubtaskStatus(status), optional, outcomes[named[id_]].output, outcomes[named[id_]].error
            )
            for id_, _, status, optional in facts.dependencies
            if id_ in named
        ]


def without_verdict(task: NewTask) -> list[Undecided]:
    """The subtasks of a new task that no dependency is left to wait for, and that only a verdict makes ready."""
    return [
        Undecided(
            task.id,
            subtask.id,
            subtask.key,
            subtask.bad,
            subtask.skips,
            subtask.judged,
            subtask.optional,
            subtask.critical,
        )
        for subtask in task.subtasks
        if subtask.status is PENDING and subtask.unmet == 0
    ]


def _scope(task: RunningTask) -> dict[str, Json]:
    return {"input": task.input, "task": {"id": task.id, "name": task.name, "tags": list(task.tags)}}


def _error(verdict: Verdict) -> str | None:
    if verdict.error is None:
        return None
    error = ToolError(str(verdict.error), category=Category.CONFIGURATION, suggestion=verdict.error.suggestion)
    return error_text(error, 0)


def _move(subtask: Undecided, to: SubtaskStatus, error: str | None, why: str) -> Move:
    return Move(
        subtask.id,
        subtask.task_id,
        subtask.key,
        "dependencies_settled",
        PENDING,
        to,
        settled=True,
        optional=subtask.optional,
        error=error,
        detail=why,
        critical=subtask.critical,
    )
