"""The body that a stored task was built from, put together again from the graph.

Only the common fields are stored as they were sent; each subtask is stored as the spec of its running. What is restored
here goes through the door again like any other body, and the same plan comes out of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from engine.model import Json, Subtask, Task
from engine.plan.spec import Condition, LimitSpec, RetrySpec, Spec
from engine.plan.stored import as_sent


def body_of(task: Task, planned: Sequence[Subtask], needs: Mapping[str, Sequence[str]]) -> dict[str, Json]:
    """The body of ``POST /tasks`` that made ``task``.

    Args:
        task: the task.
        planned: its subtasks as they were sent, in plan order; none that grew while it ran.
        needs: by key the keys of all that the subtask depends on among them.
    """
    places = {subtask.key: subtask.index for subtask in planned}
    subtasks = [_subtask(subtask, needs.get(subtask.key, ()), places) for subtask in planned]
    return {**as_sent(task.body), "plan": {"subtasks": subtasks}}


def _subtask(subtask: Subtask, needs: Sequence[str], places: Mapping[str, int]) -> dict[str, Json]:
    spec = Spec.decode(subtask.spec)
    implied = frozenset(spec.implied)
    raw: dict[str, Json] = {
        "key": subtask.key,
        "type": subtask.type,
        "input": spec.input,
        "dependencies": sorted((key for key in needs if places[key] not in implied), key=places.__getitem__),
        "priority": subtask.priority,
    }
    if spec.map is not None:
        raw["map"] = {"over": spec.map.over, "limit": spec.map.limit, "batch": spec.map.batch}
    return raw | _policies(spec)


def _policies(spec: Spec) -> dict[str, Json]:
    """What differs from the defaults, so that a subtask without policies of its own stays one."""
    timeouts = {"queue_seconds": spec.queue, "idle_seconds": spec.idle, "total_seconds": spec.total}
    given = {
        "timeout_seconds": spec.timeout,
        "timeouts": {name: seconds for name, seconds in timeouts.items() if seconds is not None} or None,
        "critical": None if spec.critical or spec.optional else False,
        "optional": spec.optional or None,
        "retry": _retry(spec.retry) if spec.retry else None,
        "run_if": _run_if(spec.run_if) if spec.run_if else None,
        "fallback": {"type": spec.fallback.type, "input": spec.fallback.input} if spec.fallback else None,
        "on_interrupt": spec.on_interrupt,
        "requires_approval": spec.approval or None,
        "required_capabilities": spec.capabilities or None,
        "limits": [_limit(limit) for limit in spec.limits] or None,
        "cache": None if spec.reuse is None else {"ttl_seconds": spec.reuse} if spec.reuse else False,
    }
    return {name: value for name, value in given.items() if value is not None}


def _retry(retry: RetrySpec) -> dict[str, Json]:
    return {
        "max_attempts": retry.max_attempts,
        "backoff_seconds": retry.backoff,
        "max_backoff_seconds": retry.max_backoff,
        "jitter": retry.jitter,
        "on": retry.on,
    }


def _limit(limit: LimitSpec) -> dict[str, Json]:
    given = {"key": limit.key, "rate": limit.rate or None, "concurrency": limit.concurrency or None}
    return {name: value for name, value in given.items() if value is not None}


def _run_if(condition: Condition) -> Json:
    return {"expression": condition.expression} if condition.expression else condition.name
