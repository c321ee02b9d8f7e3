"""Rows to values and back: the only place in Python that spells property names."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from engine.errors import NotFound
from engine.lineage import REUSED, TAKEN_OVER
from engine.lookups import Timing
from engine.model import (
    Attempt,
    Dependant,
    Effort,
    Finish,
    Glance,
    Growth,
    Late,
    NewSubtask,
    NewTask,
    Pause,
    Produced,
    Rank,
    Reported,
    Standing,
    Subtask,
    Task,
    Troubled,
)
from engine.states import SETTLED, SubtaskStatus, TaskStatus
from engine.turn import Undecided
from graph import history

TASK_ID_LENGTH = 26
"""Task ids are ULIDs; a subtask's id is its task's id, a dot and the index."""


def task_row(task: NewTask, owner: str, namespace: str) -> dict[str, Any]:
    """The properties of a new Task node."""
    return {
        "id": task.id,
        "namespace": namespace,
        "type": task.type,
        "name": task.name,
        "description": task.description,
        "user_id": task.user_id,
        "tags": list(task.tags),
        "priority": task.priority,
        "max_parallel": task.max_parallel,
        "failure_policy": task.failure_policy,
        "body": task.body,
        "status": TaskStatus.PENDING.value,
        "owner": owner,
        "gate": "",
        "created_at": task.created_at,
        "updated_at": task.created_at,
        "subtasks_count": len(task.subtasks),
        "counts": json.dumps(initial_counts(task.subtasks)),
        "deadline_at": task.deadline_at,
        "rerun_of": task.rerun_of,
        "plan_hash": task.plan_hash or None,
        "estimate": task.estimate,
    }


Batch = tuple[list[NewSubtask], list[list[str]]]
"""Some children with their edges beside those to their parent."""


def growth_batches(growth: Growth, size: int) -> Iterator[Batch]:
    """What a subtask grows, a batch at a time: no batch refers to a later one."""
    of: defaultdict[str, list[list[str]]] = defaultdict(list)
    for child, needed in growth.edges:
        of[child].append([child, needed])
    for start in range(0, len(growth.children), size):
        children = growth.children[start : start + size]
        yield children, [edge for child in children for edge in of.get(child.id, ())]


def initial_counts(subtasks: list[NewSubtask]) -> dict[str, int]:
    """Counts by status of subtasks as they are first stored."""
    return dict(Counter(subtask.status.value for subtask in subtasks))


def subtask_row(subtask: NewSubtask, task_id: str, namespace: str, now: int) -> dict[str, Any]:
    """The properties of a new Subtask node; one without dependencies is ready from the start."""
    order = f"{task_id}|{subtask.order_key}"
    row: dict[str, Any] = {
        "id": subtask.id,
        "namespace": namespace,
        "task_id": task_id,
        "key": subtask.key,
        "type": subtask.type,
        "position": subtask.index,
        "spec": subtask.spec,
        "unmet": subtask.unmet,
        "bad": subtask.bad,
        "token": 0,
        "priority": subtask.priority,
        "critical": subtask.critical,
        "generation": subtask.generation,
        "rank": subtask.rank,
        "order_key": order,
        "status": subtask.status.value,
    }
    if subtask.status is SubtaskStatus.READY:
        row |= {"ready_key": order, "queued_at": now}
    flags = {"is_optional": subtask.optional, "judged": subtask.judged, "timed": subtask.timed}
    row |= {name: True for name, holds in flags.items() if holds}
    if subtask.status in SETTLED:
        row |= {"completed_at": now, "token": int(subtask.reused is not None)}
    if subtask.skips:
        row["skips"] = subtask.skips
    if subtask.follows:
        row["follows"] = subtask.follows
    if subtask.expected is not None:
        row["expected"] = subtask.expected
    return row


def reused_row(subtask: NewSubtask, ran_on: str, namespace: str, now: int) -> dict[str, Any]:
    """The properties of the one Attempt of a subtask that a rerun has taken over as it was."""
    assert subtask.reused is not None
    return {
        "namespace": namespace,
        "token": 1,
        "outcome": REUSED,
        "ran_on": ran_on,
        "started_at": now,
        "finished_at": now,
        "output": subtask.reused.output,
        "output_hash": subtask.reused.output_hash,
        "output_bytes": subtask.reused.output_bytes,
        "error": None,
        "origin": subtask.reused.origin or None,
        "tainted": subtask.reused.tainted or None,
    }


def refuse_lost(task: NewTask, lost: int) -> None:
    """Raises ``NotFound`` when Results that a rerun takes over are gone: its earlier task is being removed."""
    if lost:
        raise NotFound(f"task {task.rerun_of} is being removed: it cannot run again")


def finish_row(end: Finish, namespace: str) -> dict[str, Any]:
    """The parameters that end one task; its event carries the number ``last_event``."""
    return {
        "id": end.task_id,
        "status": end.status.value,
        "at": end.at,
        "started_at": end.started_at,
        "counts": json.dumps(end.counts),
        "total": sum(end.counts.values()),
        "result": end.result,
        "result_hash": end.result_hash,
        "error": end.error,
        "event": history.task_event(
            end.task_id,
            end.last_event,
            "cancel" if end.status is TaskStatus.CANCELLED else "finish",
            end.status.value,
            end.at,
            namespace,
            end.detail,
        ),
    }


def task(node: Mapping[str, Any]) -> Task:
    """A Task node as a value."""
    return Task(
        id=node["id"],
        type=node["type"],
        name=node["name"],
        description=node["description"],
        user_id=node["user_id"],
        tags=tuple(node["tags"] or ()),
        priority=node["priority"],
        max_parallel=node["max_parallel"],
        failure_policy=node["failure_policy"],
        status=TaskStatus(node["status"]),
        owner=node["owner"],
        gate=node.get("gate") or "",
        gate_detail=node.get("gate_detail") or "",
        created_at=node["created_at"],
        updated_at=node["updated_at"],
        started_at=node.get("started_at"),
        completed_at=node.get("completed_at"),
        subtasks_count=node["subtasks_count"],
        counts=json.loads(node["counts"]),
        result=node.get("result"),
        result_hash=node.get("result_hash"),
        error=node.get("error"),
        body=node["body"],
        deadline_at=node.get("deadline_at"),
        rerun_of=node.get("rerun_of"),
        pause=_pause(node),
        plan_hash=node.get("plan_hash") or "",
        estimate=node.get("estimate"),
    )


def _pause(node: Mapping[str, Any]) -> Pause | None:
    if node["status"] != TaskStatus.PAUSED.value:
        return None
    return Pause(node.get("pause_by") or "", node.get("pause_until"), node.get("pause_then") or "resume")


def subtask(node: Mapping[str, Any], latest: Mapping[str, Any] | None = None) -> Subtask:
    """A Subtask node as a value, with the outcome of its latest attempt."""
    last = latest or {}
    current = last if last.get("token") == node["token"] else {}
    return Subtask(
        id=node["id"],
        task_id=node["task_id"],
        key=node["key"],
        type=node["type"],
        index=node["position"],
        status=SubtaskStatus(node["status"]),
        spec=node["spec"],
        unmet=node["unmet"],
        priority=node["priority"],
        critical=node["critical"],
        generation=node["generation"],
        rank=node["rank"],
        token=node["token"],
        queued_at=node.get("queued_at"),
        started_at=node.get("started_at"),
        completed_at=node.get("completed_at"),
        output=current.get("output"),
        output_hash=current.get("output_hash"),
        output_bytes=current.get("output_bytes") or 0,
        cached=current.get("outcome") in TAKEN_OVER,
        error=_error(node.get("error"), current),
        ran_on=current.get("ran_on") or "",
        attempts=node["token"],
        spent=node.get("spent") or 0,
        interrupted=node.get("interrupted") or 0,
        fell_back=bool(node.get("fell_back")),
        wake_at=node.get("wake_at") if node["status"] == SubtaskStatus.RETRYING.value else None,
        reason=node.get("reason") or "",
        optional=bool(node.get("is_optional")),
        order_key=node["order_key"].partition("|")[2],
        expected=node.get("expected"),
        origin=current.get("origin") or "",
        tainted=bool(current.get("tainted")),
        agent_id=current.get("agent_id") or "",
    )


def glance(row: Mapping[str, Any]) -> Glance:
    """A task at a glance."""
    counts = {status: number for status, number in json.loads(row["counts"]).items() if number}
    return Glance(**{**row, "status": TaskStatus(row["status"]), "gate": row["gate"] or "", "counts": counts})


def standing(row: Mapping[str, Any]) -> Standing:
    """Where a subtask stands."""
    return Standing(
        key=row["key"],
        type=row["type"],
        status=row["status"],
        order_key=row["order_key"].partition("|")[2],
        started_at=row["started_at"],
        completed_at=row["completed_at"],
        expected=row["expected"],
        id=row["id"],
    )


def rank_row(rank: Rank) -> list[Any]:
    """The parameters of one row of ``subtask/reorder``."""
    return [rank.id, rank.expected, rank.rank, f"{rank.id.partition('.')[0]}|{rank.order_key}"]


def late_row(late: Late, at: int, namespace: str) -> dict[str, Any]:
    """The parameters of one row of ``task/late``."""
    event = history.task_event(late.task_id, late.number, "late", late.status.value, at, namespace, late.detail)
    return {"id": late.task_id, "event": event}


def report_event(row: Reported, at: int, namespace: str) -> dict[str, Any]:
    """The event of a report."""
    return history.task_event(row.task_id, row.number, "report", row.status.value, at, namespace, row.detail)


def attempt(node: Mapping[str, Any]) -> Attempt:
    """An Attempt node as a value."""
    return Attempt(
        token=node["token"],
        outcome=node["outcome"],
        ran_on=node["ran_on"],
        started_at=node["started_at"],
        finished_at=node["finished_at"],
        output=node.get("output"),
        output_hash=node.get("output_hash"),
        output_bytes=node["output_bytes"],
        error=node.get("error"),
        version=node.get("version") or "",
        cache_key=node.get("cache_key") or "",
        consumed=consumed(node.get("consumed")),
        origin=node.get("origin") or "",
        effort=effort(node),
        request=node.get("request") or "",
        tainted=bool(node.get("tainted")),
        agent_id=node.get("agent_id") or "",
    )


def effort(node: Mapping[str, Any]) -> Effort:
    """What an Attempt node says that it took."""
    return Effort(**{name: node.get(name) for name in Effort.__struct_fields__})


def consumed(stored: list[str] | str | None) -> tuple[str, ...]:
    """The ids that an attempt has in its input, from a list or from text with commas."""
    return tuple(stored.split(",") if isinstance(stored, str) else stored or ())


def timing(row: Mapping[str, Any], attempt: Mapping[str, Any] | None) -> Timing:
    """When a subtask did what, with what came of its last attempt."""
    last = attempt or {}
    names = ("id", "key", "type", "status", "critical", "token", "queued_at", "started_at", "completed_at", "expected")
    known = {name: row[name] for name in names if name != "token"}
    return Timing(
        **known,
        attempts=row["token"],
        outcome=last.get("outcome") or "",
        hash=last.get("hash") or "",
        saved_seconds=last.get("saved_seconds"),
        saved_cost=last.get("saved_cost"),
    )


def produced(row: Mapping[str, Any], latest: Mapping[str, Any] | None) -> Produced:
    """A subtask's outcome and its current attempt's output."""
    last = latest or {}
    return Produced(
        id=row["id"],
        key=row["key"],
        status=SubtaskStatus(row["status"]),
        output=last.get("output"),
        hash=last.get("output_hash"),
        error=_error(row["error"], last),
    )


def troubled(row: Mapping[str, Any], latest: Mapping[str, Any] | None) -> Troubled:
    """A subtask without success and its error."""
    error = _error(row["error"], latest or {})
    return Troubled(row["id"], row["key"], SubtaskStatus(row["status"]), row["critical"], error)


def _error(own: str | None, latest: Mapping[str, Any]) -> str | None:
    """A subtask's own error says what became of it after its last attempt, so it is the newer one."""
    return own or latest.get("error")


def undecided(row: Mapping[str, Any]) -> Undecided:
    """A subtask without a verdict."""
    names = ("task_id", "id", "key", "bad", "skips", "judged", "is_optional", "critical")
    return Undecided(*(row[name] for name in names))


def dependant(row: Mapping[str, Any]) -> Dependant:
    """A subtask that depends on another."""
    return Dependant(row["id"], row["key"], SubtaskStatus(row["status"]), row["is_optional"], row["reason"])


def request_row(task: NewTask, namespace: str) -> dict[str, Any]:
    """The node of a caller's idempotency key."""
    return {
        "key": request_key(namespace, task.request_key),
        "namespace": namespace,
        "hash": task.request_hash,
        "task_id": task.id,
        "subtasks": len(task.subtasks),
        "queued": initial_counts(task.subtasks).get(SubtaskStatus.READY.value, 0),
        "created_at": task.created_at,
    }


def request_key(namespace: str, key: str) -> str:
    """An idempotency key as it is stored: a namespace does not see another's."""
    return f"{namespace}|{key}"


def attempt_id(subtask_id: str, token: int) -> str:
    """The id of an attempt: its subtask's and its token."""
    return f"{subtask_id}#{token}"
