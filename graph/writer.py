"""The fenced writes of ``engine.ports.GraphWriter`` that both dialects share: one method, one statement.

A statement whose engine is fenced returns no row where it promises one; ``_fenced`` turns that into ``Fenced``.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence

from engine.errors import Fenced
from engine.model import Finish, Late, NewResult, OpenTask, Pause, Progress, Rank, Reported, Subtask
from engine.states import TaskStatus
from engine.turn import Undecided
from graph import (
    agents,
    approvals,
    breakers,
    caching,
    callbacks,
    codec,
    history,
    keys,
    logs,
    memory,
    passages,
    profiles,
    remote,
)
from graph.agents import AgentTalks
from graph.approvals import Approvals
from graph.breakers import OpenBreakers
from graph.caching import EntryStore
from graph.callbacks import Callbacks
from graph.database import Database, Row
from graph.keys import ApiKeys
from graph.logs import Logs
from graph.memory import Memory
from graph.passages import Passages
from graph.profiles import Profiles
from graph.remote import RemoteAgents
from graph.removal import Remover

STATEMENTS = (
    memory.STATEMENTS
    | profiles.STATEMENTS
    | breakers.STATEMENTS
    | caching.STATEMENTS
    | callbacks.STATEMENTS
    | approvals.STATEMENTS
    | logs.STATEMENTS
    | passages.STATEMENTS
    | keys.STATEMENTS
    | agents.STATEMENTS
    | remote.STATEMENTS
    | frozenset(
        {
            "blobs/enter",
            "engine/heartbeat",
            "engine/last_turn",
            "engine/register",
            "result/put",
            "subtask/processing",
            "subtask/release_holds",
            "subtask/tainted",
            "subtask/reorder",
            "subtask/undecided",
            "subtask/waiting",
            "task/close_gate",
            "task/finish",
            "task/late",
            "task/report",
            "task/open_owned",
            "task/pause",
            "task/progress",
            "task/recount",
            "task/resume",
        }
    )
)

REMOVE_BATCH = 1000
"""Subtasks removed per transaction, so that a removal never holds up a turn for long."""


def _fenced(rows: list[Row]) -> Row:
    """The one row of a fenced write; none means that a newer epoch owns the engine's node."""
    if not rows:
        raise Fenced()
    return rows[0]


def _counts(pairs: list[list[object]]) -> dict[str, int]:
    return {str(status): int(str(number)) for status, number in pairs}


def progress_rows(rows: Sequence[Progress]) -> list[dict[str, object]]:
    """Progress as parameters of ``task/progress``."""
    return [
        {
            "id": row.task_id,
            "counts": json.dumps(row.counts),
            "total": sum(row.counts.values()),
            "started_at": row.started_at,
        }
        for row in rows
    ]


def result_rows(results: Sequence[NewResult]) -> list[dict[str, object]]:
    """Results as parameters of ``result/put``, in one order for all engines, so that none waits for another twice."""
    return [
        {"hash": result.hash, "bytes": result.bytes, "body": result.body, "holder": result.holder}
        for result in sorted(results, key=lambda result: (result.hash, result.holder))
    ]


