"""How long it takes to say what a recall reaches: 1,000 derived outputs in five tasks, among 100,000."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence

from engine.lineage import Made, Use
from engine.model import NewSubtask, NewTask, Reused
from engine.plan.ids import Ulids, subtask_id
from engine.recall import Recalled, Recalls, Wish
from engine.states import SubtaskStatus
from tests.bench.effort import Effort
from tests.bench.figures import Figure
from tests.bench.stage import Stage
from tests.support.graphs import Hand, execute

TASKS, EACH = 100, 1_000
FAMILY = 5
"""Tasks that share the recalled output."""
MIDDLE, DERIVED = 10, 200
"""Subtasks of the second generation, and of all three together, in each of these."""
BATCH = 2_000
MARK = {
    "neo4j": "UNWIND $rows AS r MATCH (s:Subtask {id: r.id})-[:HAS_ATTEMPT]->(a:Attempt) SET a.consumed = [r.used]",
    "embedded": "UNWIND $rows AS r MATCH (a:Attempt) WHERE a.id = r.attempt SET a.consumed = r.used",
}


async def recalled(stage: Stage, effort: Effort) -> list[Figure]:
    """A dry run of a recall, on a graph full of results."""
    tasks, each = effort.size((TASKS, EACH), (FAMILY + 1, DERIVED + 20))
    async with stage.hand() as hand:
        source = await seed(hand, tasks, each)
        seconds = []
        for _ in range(effort.rounds):
            begun = time.perf_counter()
            found = await recalls(hand).recall(Wish(subtask=source), dry_run=True)
            seconds.append(time.perf_counter() - begun)
            assert len(found.subtasks) == FAMILY * DERIVED
            assert len(found.tasks) == FAMILY
    what = f"recall of {FAMILY * DERIVED:,} derived among {tasks * each:,} results, dry run"
    return [Figure("recall", stage.kind, what, "s", seconds, "<= 1")]


def recalls(hand: Hand) -> Recalls:
    """Recalls that only look."""

    async def nothing(*_: object) -> None:
        """Nothing waits to be written."""

    never: Callable[..., Awaitable[Recalled]] = nothing  # type: ignore[assignment]
    return Recalls(hand.graph, nothing, never, never, never)  # type: ignore[arg-type]


async def seed(hand: Hand, tasks: int, each: int) -> str:
    """Stores final tasks as they are after a run; returns the id of the subtask to recall."""
    ids = Ulids()
    source = ""
    for number in range(tasks):
        task = _task(ids.new(hand.now), hand, each, number, source)
        await hand.graph.store(task)
        source = source or task.subtasks[0].id
        made = [_made(subtask) for subtask in task.subtasks]
        uses = list(_uses(task.subtasks))
        for start in range(0, each, BATCH):
            await hand.graph.link(made[start : start + BATCH], [])
        await hand.graph.link([], [Use(user.id, 1, _hash(used), sure=True) for user, used in uses])
        rows = [{"id": user.id, "attempt": f"{user.id}#1", "used": used.id} for user, used in uses]
        await execute(hand.graph, MARK[hand.graph.kind], rows=rows)
    await execute(hand.graph, "MATCH (t:Task) WHERE t.namespace = $n SET t.status = 'completed'", n=hand.namespace)
    return source


def _task(id_: str, hand: Hand, each: int, number: int, source: str) -> NewTask:
    """A task in which everything is completed; the first one of its family made what the others took over."""
    subtasks = []
    for index in range(each):
        text = f'"{hand.namespace} {number} {index}"'
        origin = ""
        if index == 0 and 0 < number < FAMILY:
            text, origin = f'"{hand.namespace} 0 0"', source
        hash_ = hashlib.sha256(text.encode()).hexdigest()
        reused = Reused(text, hash_, len(text), origin)
        place = (subtask_id(id_, index), f"k{index}", "noop", index, "{}", 0, 5, 0, 1.0, f"{index:07d}")
        subtasks.append(NewSubtask(*place, status=SubtaskStatus.COMPLETED, reused=reused))
    names = (id_, "plan", "", "", "", (), 5, 0, "continue", "{}", hand.now, subtasks, [])
    return NewTask(*names, rerun_of="seed")


def _hash(subtask: NewSubtask) -> str:
    assert subtask.reused is not None
    return subtask.reused.output_hash or ""


def _made(subtask: NewSubtask) -> Made:
    assert subtask.reused is not None
    reused = subtask.reused
    return Made(subtask.id, 1, _hash(subtask), reused.output_bytes, reused.output, reused.origin, sure=True)


def _uses(subtasks: Sequence[NewSubtask]) -> Iterator[tuple[NewSubtask, NewSubtask]]:
    """Who used whom: some the first one, and the rest of the derived ones one of these. The others used each other."""
    for index, subtask in enumerate(subtasks[1:], 1):
        if index <= MIDDLE:
            yield subtask, subtasks[0]
        elif index < DERIVED:
            yield subtask, subtasks[1 + index % MIDDLE]
        elif index > DERIVED:
            yield subtask, subtasks[index - 1]
