"""A verb that somebody wants applied to a task, as it travels to the engine that owns the task, and its answer.

Only the owner writes a task. Whoever is asked at another engine leaves the command in the graph; the owner finds it
with its next heartbeat, applies it, and leaves the answer.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from engine.errors import Conflict, EngineError, Fault, Forbidden, InvalidInput, NotFound
from engine.model import Task, Value

Verb = Literal["cancel", "pause", "resume", "retry", "skip", "approve", "reject", "take_up"]
"""All but the last are a person's; ``take_up`` tells an engine that a task has become its own."""


class Command(Value, frozen=True, omit_defaults=True):
    """What is wanted of a task, or of its subtask ``key``, and by whom.

    ``mode``, ``timeout_seconds`` and ``on_timeout`` belong to ``pause``; the rest to ``approve`` and
    ``reject``: a ``comment``; without a ``key`` the ``keys``, the ``rule`` or ``everything`` that it is about; what is
    to be put into the ``input``; the id of the ``decision``.
    """

    verb: Verb
    task_id: str
    key: str = ""
    by: str = ""
    comment: str = ""
    mode: Literal["drain", "now"] = "drain"
    timeout_seconds: float | None = None
    on_timeout: Literal["resume", "cancel"] = "resume"
    keys: tuple[str, ...] = ()
    rule: str = ""
    everything: bool = False
    input: Any = msgspec.UNSET
    decision: str = ""

    def encode(self) -> str:
        """JSON text."""
        return msgspec.json.encode(self).decode()

    @staticmethod
    def decode(text: str) -> Command:
        """The command of ``encode``'s text. Raises ``msgspec.DecodeError`` for anything else."""
        return msgspec.json.decode(text, type=Command)


class Answer(Value, frozen=True, omit_defaults=True):
    """What became of a command: applied, or refused with an error of this kind and message; a conflict also says the
    state and what would be legal, an input with faults each of them.
    """

    refused: str = ""
    message: str = ""
    state: str = ""
    legal: tuple[str, ...] = ()
    faults: tuple[tuple[str, str], ...] = ()

    def encode(self) -> str:
        """JSON text."""
        return msgspec.json.encode(self).decode()

    @staticmethod
    def decode(text: str) -> Answer:
        """The answer of ``encode``'s text."""
        return msgspec.json.decode(text, type=Answer)

    @staticmethod
    def refusal(error: EngineError) -> Answer:
        """The answer that carries an error to whoever asked."""
        if isinstance(error, Conflict):
            return Answer("Conflict", str(error), error.state, tuple(error.legal))
        if isinstance(error, InvalidInput):
            faults = tuple((fault.pointer, fault.detail) for fault in error.faults)
            return Answer("InvalidInput", str(error), faults=faults)
        return Answer(type(error).__name__, str(error))

    def check(self) -> None:
        """Raises the error that the owner met, if it met one."""
        if self.refused == "Conflict":
            raise Conflict(self.message, state=self.state, legal=self.legal)
        if self.refused == "InvalidInput":
            raise InvalidInput([Fault(pointer, detail) for pointer, detail in self.faults])
        if self.refused:
            raise {"NotFound": NotFound, "Forbidden": Forbidden}.get(self.refused, EngineError)(self.message)


class Carried(Value, frozen=True):
    """The task after a command, and whether the command has taken effect yet; if not, it still will."""

    task: Task
    applied: bool
