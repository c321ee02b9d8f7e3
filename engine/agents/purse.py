"""The budget of a task, which holds over all its agents together, also over those that run side by side.

Before a question an agent has tokens set aside for it, and gives back what the answer did not take; so several agents
that ask at once do not pass the cap together. What was used lies in the graph with the steps: after a restart the purse
of a task is counted anew from them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from engine.agents.budget import LEAST_ANSWER, tokens_of
from engine.agentstore import Talked
from engine.errors import AgentExecutionError, Category
from engine.language import Usage
from engine.plan.stored import TaskBudget

MOST_PURSES = 10_000
"""Tasks whose purses are remembered; those not used the longest are counted anew when they are wanted."""
_NAMED = 5


class Purse:
    """The purse of one task.

    Args:
        budget: of the task.
        used: by talk, what was used before.
    """

    def __init__(self, budget: TaskBudget, used: Mapping[tuple[str, str], Talked]) -> None:
        self.budget = budget
        self._used = {place: row.usage for place, row in used.items()}
        self._keys = {row.subtask_id: row.key for row in used.values()}
        self._held: dict[tuple[str, str], tuple[int, float]] = {}
        self._changed = asyncio.Condition()

    async def hold(self, place: tuple[str, str], key: str, need: tuple[int, float], want: int) -> int | None:
        """Sets tokens aside for the next question of a talk; waits while others hold what is left.

        Args:
            place: subtask and talk.
            key: of the subtask.
            need: tokens and US dollars that it takes at least.
            want: tokens that it takes at most.

        Returns: how many it has, None where tokens have no bound.

        Raises:
            AgentExecutionError: there is not enough left (resource), and others hold nothing.
        """
        self._keys[place[0]] = key
        async with self._changed:
            while (fits := self._fits(place, need)) is False:
                if not any(other != place for other in self._held):
                    raise self._spent()
                await self._changed.wait()
            granted = want if fits is None else min(want, fits)
            self._held[place] = (granted, need[1])
            return None if fits is None else granted

    async def settle(self, place: tuple[str, str], usage: Usage) -> None:
        """Gives back what is held, and notes what the talk has used in all."""
        self._used[place] = usage
        await self.release(place)

    async def release(self, place: tuple[str, str]) -> None:
        """Gives back what is held."""
        async with self._changed:
            self._held.pop(place, None)
            self._changed.notify_all()

    def _fits(self, place: tuple[str, str], need: tuple[int, float]) -> int | bool | None:
        """Tokens that it may have; None for no bound, False when it does not fit now."""
        held = [amounts for other, amounts in self._held.items() if other != place]
        cost = self.budget.cost
        if cost is not None:
            used = sum(usage.cost or 0.0 for usage in self._used.values())
            if used + sum(amounts[1] for amounts in held) + need[1] > cost:
                return False
        if self.budget.tokens is None:
            return None
        left = self.budget.tokens - sum(map(tokens_of, self._used.values())) - sum(amounts[0] for amounts in held)
        return left if left >= min(need[0] + LEAST_ANSWER, self.budget.tokens) else False

    def _spent(self) -> AgentExecutionError:
        caps = []
        if self.budget.tokens is not None:
            caps.append(f"{self.budget.tokens} tokens")
        if self.budget.cost is not None:
            caps.append(f"{self.budget.cost:g} US dollars")
        by_key: dict[str, int] = {}
        for (subtask_id, _), usage in self._used.items():
            key = self._keys.get(subtask_id, subtask_id)
            by_key[key] = by_key.get(key, 0) + tokens_of(usage)
        dearest = sorted(by_key.items(), key=lambda row: row[1], reverse=True)[:_NAMED]
        listed = ", ".join(f"{key} {tokens}" for key, tokens in dearest if tokens)
        error = AgentExecutionError(
            f"the agents of this task have reached its agent_budget of {' and '.join(caps)}: "
            f"{sum(by_key.values())} tokens used ({listed or 'none'})",
            category=Category.RESOURCE,
            suggestion="Rerun the task from this subtask with a larger agent_budget, or give its agents less to do.",
        )
        error.repeat = False
        return error


class Purses:
    """The purses of the tasks of one engine.

    Args:
        budget_of: the budget of a task that runs here; None where it has none.
        used_by: what the talks of a task have used, from the graph.
    """

    def __init__(
        self, budget_of: Callable[[str], TaskBudget | None], used_by: Callable[[str], Awaitable[list[Talked]]]
    ) -> None:
        self._budget_of, self._used_by = budget_of, used_by
        self._purses: dict[str, Purse] = {}
        self._reading = asyncio.Lock()

    async def of(self, task_id: str) -> Purse | None:
        """The purse of a task; None where it has no budget. Raises ``GraphUnavailable``."""
        budget = self._budget_of(task_id)
        if budget is None or (budget.tokens is None and budget.cost is None):
            return None
        async with self._reading:
            purse = self._purses.pop(task_id, None)
            if purse is None or purse.budget != budget:
                rows = await self._used_by(task_id)
                purse = Purse(budget, {(row.subtask_id, row.talk): row for row in rows})
            self._purses[task_id] = purse
            while len(self._purses) > MOST_PURSES:
                self._purses.pop(next(iter(self._purses)))
            return purse
