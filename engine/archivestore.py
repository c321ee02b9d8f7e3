"""What archives need of a graph: tasks as rows, and back. The rows are those of ``engine.archive.shape``.

Final tasks do not change, so they are read beside whatever runs. What is imported is seen when all of it is there.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Protocol

RowsOf = dict[str, list[dict[str, Any]]]


class ArchiveStore(Protocol):
    """Reads are of one namespace; what is written gets it."""

    async def dump_ids(self, *, final: bool, after: str, limit: int) -> list[str]:
        """Ids above ``after`` of stored tasks, all or the final ones, in order."""

    async def dump_tasks(self, ids: Sequence[str]) -> RowsOf:
        """Tasks with their events, approvals, logs, steps of agents, request keys, and the edges of the task itself."""

    async def dump_members(self, task_id: str) -> list[str]:
        """The ids of the subtasks of a task, in order."""

    async def dump_subtasks(self, ids: Sequence[str]) -> RowsOf:
        """Subtasks with their attempts and edges."""

    async def dump_results(self, hashes: Sequence[str]) -> RowsOf:
        """Results by hash; the body of one that is in the blob store is None."""

    async def dump_state(self, table: str, after: str, limit: int) -> list[dict[str, Any]]:
        """Rows above an id of a table that belongs to no task, in order."""

    async def known_tasks(self, ids: Sequence[str]) -> set[str]:
        """Which of these ids tasks have, also those that nobody sees."""

    async def load_tasks(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Writes tasks that nobody sees yet."""

    async def load_rows(self, table: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """Writes rows of any other table but edges; Results that are there stay as they are."""

    async def load_edges(self, type: str, rows: Sequence[tuple[str, str]]) -> int:
        """Writes edges whose two ends are there; returns how many that were."""

    async def load_open(self, ids: Collection[str]) -> None:
        """From here on these tasks are seen; the open ones belong to their ``owner``."""

    async def load_leftovers(self) -> list[str]:
        """Tasks that an import began to write and never opened."""

    async def load_undo(self, task_id: str) -> None:
        """Removes one of those."""
