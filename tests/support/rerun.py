"""A rerun stored by hand, for tests of the graph port."""

from __future__ import annotations

import msgspec

from engine.model import NewTask, Subtask
from engine.plan.takeover import Ran, cone, take_over
from tests.support.graphs import Hand
from tests.support.plans import fresh_id


async def rerun_of(hand: Hand, first: NewTask, key: str, rows: list[Subtask] | None = None) -> NewTask:
    """Stores a rerun of a task without dependencies in which only ``key`` runs again; ``rows`` are its subtasks as they
    were read before.
    """
    earlier = rows or await hand.graph.subtasks(first.id, status=None, after="", limit=1_000)
    ran = Ran(earlier)
    nothing: list[list[int]] = [[] for _ in earlier]
    again = cone(ran, nothing, {key})
    id_ = fresh_id()
    fresh = [msgspec.structs.replace(row, id=row.id.replace(first.id, id_)) for row in first.subtasks]
    task = msgspec.structs.replace(first, id=id_, subtasks=fresh, rerun_of=first.id, created_at=hand.now)
    taken = take_over(task, ran, nothing, again)
    await hand.graph.store(taken)
    hand.numbers[id_] = 1 + len(taken.settled)
    return taken
