"""A graph in a few lines, and a ledger on it: what the scheduler knows, driven without I/O."""

from __future__ import annotations

import heapq
from collections import Counter

from engine.ledger import Ledger
from engine.plan.stored import StoredBody
from engine.running import RunningTask
from engine.states import SubtaskStatus
from engine.turn import Change, Claim, Move, Settle, TaskChanges, Turn, TurnResult


def running_task(id_: str, ready: int, *, pending: int = 0, max_parallel: int = 0, weight: float = 6.0) -> RunningTask:
    """A task of ``ready`` subtasks that wait to be claimed."""
    counts = Counter({"ready": ready, "pending": pending})
    return RunningTask(id_, weight, max_parallel, StoredBody(), 1, +counts, None, ready=ready)


def settle(claim: Claim, to: SubtaskStatus = SubtaskStatus.COMPLETED, category: str | None = None) -> Settle:
    """How an attempt ended."""
    place = (claim.id, claim.task_id, claim.key, claim.token)
    return Settle(*place, "succeed", to, to.value, 0, 0, category=category)


def interrupted(task_id: str, id_: str = "9") -> Settle:
    """An attempt that a crash has cut off."""
    return Settle(f"{task_id}.{id_}", task_id, "k", 1, "requeue", SubtaskStatus.READY, "interrupted", 0, 0)


def claimed(id_: str, key: str = "k") -> Change:
    """The event of a claim."""
    return Change(id_, key, "claim", "ready", "processing", 1)


def move(task_id: str, id_: str, source: SubtaskStatus, to: SubtaskStatus) -> Move:
    """A move that the next turn makes."""
    return Move(f"{task_id}.{id_}", task_id, "k", "dependencies_settled", source, to)


class Frontier:
    """A graph in a few lines: ready subtasks by task, holds by type, and the answers of turns. Knows no edges."""

    def __init__(self) -> None:
        self.ready: dict[str, list[tuple[str, str]]] = {}
        self.held: dict[tuple[str, str], list[tuple[str, str]]] = {}
        self.done: set[str] = set()
        self.numbers: dict[str, int] = {}

    def add(self, task: RunningTask, types: list[str]) -> None:
        self.ready[task.id] = [(f"{task.id}.{number:07d}", type_) for number, type_ in enumerate(types)]
        self.numbers[task.id] = 1

    def answer(self, turn: Turn) -> TurnResult:
        changes: dict[str, list[Change]] = {}
        for row in turn.settle:
            done = Change(row.id, row.key, row.event, "processing", row.to.value, row.token)
            changes.setdefault(row.task_id, []).append(done)
            self.done.add(row.id)
        for wish in turn.reopen:
            held = self.held.get((wish.task_id, wish.type), [])
            for _ in range(min(wish.count, len(held))):
                heapq.heappush(self.ready[wish.task_id], heapq.heappop(held))
        free, claims, refused = dict(turn.type_free), [], []
        for request in turn.claims:
            for _ in range(min(request.count, len(self.ready[request.task_id]))):
                id_, type_ = heapq.heappop(self.ready[request.task_id])
                if free.get(type_, 1) <= 0:
                    heapq.heappush(self.held.setdefault((request.task_id, type_), []), (id_, type_))
                    refused.append((request.task_id, type_))
                    continue
                if type_ in free:
                    free[type_] -= 1
                claims.append(Claim(id_, request.task_id, id_, type_, "{}", 1, 0))
                changes.setdefault(request.task_id, []).append(claimed(id_, id_))
        tasks = [TaskChanges(id_, turn.sequences[id_] + 1, made) for id_, made in changes.items()]
        for made in tasks:
            assert made.first == self.numbers[made.task_id] + 1
            self.numbers[made.task_id] += len(made.changes)
        return TurnResult(tasks, claims, [], refused)


class World:
    """A ledger on a frontier, driven as the scheduler drives it."""

    def __init__(self, slots: int, limits: dict[str, int] | None = None) -> None:
        self.ledger = Ledger(slots, limits or {})
        self.frontier = Frontier()
        self.running: list[Claim] = []

    def add(self, id_: str, types: list[str], **fields: int) -> RunningTask:
        task = running_task(id_, len(types), **fields)  # type: ignore[arg-type]
        self.frontier.add(task, types)
        self.ledger.add(task)
        return task

    def turn(self) -> TurnResult | None:
        turn = self.ledger.turn("t", 5)
        if turn is None:
            return None
        result = self.frontier.answer(turn)
        self.ledger.apply(turn, result)
        self.running += result.claims
        assert self.ledger.take_drifted() == []
        return result

    def settle(self, place: int = 0, to: SubtaskStatus = SubtaskStatus.COMPLETED) -> None:
        self.ledger.outcome(settle(self.running.pop(place), to))

    def idle(self) -> None:
        """Turns until there is nothing more to ask for."""
        while self.ledger.wants_turn():
            assert self.turn() is not None
