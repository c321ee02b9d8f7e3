"""Writing tasks and items on the embedded graph.

A small task is one transaction. A large one is written in batches under an unopened Task, with turns in between; its
edges go through ``COPY`` from a file, more than twice as fast as by statements of thousands of edges each.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import msgspec

from engine.errors import Fenced
from engine.model import Growth, NewSubtask, NewTask, Reused
from engine.states import SETTLED, SubtaskStatus
from engine.turn import Claim
from graph import codec, history, turns
from graph.ladybug.connection import LadybugDatabase, Session

WHOLE = 1_000
"""A task up to this many subtasks and four times as many edges is one transaction."""
NODE_BATCH = 1_000
EDGE_BATCH = 50_000
ITEM_BATCH = 500


def _row(subtask: NewSubtask, task_id: str, now: int) -> list[str]:
    """A subtask as ``subtask/create`` takes it: lists of text cross into the database far faster than objects."""
    return [
        subtask.id,
        subtask.key,
        subtask.type,
        str(subtask.index),
        subtask.spec,
        subtask.status.value,
        str(subtask.unmet),
        str(subtask.priority),
        _flag(subtask.critical),
        str(subtask.generation),
        repr(subtask.rank),
        f"{task_id}|{subtask.order_key}",
        str(now) if subtask.status is SubtaskStatus.READY else "",
        _flag(subtask.optional),
        _flag(subtask.judged),
        _flag(subtask.timed),
        str(subtask.bad),
        str(subtask.skips),
        "1" if subtask.reused else "0",
        str(now) if subtask.status in SETTLED else "",
        subtask.follows or "",
        "" if subtask.expected is None else repr(subtask.expected),
    ]


def _flag(value: bool) -> str:
    return "true" if value else "false"


def _rows(subtasks: list[NewSubtask], task_id: str, now: int) -> list[list[str]]:
    return [_row(subtask, task_id, now) for subtask in subtasks]


def _create(session: Session, task_id: str, namespace: str, rows: list[list[str]]) -> None:
    session.run("subtask/create", rows=rows, task=task_id, namespace=namespace)


def _fence(session: Session, engine: str, epoch: int) -> None:
    if not session.run("engine/last_turn", engine=engine, epoch=epoch):
        raise Fenced()


def announce(session: Session, task: NewTask, engine: str, namespace: str) -> None:
    """The unopened task, and the caller's key, which is taken from here on."""
    session.run("task/create", loader=engine, **codec.task_row(task, engine, namespace))
    if task.request_key:
        session.run("request/put", **codec.request_row(task, namespace))


def _open(session: Session, task: NewTask, engine: str, namespace: str) -> None:
    session.run("task/open", id=task.id, engine=engine)
    if task.rerun_of is not None:
        session.run("task/relate", id=task.id, rerun_of=task.rerun_of)
    session.run("turn/event", **history.created_event(task, namespace))


def store_whole(session: Session, task: NewTask, engine: str, epoch: int, namespace: str) -> None:
    """Writes a task of moderate size in the transaction that ``session`` is in."""
    _fence(session, engine, epoch)
    announce(session, task, engine, namespace)
    if task.subtasks:
        _create(session, task.id, namespace, _rows(task.subtasks, task.id, task.created_at))
        session.run("subtask/attach_rows", rows=[[task.id, subtask.id] for subtask in task.subtasks])
    if task.edges:
        session.run("subtask/link", rows=[list(edge) for edge in task.edges])
    _open(session, task, engine, namespace)


async def store_in_batches(database: LadybugDatabase, task: NewTask, engine: str, epoch: int, namespace: str) -> None:
    """Writes a large task that is announced; other writes pass between its batches, and nobody sees it before the
    last one.
    """
    for start in range(0, len(task.subtasks), NODE_BATCH):
        rows = _rows(task.subtasks[start : start + NODE_BATCH], task.id, task.created_at)
        await database.write("subtask/create", rows=rows, task=task.id, namespace=namespace)
    await database.write("subtask/attach", task=task.id)
    folder = database.path.parent / "load"
    for start in range(0, len(task.edges), EDGE_BATCH):
        lines = "".join(f"{dependant},{on}\n" for dependant, on in task.edges[start : start + EDGE_BATCH])
        await database.copy("subtask/copy_edges", folder, "edges.csv", lines)

    for rows in _batches(_reused(task, engine)):
        await database.write("turn/attempt", rows=rows, namespace=namespace, ran_on=engine)
    tainted = [codec.attempt_id(item.id, 1) for item in task.subtasks if item.reused and item.reused.tainted]
    for ids in _batches(tainted):
        await database.write("turn/taint", ids=ids)
    kept = [[subtask.id, reused.output_hash] for subtask in task.subtasks if (reused := _large(subtask))]
    for rows in _batches(kept):
        found = await database.write("result/keep", rows=rows)
        codec.refuse_lost(task, len(rows) - len(found))
    for event in history.reuse_events(task, namespace):
        await database.write("turn/event", **event)
    for rows in _batches([[item.id, item.expanded_from] for item in task.subtasks if item.expanded_from]):
        await database.write("subtask/derive", rows=rows)

    def finish(session: Session) -> None:
        _fence(session, engine, epoch)
        _open(session, task, engine, namespace)

    await database.transaction(finish)


