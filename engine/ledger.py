"""What the scheduler knows, and its decisions, without I/O: what the next turn asks for and what its answer means.

A turn asks for more than is known to be ready: a task that settles something in the same turn may have more after it,
and waiting for the answer would cost every chain a round trip. What could not be used is given back to the fair share.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence

from engine.fairness import FairShare
from engine.model import Finish, NewSubtask, OpenTask
from engine.running import PROCESSING, READY, RunningTask
from engine.states import SubtaskStatus
from engine.throttle import Throttle
from engine.turn import Claim, ClaimRequest, Move, Reopen, Settle, Turn, TurnResult

MOST_PER_TURN = 500
"""Outcomes and moves that one turn settles; the rest wait for the next."""


class Ledger:
    """The open tasks of one engine and what has happened since the last turn.

    Args:
        slots: subtasks that may run at the same time.
        type_limits: the same by type, for the types that have a limit.
        repeatable: whether a type may be claimed ahead: after a crash it cannot be told from one that had begun.
    """

    def __init__(
        self, slots: int, type_limits: Mapping[str, int], repeatable: Callable[[str], bool] = lambda _: True
    ) -> None:
        self.tasks: dict[str, RunningTask] = {}
        self.draining = False
        self.ahead = 0
        """How many to claim beyond the free slots."""
        self.routed: Callable[[str], bool] = lambda _: False
        """Whether another tool may run subtasks of a type."""
        self._repeatable = repeatable
        self._slots = slots
        self._open = slots
        self._throttle = Throttle(type_limits)
        self._running_by_type: Counter[str] = Counter()
        self._running = 0
        self._outcomes: list[Settle] = []
        self._moves: list[Move] = []
        self._first: list[Move] = []
        self._fair: FairShare[RunningTask] = FairShare()
        self._holders: defaultdict[str, dict[str, RunningTask]] = defaultdict(dict)
        self._asked: dict[str, int] = {}
        self.unsettled = 0
        self._drifted: list[RunningTask] = []

    # --- what there is --------------------------------------------------------------------------------------------

    def add(self, task: RunningTask) -> None:
        """Takes a task up."""
        self.tasks[task.id] = task
        self.unsettled += task.unsettled
        self._let_fall_back(task)
        self._fair.offer(task)

    def offer(self, task: RunningTask) -> None:
        """The task may want slots again."""
        self._fair.offer(task)

    def remove(self, task_id: str) -> RunningTask:
        """Lets go of a task that has ended."""
        task = self.tasks.pop(task_id)
        self.unsettled -= task.unsettled
        return task

    def abandon(self) -> list[RunningTask]:
        """Lets go of every task, and of what has happened to them; returns the tasks."""
        tasks = list(self.tasks.values())
        for task in tasks:
            self.remove(task.id)
        self._outcomes, self._moves, self._first, self._drifted, self._asked = [], [], [], [], {}
        self._holders.clear()
        self._fair = FairShare()
        return tasks

    @property
    def has_outcomes(self) -> bool:
        """Whether something waits to be settled."""
        return bool(self._outcomes or self._moves or self._first)

    @property
    def has_first(self) -> bool:
        """Whether a move of ``move_first`` waits to be made."""
        return bool(self._first)

    def take_drifted(self) -> list[RunningTask]:
        """The tasks whose counts turned out to be wrong, each once."""
        drifted, self._drifted = list(dict.fromkeys(self._drifted)), []
        return [task for task in drifted if task.id in self.tasks]

    @property
    def slots(self) -> int:
        """Subtasks that may run at the same time."""
        return self._slots

    @property
    def open_slots(self) -> int:
        """Subtasks that may run at the same time now: fewer while the machine is short."""
        return self._open

    @property
    def running(self) -> int:
        """Attempts that hold a slot; what is claimed ahead waits for one."""
        return min(self._running, self._slots)

    @property
    def running_by_type(self) -> Mapping[str, int]:
        """By type, with what is claimed ahead."""
        return self._running_by_type

    @property
    def throttle(self) -> Throttle:
        """The limits by type."""
        return self._throttle

    @property
    def ready(self) -> int:
        """Subtasks that could be claimed if there were slots; for metrics, it looks at every open task."""
        return sum(task.ready for task in self.tasks.values())

    # --- what happened --------------------------------------------------------------------------------------------

    def outcome(self, settle: Settle) -> None:
        """An attempt has ended: its slot is free for the turn that records it."""
        self._outcomes.append(settle)
        task = self.tasks.get(settle.task_id)
        claim = task.claims.pop(settle.id, None) if task else None
        if claim is not None:
            self._running -= 1
            self._running_by_type[claim.type] -= 1
            self._throttle.ended(claim.type, settle.category, self._running_by_type[claim.type])

    def cap(self, type_: str, limit: int | None) -> None:
        """A type may not run more than so many for now; None ends that. It is not held where a subtask may have a
        fallback: that one has to come as far as its attempt to take it, and the others of its type come along.
        """
        if limit is not None and (self.routed(type_) or any(task.may_fall_back(type_) for task in self.tasks.values())):
            limit = None
        self._throttle.cap(type_, limit)

    def ease(self, slots: int, limits: Mapping[str, int]) -> None:
        """So many may run, and of some types so many, as long as the machine is short. What runs goes on."""
        self._open = slots
        self._throttle.eased = dict(limits)

    def _let_fall_back(self, task: RunningTask) -> None:
        for type_ in [type_ for type_ in self._throttle.caps if task.may_fall_back(type_)]:
            self._throttle.cap(type_, None)

    def resumed(self, claim: Claim) -> None:
        """A subtask of an earlier life of this engine that is still being worked on elsewhere."""
        self.tasks[claim.task_id].claims[claim.id] = claim
        self._running += 1
        self._running_by_type[claim.type] += 1

    def settling(self, id_: str) -> bool:
        """Whether an attempt of a subtask has ended, and the turn that records it is still to come."""
        return any(settle.id == id_ for settle in self._outcomes)

    def concerns(self, task_id: str) -> bool:
        """Whether something waits to be settled or moved in a task."""
        return any(row.task_id == task_id for rows in (self._outcomes, self._moves, self._first) for row in rows)

    def interrupted(self, settle: Settle) -> None:
        """An attempt of an earlier life of this engine; it holds no slot."""
        self._outcomes.append(settle)

    def move(self, moves: Sequence[Move]) -> None:
        """Subtasks that are to move without an attempt of theirs having ended."""
        self._moves += moves

    def move_first(self, moves: Sequence[Move]) -> None:
        """The same in turns of their own, ahead of the others."""
        self._first += moves

    def size(self, task_id: str) -> int:
        """How many subtasks an open task has."""
        task = self.tasks.get(task_id)
        return sum(task.counts.values()) if task else 0

    def last_event_of(self, task_id: str) -> int | None:
        """The number of the last event of an open task; None when it is not open here."""
        task = self.tasks.get(task_id)
        return None if task is None else task.last_event

    def expanded(self, task_id: str, added: Sequence[NewSubtask], dropped: int) -> None:
        """A mapped subtask has grown items; they wait for it to settle."""
        task = self.tasks.get(task_id)
        if task is None:  # another engine has taken it over meanwhile
            return
        task.counts[SubtaskStatus.PENDING.value] += len(added) - dropped
        task.grown(added)
        self._let_fall_back(task)
        task.dirty = True
        self.unsettled += len(added) - dropped

    def recounted(self, task: RunningTask, found: OpenTask) -> None:
        """Takes over exact counts; used where an answer was lost or many moved at once."""
        self.unsettled -= task.unsettled
        task.counts = Counter(found.counts)
        self.unsettled += task.unsettled
        task.ready = task.counts[READY]
        task.held.clear()
        task.last_event = found.last_event
        task.dirty = True
        self._fair.offer(task)

    # --- the next turn --------------------------------------------------------------------------------------------

    def wants_turn(self) -> bool:
        """Whether a further turn would find something to do."""
        if self.has_outcomes:
            return True
        return self._free() > 0 and self._fair.wanted(self._known_demand)

    def turn(self, id_: str, now: int) -> Turn | None:
        """What the next turn asks for, or None when there is nothing to do."""
        settle, self._outcomes = self._outcomes[:MOST_PER_TURN], self._outcomes[MOST_PER_TURN:]
        moves = self._next_moves()
        settle = [row for row in settle if row.task_id in self.tasks]
        moves = _each_once(row for row in moves if row.task_id in self.tasks)
        active = dict.fromkeys(row.task_id for row in settle) | dict.fromkeys(row.task_id for row in moves)
        type_free = self._throttle.free(self._running_by_type)
        reopen = self._reopen(type_free) if self._free() > 0 else []
        claims = self._claims(active)
        if not settle and not moves and not claims:
            return None
        touched = active | dict.fromkeys(claim.task_id for claim in claims)
        return Turn(
            id=id_,
            now=now,
            settle=sorted(settle, key=lambda row: row.id),
            moves=sorted(moves, key=lambda row: row.id),
            claims=claims,
            sequences={task_id: self.tasks[task_id].last_event for task_id in touched},
            type_free=type_free,
            reopen=reopen,
        )

    def _next_moves(self) -> list[Move]:
        if self._first:
            moves, self._first = self._first[:MOST_PER_TURN], self._first[MOST_PER_TURN:]
        else:
            moves, self._moves = self._moves[:MOST_PER_TURN], self._moves[MOST_PER_TURN:]
        return moves

    def _free(self) -> int:
        return 0 if self.draining else self._open - self._running

    def _claims(self, active: Mapping[str, None]) -> list[ClaimRequest]:
        """Shares the free slots out, by what is ready; a task in which this turn settles something may ask for more."""
        self._asked = {}
        ahead = 0 if self.draining or self._open < self._slots else self.ahead
        wanted = self._free() + ahead
        if wanted <= 0:
            return []
        for task_id in active:
            self._fair.offer(self.tasks[task_id])

        def demand(task: RunningTask) -> int:
            return min(self._slots, task.room) if task.id in active else self._known_demand(task)

        self._asked = self._fair.share(demand, wanted, ahead, self._patient)
        return [ClaimRequest(task_id, count) for task_id, count in self._asked.items()]

    def _patient(self, task: RunningTask) -> bool:
        """Whether subtasks of the task may stand claimed until there is a slot."""
        kinds = task.ranked.kinds
        return kinds is not None and all(map(self._repeatable, kinds))

    def _known_demand(self, task: RunningTask) -> int:
        """How many of the task could start for certain."""
        return min(task.ready, task.room) if task.id in self.tasks else 0

    def _reopen(self, type_free: dict[str, int]) -> list[Reopen]:
        """Held subtasks go back to the frontier as their type has free slots, task by task."""
        found: list[Reopen] = []
        for type_, holders in self._holders.items():
            free = type_free.get(type_, self._slots)
            for task in list(holders.values()) if free else ():
                count = min(free, task.held[type_])
                if count and task.room > 0:
                    found.append(Reopen(task.id, type_, count))
                    task.held[type_] -= count
                    task.ready += count
                    free -= count
                    self._fair.offer(task)
                if not task.held[type_] or task.id not in self.tasks:
                    del holders[task.id]
        return found

    # --- its answer -----------------------------------------------------------------------------------------------

    def apply(self, turn: Turn, result: TurnResult) -> list[RunningTask]:
        """Takes over what a turn really did; returns the tasks that it touched."""
        for changes in result.tasks:
            task = self.tasks[changes.task_id]
            self.unsettled -= task.unsettled
            task.apply(changes)
            self.unsettled += task.unsettled
            if task.held and any(change.source == READY and change.status != PROCESSING for change in changes.changes):
                self._drifted.append(task)  # it may have been one of the held ones that moved
        for claim in result.claims:
            task = self.tasks[claim.task_id]
            task.claims[claim.id] = claim
            task.started_at = task.started_at or turn.now
            self._running += 1
            self._running_by_type[claim.type] += 1
        for task_id, type_ in result.held:
            task = self.tasks[task_id]
            task.held[type_] += 1
            task.ready -= 1
            self._holders[type_][task_id] = task
        self._refund(result)
        touched = [self.tasks[task_id] for task_id in turn.sequences]
        for task in touched:
            self._fair.offer(task)
        return touched

    def _refund(self, result: TurnResult) -> None:
        """Gives back what was asked for in vain, and notices tasks whose count of ready ones was wrong."""
        used = Counter(claim.task_id for claim in result.claims)
        used.update(task_id for task_id, _ in result.held)
        for task_id, asked in self._asked.items():
            task = self.tasks[task_id]
            if asked > used[task_id]:
                self._fair.refund(task, asked - used[task_id])
                if task.ready > 0 and not used[task_id]:
                    self._drifted.append(task)
        self._asked = {}

    def forget_answer(self, turn: Turn) -> None:
        """After an unclear outcome: what was held counts as ready again, as the graph is told at the same time."""
        for task_id in turn.sequences:
            task = self.tasks[task_id]
            task.ready += sum(task.held.values())
            task.held.clear()
        self._asked = {}

    def numbered(self, end: Finish) -> Finish:
        """The end of a task with its counts and the number of its event."""
        task = self.tasks[end.task_id]
        return Finish(
            task_id=end.task_id,
            status=end.status,
            at=end.at,
            started_at=task.started_at,
            counts=task.present(),
            last_event=task.last_event + 1,
            result=end.result,
            result_hash=end.result_hash,
            error=end.error,
            detail="; ".join(filter(None, (task.gate_detail, end.detail))),
        )


def _each_once(moves: Iterable[Move]) -> list[Move]:
    """The last of the moves of a subtask from one state: two in one turn could both find it there."""
    return list({(move.id, move.source): move for move in moves}.values())
