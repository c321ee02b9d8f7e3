"""Many engines on one graph database, in simulated time: the engine's own decisions on measured costs.

What is real: the ledger that makes turns (``engine/ledger.py``, with its fair shares), and what moves between engines
(``engine/balance.py``). What is simulated: time, the database as so many cores that serve statements one after another
at measured costs, and subtasks that only take their time. An engine has one turn on its way at a time, so while the
database is busy its turns grow, as they do in the world.
"""

from __future__ import annotations

import heapq
import itertools
import random
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

from engine.balance import Movable, shares
from engine.ledger import Ledger
from engine.moving import SETTLE_BEATS
from engine.ownerstore import Load
from engine.running import PROCESSING, READY, RunningTask
from engine.states import SubtaskStatus
from engine.turn import Change, Claim, Settle, TaskChanges, Turn, TurnResult


@dataclass(frozen=True)
class Costs:
    """Seconds of one core of the database, as measured; ``python -m tests.bench.scale --measure`` makes them anew.

    A turn takes ``turn`` and ``subtask`` more for each that it settles; a heartbeat ``beat`` and ``beat_engine`` more
    for each engine of the namespace.
    """

    turn: float = 0.0026
    subtask: float = 0.000105
    beat: float = 0.002
    beat_engine: float = 0.00001


@dataclass(frozen=True)
class Site:
    """What is simulated: so many engines with so many slots, subtasks of so many seconds, cores of the database."""

    engines: int
    slots: int = 50
    seconds: float = 1.0
    cores: int = 8
    heartbeat: float = 2.0


@dataclass
class Outcome:
    """What came of it. ``busy`` and ``used`` are shares of the database's cores and of the slots."""

    rate: float
    busy: float
    used: float
    p50: float
    p99: float
    late_beat: float
    """The longest time between two heartbeats of one engine, as they reached the database."""


