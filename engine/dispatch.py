"""Commands for tasks of other engines: left in the graph, carried out by the owner, answered through the graph."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from engine.command import Answer, Command
from engine.plan.ids import Ulids
from engine.ports import Clock, GraphWriter

LOOK_SECONDS = 0.1
"""How often whoever waits for an answer looks for it; nobody looks without a caller who waits."""


class Dispatch:
    """Hands commands to whoever owns their task.

    Args:
        patience: seconds that a caller waits for the answer.
        ring: tells engines, all with "", that there is something for them; unheard, their heartbeat finds it.
    """

    def __init__(
        self, graph: GraphWriter, clock: Clock, ids: Ulids, patience: float, ring: Callable[[str], None]
    ) -> None:
        self._ring = ring
        self._graph = graph
        self._clock = clock
        self._ids = ids
        self._patience = patience

    async def ask(self, command: Command) -> bool | None:
        """Leaves a command and waits for its answer: True when it was carried out, False when it is still to be, None
        when its task is not open. Raises what the owner met: ``Conflict``, ``NotFound``.
        """
        now = self._clock.now()
        id_ = self._ids.new(now)
        if not await self._graph.leave_command(id_, command.task_id, command.encode(), now):
            return None
        self._ring("")
        until = self._clock.monotonic() + self._patience
        while (answer := await self._graph.collect_answer(id_)) is None:
            if self._clock.monotonic() >= until:
                return False
            await asyncio.sleep(LOOK_SECONDS)
        Answer.decode(answer).check()
        return True
