"""Where the graph keeps how far the callbacks of each task are, as a Protocol."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from engine.model import Value


class StoredCallbacks(Value, frozen=True):
    """The callbacks of one task: ``places`` is JSON text, ``open`` says that there is something left to tell."""

    task_id: str
    places: str
    open: bool = True
    created_at: int = 0


class CallbackStore(Protocol):
    """The callbacks of tasks, where they survive a restart. They go when the removal of their task begins."""

    async def put_callbacks(self, row: StoredCallbacks) -> None:
        """Keeps the callbacks of a task before it is stored. Raises ``Fenced``."""

    async def note_callbacks(self, rows: Sequence[StoredCallbacks]) -> set[str]:
        """Notes how far they are; returns the ids of the tasks whose callbacks are still this engine's. Raises
        ``Fenced``.
        """

    async def claim_callbacks(self, timeout: int) -> list[StoredCallbacks]:
        """Those of this engine with something left to tell, oldest first, and from now on those of engines that have
        left or gave no sign of life for ``timeout`` milliseconds. None, or
        ``Fenced``, when this engine is.
        """

    async def callbacks(self, task_id: str) -> str | None:
        """The places of a task's callbacks; None when it has none."""

    async def drop_callbacks(self, task_id: str) -> None:
        """Forgets the callbacks of a task that was never stored. Not fenced."""