class Writer(
    Remover,
    Memory,
    Profiles,
    EntryStore,
    Callbacks,
    Approvals,
    OpenBreakers,
    Logs,
    ApiKeys,
    AgentTalks,
    Passages,
    RemoteAgents,
):
    """Writes of one engine. ``register`` must come first: it learns the epoch that fences the rest."""

    def __init__(self, database: Database, namespace: str) -> None:
        Memory.__init__(self)
        self._database = database
        self._namespace = namespace

    async def register(self, engine_id: str, at: int) -> int:
        """Enters the engine with a higher epoch than before and returns it."""
        rows = await self._database.write("engine/register", engine=engine_id, namespace=self._namespace, at=at)
        self._engine, self._epoch = engine_id, rows[0]["epoch"]
        return self._epoch

    async def enter_blobs(self, id_: str) -> str:
        """Enters the blob store of this namespace, unless one is entered."""
        return str((await self._database.write("blobs/enter", namespace=self._namespace, id=id_))[0]["id"])

    async def put_results(self, results: Sequence[NewResult]) -> None:
        """Stores Results, and who keeps them."""
        await self._database.write("result/put", results=result_rows(results), namespace=self._namespace)

    async def progress(self, rows: Sequence[Progress], at: int) -> None:
        """Writes the counts by status of running tasks."""
        _fenced(await self._fenced_write("task/progress", rows=progress_rows(rows), at=at))

    async def reorder(self, ranks: Sequence[Rank]) -> int:
        """Gives waiting subtasks another place in the order of their task."""
        return int(_fenced(await self._fenced_write("subtask/reorder", rows=list(map(codec.rank_row, ranks))))["moved"])

    async def late(self, rows: Sequence[Late], at: int) -> list[str]:
        """Says of open tasks that they are late, once."""
        params = [codec.late_row(row, at, self._namespace) for row in rows]
        return list(_fenced(await self._fenced_write("task/late", rows=params, at=at))["told"])

    async def report(self, row: Reported, at: int) -> bool:
        """Writes a report of an open task as an event of it."""
        event = codec.report_event(row, at, self._namespace)
        return bool(_fenced(await self._fenced_write("task/report", id=row.task_id, event=event))["told"])

    async def finish(self, ends: Sequence[Finish]) -> list[str]:
        """Ends open tasks; returns the ids that really ended here."""
        rows = [codec.finish_row(end, self._namespace) for end in ends]
        return list(_fenced(await self._fenced_write("task/finish", rows=rows))["ended"])

    async def close_gate(self, task_id: str, gate: str, detail: str, at: int) -> bool:
        """Marks an open task: nothing of it is claimed from here on."""
        params = {"id": task_id, "gate": gate, "detail": detail, "at": at}
        return bool(_fenced(await self._fenced_write("task/close_gate", **params))["closed"])

    async def pause(self, task_id: str, pause: Pause, at: int, number: int) -> bool:
        """Lets an open task stand still."""
        event = history.paused_event(task_id, pause, at, number, self._namespace)
        params = {
            "id": task_id,
            "by": pause.by,
            "until": pause.until,
            "on_timeout": pause.then,
            "at": at,
            "event": event,
        }
        return bool(_fenced(await self._fenced_write("task/pause", **params))["paused"])

    async def resume(self, task_id: str, status: TaskStatus, by: str, at: int, number: int) -> bool:
        """Lets a task that stands still go on."""
        event = history.task_event(task_id, number, "resume", status.value, at, self._namespace, by)
        params = {"id": task_id, "status": status.value, "at": at, "event": event}
        return bool(_fenced(await self._fenced_write("task/resume", **params))["resumed"])

    async def adopt(self, ids: Collection[str] | None = None) -> list[OpenTask]:
        """The open tasks that this engine owns, oldest first."""
        named = None if ids is None else list(ids)
        rows = await self._database.read("task/open_owned", engine=self._engine, ids=named)
        return [OpenTask(codec.task(row["t"]), _counts(row["counts"]), row["last_event"]) for row in rows]

    async def recount(self, task_id: str) -> OpenTask:
        """The same for one task."""
        row = (await self._database.read("task/recount", id=task_id))[0]
        return OpenTask(codec.task(row["t"]), _counts(row["counts"]), row["last_event"])

    async def processing(self, task_id: str) -> list[Subtask]:
        """The subtasks of a task that are marked as processing."""
        return [codec.subtask(row["s"]) for row in await self._database.read("subtask/processing", task=task_id)]

    async def undecided(self, task_id: str) -> list[Undecided]:
        """Pending subtasks without unmet dependencies."""
        return [codec.undecided(row) for row in await self._database.read("subtask/undecided", task=task_id)]

    async def waiting(self, task_id: str) -> list[tuple[Subtask, int | None]]:
        """Subtasks that a timer belongs to, and when the first attempt of each started."""
        rows = await self._database.read("subtask/waiting", task=task_id)
        return [(codec.subtask(row["s"]), row["since"]) for row in rows]

    async def tainted(self, task_id: str) -> list[str]:
        """The subtasks of a task whose current attempt is tainted, by id."""
        return [row["id"] for row in await self._database.read("subtask/tainted", task=task_id)]

    async def release_holds(self, task_id: str) -> int:
        """Makes the held ready subtasks of a task claimable again; returns how many."""
        return int((await self._database.write("subtask/release_holds", task=task_id))[0]["released"])

    async def discard_leftovers(self, keep: Collection[str] = ()) -> int:
        """Removes the tasks that this engine began to write and never opened; returns how many."""
        return await self._discard(self._engine, keep)

    async def _discard(self, loader: str, keep: Collection[str] = ()) -> int:
        rows = await self._database.read("task/leftovers", loader=loader)
        left = [row["id"] for row in rows if row["id"] not in keep]
        for id_ in left:
            await self._remove(id_)
        return len(left)

    async def _remove(self, task_id: str) -> None:
        await self._remove_unopened(task_id, REMOVE_BATCH)
