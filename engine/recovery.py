"""Taking up tasks: this engine's own from an earlier life, a dead engine's, or one that a lost answer left unsure.

There is one way to start a subtask: through the frontier. So whatever was running when its engine died is settled
first, as an interrupted attempt, and the state machine says what follows: back to the frontier, a person's decision,
or the end. Interruptions spend no attempt; one too many sets the subtask apart.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from engine import outcomes
from engine.interruption import on_interrupt
from engine.machine import Cancelled, Interrupted, decide
from engine.model import OpenTask, Subtask
from engine.plan.spec import Spec
from engine.ports import Clock, GraphWriter
from engine.retries import Defaults
from engine.routing.rules import Option
from engine.running import RunningTask
from engine.states import SubtaskStatus
from engine.tools.registry import ToolRegistry
from engine.turn import Claim, Settle, Undecided


@dataclass(frozen=True, slots=True)
class TakenUp:
    """A task in memory, the interrupted attempts to settle, what has no verdict yet, and what a timer belongs to."""

    task: RunningTask
    interrupted: list[Settle]
    undecided: list[Undecided]
    waiting: list[tuple[Subtask, int | None]]
    resumed: list[Claim]
    """Attempts that an agent may still work on."""


class Recovery:
    """Rebuilds open tasks from the graph."""

    def __init__(
        self,
        graph: GraphWriter,
        tools: ToolRegistry,
        clock: Clock,
        defaults: Defaults,
        possible: Callable[[str], Sequence[Option]],
    ) -> None:
        self._graph = graph
        self._tools = tools
        self._clock = clock
        self._defaults = defaults
        self._possible = possible
        self._chance = random.Random()
        self.elsewhere: Callable[[Claim, Spec], bool] = lambda _claim, _spec: False
        """Whether an agent of this engine may have a subtask since before the engine was started."""

    async def take_up(self, found: OpenTask, own: bool = True) -> TakenUp:
        """Everything that running the task further needs; ``own`` if it was this engine's before."""
        id_ = found.task.id
        await self._graph.release_holds(id_)
        waiting = await self._graph.waiting(id_)
        task = RunningTask.adopted(found, waiting, await self._graph.tainted(id_))
        running = found.counts.get(SubtaskStatus.PROCESSING.value, 0)
        cut_off = await self._graph.processing(id_) if running else []
        apart = [subtask for subtask in cut_off if own and not task.gate and self._is_elsewhere(subtask)]
        interrupted = [self._interrupted(subtask, bool(task.gate)) for subtask in cut_off if subtask not in apart]
        resumed = [claim_of(subtask) for subtask in apart]
        return TakenUp(task, interrupted, await self._graph.undecided(id_), waiting, resumed)

    def _is_elsewhere(self, subtask: Subtask) -> bool:
        return self.elsewhere(claim_of(subtask), Spec.decode(subtask.spec))

    def _interrupted(self, subtask: Subtask, closing: bool) -> Settle:
        claim, spec = claim_of(subtask), Spec.decode(subtask.spec)
        now = self._clock.now()
        started = subtask.started_at or now
        event = Cancelled() if closing else Interrupted()
        stands = outcomes.standing(claim, spec, on_interrupt(claim, spec, self._tools.get, self._possible), None)
        decision = decide(stands, event, now, self._defaults, self._chance)
        return outcomes.cut_off(claim, spec, event, decision, started, now)


def claim_of(subtask: Subtask) -> Claim:
    """The claim by which a running subtask runs."""
    return Claim(
        subtask.id,
        subtask.task_id,
        subtask.key,
        subtask.type,
        subtask.spec,
        subtask.token,
        subtask.queued_at or 0,
        subtask.spent,
        subtask.interrupted,
        subtask.fell_back,
        subtask.reason,
        subtask.expected,
    )
