"""What was made from what: edges between attempts and Results, and the reads that follow them.

What an attempt was made from stands on the attempt itself, written by the turn. The edges say the same again, later.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from engine.lineage import TAKEN_OVER, Made, Named, Taken, Unlinked, Use
from engine.model import Task
from engine.states import SubtaskStatus
from graph import codec
from graph.database import Database, Row

SHARED = frozenset(
    {
        "provenance/children",
        "provenance/made_by",
        "provenance/named",
        "provenance/takers",
        "provenance/tasks",
        "provenance/unlinked",
        "provenance/users",
    }
)
STATEMENTS = SHARED | {"provenance/link", "provenance/made"}


class Lineage:
    """The provenance of one namespace."""

    _database: Database
    _namespace: str

    async def link(self, made: Sequence[Made], uses: Sequence[Use]) -> None:
        """Writes edges from attempts to what they made and to what they used."""
        rows = {
            "made": [[row.id, row.token, row.hash, row.bytes, row.output, row.sure] for row in by_hash(made)],
            "uses": [[row.id, row.token, row.hash, row.sure] for row in sorted(uses, key=lambda row: row.hash)],
        }
        await self._database.write("provenance/link", namespace=self._namespace, rows=rows)

    async def made(self, ids: Sequence[str]) -> list[Made]:
        """The current outputs of subtasks that have one."""
        return [made_of(row["id"], row) for row in await self._database.read("provenance/made", ids=list(ids))]

    async def unlinked(self, task_id: str, after: str, limit: int) -> list[Unlinked]:
        """Attempts of a task without the edges that they should have."""
        rows = await self._database.read("provenance/unlinked", task=task_id, after=after, limit=limit)
        return [_unlinked(row) for row in rows]

    async def users(self, hashes: Sequence[str]) -> list[Taken]:
        """The attempts that had one of these Results in their input."""
        return [taken(row) for row in await self._database.read("provenance/users", hashes=list(hashes))]

    async def takers(self, hashes: Sequence[str]) -> list[Taken]:
        """The attempts that took one of these Results over."""
        return [taken(row) for row in await self._database.read("provenance/takers", hashes=list(hashes))]

    async def children(self, ids: Sequence[str]) -> list[str]:
        """The ids of what these subtasks have grown."""
        return [row["id"] for row in await self._database.read("provenance/children", ids=list(ids))]

    async def made_by(
        self, limit: int, *, hash: str = "", type: str = "", version: str = "", since: int = 0, until: int = 0
    ) -> list[str]:
        """Subtasks by what their attempts gave, by type and version, by when they ended."""
        asked = {"hash": hash, "type": type, "version": version, "since": since, "until": until}
        rows = await self._database.read("provenance/made_by", namespace=self._namespace, limit=limit, **asked)
        return [row["id"] for row in rows]

    async def named(self, ids: Sequence[str]) -> list[Named]:
        """Subtasks by id."""
        rows = await self._database.read("provenance/named", ids=list(ids), namespace=self._namespace)
        return [
            Named(row["id"], row["key"], row["type"], SubtaskStatus(row["status"]), row["generation"]) for row in rows
        ]

    async def tasks_of(self, ids: Sequence[str]) -> list[Task]:
        """Tasks by id."""
        rows = await self._database.read("provenance/tasks", ids=list(ids), namespace=self._namespace)
        return [codec.task(row["t"]) for row in rows]


def by_hash(made: Iterable[Made]) -> list[Made]:
    """In one order for all engines."""
    return sorted(made, key=lambda row: (row.hash, row.id))


def made_of(id_: str, attempt: Row) -> Made:
    """What an attempt with these properties has made."""
    place = (id_, attempt["token"], attempt["output_hash"], attempt["output_bytes"], attempt.get("output"))
    return Made(*place, attempt.get("origin") or "", cache_key=attempt.get("cache_key") or "")


def _unlinked(row: Row) -> Unlinked:
    own = row["output_hash"] and (row["output"] is None or row["outcome"] in TAKEN_OVER)
    return Unlinked(row["id"], row["token"], codec.consumed(row["consumed"]), made_of(row["id"], row) if own else None)


def taken(row: Row) -> Taken:
    """A row as a value; the embedded graph names the attempt, whose id begins with its subtask's."""
    id_ = row["id"] if "id" in row else row["attempt"].rpartition("#")[0]
    return Taken(id_, row["hash"], codec.consumed(row["consumed"]), row["origin"] or "", row["outcome"])
