"""Where the graph keeps how far the talk of an agent is, as a Protocol: a crash loses no turn that was complete."""

from __future__ import annotations

from typing import Protocol

from engine.model import Value


class Step(Value, frozen=True):
    """One step of a talk: an answer of the model, or what came of one of the tool calls in it.

    ``talk`` tells the talks of one subtask apart: another input is another talk. ``turn`` counts the answers from 1;
    ``call`` is the id of the tool call, "" for the answer itself. ``body`` is JSON text, ``at`` is in milliseconds.
    """

    task_id: str
    subtask_id: str
    token: int
    talk: str
    turn: int
    call: str
    at: int
    body: str

    @property
    def id(self) -> str:
        """The same step has the same id, whoever writes it."""
        return f"{self.subtask_id}#{self.talk}.{self.turn:04}" + (f"/{self.call}" if self.call else "")


class AgentStore(Protocol):
    """The talks of a namespace. They go with their task."""

    async def put_agent_step(self, step: Step) -> bool:
        """Stores a step, in place of an earlier one with its id; False, and nothing is stored, when its attempt is not
        the running one any more. Safe to repeat.
        """

    async def agent_steps(self, subtask_id: str, talk: str) -> list[Step]:
        """The steps of one talk, in the order of the turns; the answer of a turn comes before its calls."""