class Simulation:
    """One run of a site."""

    def __init__(self, site: Site, costs: Costs, seed: int = 1) -> None:
        self._site, self._costs = site, costs
        self._chance = random.Random(seed)
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._now = 0.0
        self._free = site.cores
        self._waiting: deque[tuple[float, Callable[[], None]]] = deque()
        self._served = 0.0
        self._settled = 0
        self._ran = 0.0
        self._turns: list[float] = []
        self._beats: dict[int, float] = {}
        self._late = 0.0
        self._ids = itertools.count()

    def run(self, seconds: float, warm: float) -> Outcome:
        """Simulates so many seconds after a warm-up."""
        for number in range(self._site.engines):
            engine = SimulatedEngine(self, number)
            self.after(self._chance.uniform(0, 0.2), engine.look)
            self.after(self._chance.uniform(0, self._site.heartbeat), engine.beat)
        self._until(warm)
        self._served, self._settled, self._ran, self._turns, self._late = 0.0, 0, 0.0, [], 0.0
        self._until(warm + seconds)
        turns = sorted(self._turns) or [0.0]
        slots = self._site.engines * self._site.slots
        return Outcome(
            self._settled / seconds,
            self._served / (seconds * self._site.cores),
            self._ran / (seconds * slots),
            turns[len(turns) // 2],
            turns[len(turns) * 99 // 100],
            self._late,
        )

    def _until(self, end: float) -> None:
        while self._events and self._events[0][0] <= end:
            self._now, _, then = heapq.heappop(self._events)
            then()
        self._now = end

    def after(self, seconds: float, then: Callable[[], None]) -> None:
        """Calls back in so many simulated seconds."""
        heapq.heappush(self._events, (self._now + seconds, next(self._order), then))

    def serve(self, seconds: float, then: Callable[[], None]) -> None:
        """A statement that takes a core so long, once there is a core."""
        if self._free:
            self._free -= 1
            self._begin(seconds, then)
        else:
            self._waiting.append((seconds, then))

    def _begin(self, seconds: float, then: Callable[[], None]) -> None:
        self._served += seconds

        def ended() -> None:
            if self._waiting:
                self._begin(*self._waiting.popleft())
            else:
                self._free += 1
            then()

        self.after(seconds, ended)

    def subtask_seconds(self) -> float:
        """How long one takes."""
        return self._site.seconds * self._chance.uniform(0.5, 1.5)

    def settled(self, number: int, ran: float, took: float) -> None:
        """A turn has come back."""
        self._settled += number
        self._ran += ran
        self._turns.append(took)

    def beat(self, engine: int) -> None:
        """A heartbeat has reached the database."""
        self._late = max(self._late, self._now - self._beats.get(engine, self._now))
        self._beats[engine] = self._now

    @property
    def now(self) -> float:
        """Simulated seconds."""
        return self._now

    @property
    def site(self) -> Site:
        """What is simulated."""
        return self._site

    @property
    def costs(self) -> Costs:
        """What the database takes."""
        return self._costs

    def new_id(self) -> int:
        """A number that was not given before."""
        return next(self._ids)


@dataclass
class SimulatedEngine:
    """One engine: the real ledger, two tasks that never end, and a turn at a time."""

    simulation: Simulation
    number: int
    ledger: Ledger = field(init=False)
    turning: bool = False

    def __post_init__(self) -> None:
        self.ledger = Ledger(self.simulation.site.slots, {})
        for index in range(2):
            self.ledger.add(_task(f"{self.number}-{index}", 1_000_000))

    def beat(self) -> None:
        """A sign of life, and the next one when this has arrived."""
        site, costs = self.simulation.site, self.simulation.costs

        def arrived() -> None:
            self.simulation.beat(self.number)
            self.simulation.after(site.heartbeat, self.beat)

        self.simulation.serve(costs.beat + costs.beat_engine * site.engines, arrived)

    def look(self) -> None:
        """Sends a turn when there is something for one and none is on its way."""
        if self.turning:
            return
        turn = self.ledger.turn("t", round(1000 * self.simulation.now))
        if turn is None:
            return
        self.turning, begun = True, self.simulation.now
        costs = self.simulation.costs

        def back() -> None:
            self.turning = False
            result = self._answer(turn)
            self.ledger.apply(turn, result)
            ran = sum((row.finished_at - row.started_at) / 1000 for row in turn.settle)
            self.simulation.settled(len(turn.settle), ran, self.simulation.now - begun)
            for claim in result.claims:
                self._start(claim)
            if self.ledger.wants_turn():
                self.look()

        self.simulation.serve(costs.turn + costs.subtask * max(len(turn.settle), 1), back)

    def _answer(self, turn: Turn) -> TurnResult:
        """What the graph would say: everything settles, and every task has enough that is ready."""
        changes: dict[str, list[Change]] = {}
        for row in turn.settle:
            changes.setdefault(row.task_id, []).append(Change(row.id, row.key, "succeed", PROCESSING, "completed", 1))
        claims = []
        for wanted in turn.claims:
            for _ in range(wanted.count):
                id_ = str(self.simulation.new_id())
                changes.setdefault(wanted.task_id, []).append(Change(id_, id_, "claim", READY, PROCESSING, 1))
                claims.append(Claim(id_, wanted.task_id, id_, "noop", "", 1, 0))
        tasks = [TaskChanges(id_, turn.sequences[id_] + 1, changed) for id_, changed in changes.items()]
        return TurnResult(tasks, claims, [], [])

    def _start(self, claim: Claim) -> None:
        begun = round(1000 * self.simulation.now)

        def ended() -> None:
            end = round(1000 * self.simulation.now)
            to = SubtaskStatus.COMPLETED
            place = (claim.id, claim.task_id, claim.key, 1, "succeed", to, "completed", begun, end)
            self.ledger.outcome(Settle(*place))
            self.look()

        self.simulation.after(self.simulation.subtask_seconds(), ended)


def _task(id_: str, ready: int) -> RunningTask:
    counts = Counter({READY: ready})
    return RunningTask(id_, 5.0, 0, cast(Any, None), 0, counts, None, ready=ready)


def levelled(engines: int, tasks: int, size: int, slots: int, heartbeat: float) -> tuple[float, int]:
    """One engine has all the tasks and the others join: after how many seconds no look moves anything any more, and how
    many tasks have moved.
    """
    left = [Movable(str(n), size) for n in range(tasks)]
    others = {str(n): Load(0, 10**9) for n in range(engines - 1)}
    looks = moved = 0
    while moves := shares(len(left) * size, slots, others, left):
        looks += 1
        moved += len(moves)
        gone = {task for task, _ in moves}
        left = [task for task in left if task.id not in gone]
        for _, to in moves:
            others[to] = Load(others[to].unsettled + size, others[to].room - size)
    return looks * SETTLE_BEATS * heartbeat, moved