def _large(subtask: NewSubtask) -> Reused | None:
    """What a subtask takes over, where a Result holds it."""
    reused = subtask.reused
    return reused if reused and reused.output is None and reused.output_hash else None


def _batches(rows: list[Any]) -> Iterator[list[Any]]:
    return (rows[start : start + NODE_BATCH] for start in range(0, len(rows), NODE_BATCH))


def _reused(task: NewTask, engine: str) -> list[list[str]]:
    """The one attempt of each subtask that a rerun has taken over, as ``turn/attempt`` takes it."""
    found = []
    for subtask in task.subtasks:
        if subtask.reused is not None:
            row = codec.reused_row(subtask, engine, "", task.created_at)
            times = [str(row["started_at"]), str(row["finished_at"])]
            output = [row["output"] or "", row["output_hash"] or "", str(row["output_bytes"])]
            id_ = codec.attempt_id(subtask.id, 1)
            found.append([subtask.id, id_, "1", row["outcome"], *times, *output, "", "", "", "", row["origin"] or ""])
    return found


def add_children(
    session: Session,
    parent: Claim,
    batch: tuple[list[NewSubtask], list[list[str]]],
    growth: Growth,
    joins: list[str],
    namespace: str,
) -> list[tuple[str, str]]:
    """Adds a batch of what a subtask grows that is still processing; returns all edges of the batch."""
    found = session.run("subtask/current", id=parent.id, token=parent.token)
    if not found:
        raise Fenced()
    children = [
        msgspec.structs.replace(child, generation=child.generation + found[0]["generation"]) for child in batch[0]
    ]
    _create(session, parent.task_id, namespace, _rows(children, parent.task_id, 0))
    session.run("subtask/attach_rows", rows=[[parent.task_id, child.id] for child in children])
    session.run("subtask/derive", rows=[[child.id, parent.id] for child in children])
    ends = [child.id for child in children if growth.ends is None or child.id in growth.ends]
    edges = [[child.id, parent.id] for child in children if growth.roots is None or child.id in growth.roots]
    edges += batch[1] + [[join, id_] for join in joins for id_ in ends]
    if edges:
        session.run("subtask/link", rows=edges)
    _count_settled(session, batch[1])
    if joins and ends:
        session.run("subtask/raise", ids=joins, number=len(ends))
    return [(dependant, needed) for dependant, needed in edges]


def _count_settled(session: Session, edges: list[list[str]]) -> None:
    """What new subtasks need may be settled already: then they do not wait for it."""
    needed = list(dict.fromkeys(on for _, on in edges))
    if not needed:
        return
    rows = session.run("subtask/statuses", ids=needed)
    weights = {row["id"]: turns.weight(SubtaskStatus(row["status"]), bool(row["is_optional"])) for row in rows}
    lowered: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
    for dependant, on in edges:
        for place, number in enumerate(weights.get(on, (0, 0, 0))):
            lowered[dependant][place] += number
    # One row for each dependant: two rows of one node would both start from its value before the statement.
    changed = [[dependant, *map(str, counts)] for dependant, counts in lowered.items() if any(counts)]
    if changed:
        session.run("subtask/lower", rows=changed)


def remove_children(session: Session, parent: Claim, joins: list[str]) -> int:
    """Removes what an interrupted attempt had added; returns how many."""
    rows = session.run("subtask/items", parent=parent.id)
    for join, number in _edges_to(session, [row["id"] for row in rows], joins).items():
        session.run("subtask/raise", ids=[join], number=-number)
    if rows:
        session.run("subtask/remove", ids=[row["id"] for row in rows])
    return len(rows)


def _edges_to(session: Session, ids: list[str], joins: list[str]) -> dict[str, int]:
    """By join how many of these subtasks it waits for."""
    if not (ids and joins):
        return {}
    rows = session.run("subtask/awaited", ids=ids, joins=joins)
    return {row["id"]: row["number"] for row in rows}
