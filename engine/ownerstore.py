"""How the engines of a namespace divide its tasks among themselves, as the graph keeps it, as a Protocol."""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

from engine.model import OpenTask, Pulse, Value


class Load(Value, frozen=True):
    """How much an engine has to do: its unsettled subtasks, and how many more it would take."""

    unsettled: int
    room: int


class OwnerStore(Protocol):
    """The writes are fenced by the engine's epoch and raise ``Fenced`` when that is stale, but for those that say so.

    All raise ``GraphUnavailable`` when the database does not answer; whether a write happened is then unknown.
    """

    async def register(self, engine_id: str, at: int) -> int:
        """Enters the engine with a higher epoch than before and returns it. Fences its earlier life."""

    async def heartbeat(self, timeout: int, load: Load | None = None) -> Pulse:
        """Renews the engine's sign of life; returns the database's time, the engines with open tasks that have left or
        gave none for ``timeout`` milliseconds, and the commands for this one. ``load`` is told to others; None: this
        engine takes nothing from them.
        """

    async def leave(self) -> None:
        """Says that this engine stops in good order: others may take over its open tasks at once."""

    async def adopt(self, ids: Collection[str] | None = None) -> list[OpenTask]:
        """The open tasks that this engine owns, oldest first, with exact counts and last event numbers; only those
        among ``ids`` unless these are None.
        """

    async def hand_over(self, task_id: str, engine: str, command: tuple[str, str], at: int) -> bool:
        """Makes an open task of this engine another's, in one transaction with a command (id, body) that tells it so.

        False when the other is none that works, or the task is not open and this engine's. Safe to repeat.
        """

    async def take_over(self, gone: str, timeout: int, limit: int) -> list[OpenTask]:
        """Makes up to ``limit`` open tasks of an engine that is gone this one's, and fences that engine: all in one
        transaction. Empty when it gave a sign of life within ``timeout`` milliseconds.
        """

    async def leave_command(self, id_: str, task_id: str, body: str, at: int) -> bool:
        """Leaves a command for whoever owns a task; False when the task is not open. Safe to repeat. Not fenced."""

    async def answer(self, command_id: str, answer: str) -> None:
        """Says what became of a command for this engine."""

    async def collect_answer(self, command_id: str) -> str | None:
        """Takes away the answer to a command; None while there is none. Not fenced."""

    async def loads(self, timeout: int) -> list[tuple[str, Load]]:
        """The engines that take tasks from others, by id, the one with least to do first; none on the embedded graph.
        ``timeout`` as for ``alive``.
        """

    async def alive(self, timeout: int) -> list[str]:
        """The engines that work on this namespace; one without a sign of life for ``timeout`` milliseconds does not
        count. None on the embedded graph: whoever can ask holds the file.
        """
