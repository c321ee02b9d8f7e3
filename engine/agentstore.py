"""Where the graph keeps how far the talk of an agent is, as a Protocol: a crash loses no turn that was complete."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec

from engine.language import Usage
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


class Talked(Value, frozen=True):
    """What one talk of a task has used: ``key`` is of its subtask, ``turns`` are the answers."""

    subtask_id: str
    key: str
    talk: str
    turns: int
    usage: Usage


class _Answered(msgspec.Struct):
    """Of an answer as a step has it what it has cost."""

    usage: Usage


def talked(rows: Sequence[tuple[str, Step]]) -> list[Talked]:
    """What each talk has used, from its answers and the keys of their subtasks. Pure."""
    found: dict[tuple[str, str], Talked] = {}
    for key, step in rows:
        usage = msgspec.json.decode(step.body, type=_Answered).usage
        place = (step.subtask_id, step.talk)
        before = found.get(place, Talked(step.subtask_id, key, step.talk, 0, Usage(cost=0.0)))
        found[place] = Talked(step.subtask_id, key, step.talk, before.turns + 1, before.usage.plus(usage))
    return list(found.values())


class AgentStore(Protocol):
    """The talks of a namespace. They go with their task."""

    async def put_agent_step(self, step: Step) -> bool:
        """Stores a step, in place of an earlier one with its id; False, and nothing is stored, when its attempt is not
        the running one any more. Safe to repeat.
        """

    async def agent_usage(self, task_id: str) -> list[Talked]:
        """What each talk of a task has used, in the order of its subtasks."""

    async def agent_steps(self, subtask_id: str, talk: str) -> list[Step]:
        """The steps of one talk, in the order of the turns; the answer of a turn comes before its calls."""
