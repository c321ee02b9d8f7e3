"""What the engine asks of the embedded graph between its turns: counts, verdicts, causes, what depends on what.

Some of it is in memory: the frontier of a task knows its edges and what is held. Whoever needs a frontier that is not
there reads it on the writing thread, so that no turn passes in between.
"""

from __future__ import annotations

from collections.abc import Sequence

from engine.model import Dependant, Judged, OpenTask
from graph import codec
from graph.ladybug.answers import LadybugAnswers
from graph.ladybug.connection import LadybugDatabase, Session
from graph.ladybug.frontier import Frontiers

STATEMENTS = frozenset({"event/last", "subtask/blockers", "subtask/judged", "subtask/statuses", "task/counts"})

MOST_NAMED = 100
"""Blocked subtasks of one turn whose cause is looked up."""


class LadybugReads(LadybugAnswers):
    """Reads of one namespace, and the frontiers of its open tasks."""

    def __init__(self, database: LadybugDatabase, namespace: str) -> None:
        super().__init__(database, "ladybug", namespace)
        self._ladybug = database
        self._frontiers = Frontiers()

    async def recount(self, task_id: str) -> OpenTask:
        """Exact counts and the last event of one task."""
        node = (await self._ladybug.write("task/get", id=task_id, namespace=self._namespace))[0]["t"]
        counts = await self._ladybug.write("task/counts", id=task_id)
        last = await self._ladybug.write("event/last", task=task_id)
        return OpenTask(codec.task(node), {row["status"]: row["number"] for row in counts}, last[0]["last"] or 0)

    async def release_holds(self, task_id: str) -> int:
        """Makes the held ready subtasks of a task claimable again; holds are in memory here."""
        return await self._ladybug.transaction(lambda session: self._frontiers.of(session, task_id).release())

    async def blockers(self, ids: Sequence[str]) -> dict[str, list[str]]:
        """By subtask id: keys of some dependencies that ended without success; looked up for the first ones only,
        because each takes a statement of its own here.
        """
        found: dict[str, list[str]] = {id_: [] for id_ in ids}
        for id_ in ids[:MOST_NAMED]:
            found[id_] = [row["key"] for row in await self._ladybug.read("subtask/blockers", id=id_)]
        return found

    async def judged(self, ids: Sequence[str]) -> list[Judged]:
        """What the verdict on subtasks with a ``run_if`` of their own needs."""
        found = []
        for id_ in ids:
            rows = await self._ladybug.read("subtask/judged", id=id_)
            dependencies = [
                (row["id"], row["key"], row["status"], bool(row["is_optional"])) for row in rows if row["id"]
            ]
            found.append(Judged(id_, rows[0]["spec"], dependencies))
        return found

    async def dependants(self, ids: Sequence[str]) -> list[Dependant]:
        """What depends directly on some subtasks of one task."""
        if not ids:
            return []

        def below(session: Session) -> list[str]:
            frontier = self._frontiers.of(session, ids[0].partition(".")[0])
            return sorted({dependant for id_ in ids for dependant in frontier.dependants.get(id_, ())})

        found = await self._ladybug.transaction(below)
        return [codec.dependant(row) for row in await self._ladybug.read("subtask/statuses", ids=found)]
