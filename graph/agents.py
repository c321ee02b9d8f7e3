"""The talks of agents, once for both dialects: one small node per answer and per tool call, written by the attempt
itself and apart from the turn, so that a subtask without an agent costs nothing.
"""

from __future__ import annotations

from engine.agentstore import Step, Talked, talked
from graph.fencing import Fencing

STATEMENTS = frozenset({"agent/drop", "agent/of_subtask", "agent/of_task", "agent/put"})


class AgentTalks(Fencing):
    """The talks of one namespace."""

    async def put_agent_step(self, step: Step) -> bool:
        """Stores a step, unless its attempt is not the running one any more."""
        return bool(
            await self._database.write(
                "agent/put",
                id=step.id,
                namespace=self._namespace,
                task=step.task_id,
                subtask=step.subtask_id,
                token=step.token,
                talk=step.talk,
                turn=step.turn,
                call=step.call,
                at=step.at,
                body=step.body,
            )
        )

    async def agent_steps(self, subtask_id: str, talk: str) -> list[Step]:
        """The steps of one talk, in the order of the turns."""
        rows = await self._database.read("agent/of_subtask", subtask=subtask_id, talk=talk)
        fields = ("task", "subtask", "token", "talk", "turn", "call", "at", "body")
        return [Step(*(row[name] for name in fields)) for row in rows]

    async def agent_usage(self, task_id: str) -> list[Talked]:
        """What each talk of a task has used, in the order of its subtasks."""
        rows = await self._database.read("agent/of_task", task=task_id)
        fields = ("task", "subtask", "token", "talk", "turn", "call", "at", "body")
        return talked([(row["key"], Step(*(row[name] for name in fields))) for row in rows])
