"""Tasks as rows of an archive, and back: what both graphs share. The rows are those of ``engine.archive.shape``."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from engine.archive.shape import STATE, Row, Rows, cleaned
from engine.plan.ids import first_ulid
from graph import codec
from graph.database import Database

TABLES_OF_TASKS = ("approvals", "agent_steps", "log_lines", "requests")
LINKS = ("DEPENDS_ON", "EXPANDED_FROM", "KEEPS", "RERUN_OF", "PRODUCED", "CONSUMED")
STATEMENTS = frozenset(
    {
        "archive/agent_steps",
        "archive/approvals",
        "archive/attempts",
        "archive/events",
        "archive/ids",
        "archive/known",
        "archive/lineage",
        "archive/link_consumed",
        "archive/link_depends_on",
        "archive/link_expanded_from",
        "archive/link_keeps",
        "archive/link_keeps_of_task",
        "archive/link_produced",
        "archive/link_rerun_of",
        "archive/links",
        "archive/log_lines",
        "archive/members",
        "archive/open",
        "archive/own_links",
        "archive/put_agent_steps",
        "archive/put_approvals",
        "archive/put_attempts",
        "archive/put_events",
        "archive/put_log_lines",
        "archive/put_requests",
        "archive/put_results",
        "archive/put_subtasks",
        "archive/put_tasks",
        "archive/requests",
        "archive/results",
        "archive/subtasks",
        "archive/tasks",
    }
    | {f"archive/{table}" for table in STATE}
    | {f"archive/put_{table}" for table in STATE}
)


class Archive:
    """The archive of one namespace."""

    _database: Database
    _namespace: str

    @property
    def _import_mark(self) -> str:
        """What the ``loader`` of a task says while it is being imported."""
        return f"import|{self._namespace}"

    async def dump_ids(self, *, final: bool, after: str, limit: int) -> list[str]:
        """Ids above ``after`` of stored tasks, all or the final ones, in order."""
        params = {"namespace": self._namespace, "after": after or first_ulid(0), "final": final, "limit": limit}
        return [row["id"] for row in await self._database.read("archive/ids", **params)]

    async def dump_tasks(self, ids: Sequence[str]) -> Rows:
        """Tasks with all that belongs to them beside their subtasks."""
        read, wanted = self._database.read, list(ids)
        tasks = await read("archive/tasks", ids=wanted, namespace=self._namespace)
        found: Rows = {"tasks": [cleaned("tasks", row["t"]) for row in tasks]}
        events = await read("archive/events", ids=wanted)
        found["events"] = sorted((cleaned("events", row["v"]) for row in events), key=lambda row: row["key"])
        for table in TABLES_OF_TASKS:
            rows = await read(f"archive/{table}", ids=wanted)
            found[table] = sorted(
                (self._bare(table, row["n"]) for row in rows), key=lambda row: next(iter(row.values()))
            )
        found["edges"] = [dict(row) for row in await read("archive/own_links", ids=wanted)]
        return found

    def _bare(self, table: str, node: Mapping[str, Any]) -> Row:
        row = cleaned(table, node)
        if table == "requests":
            row["key"] = row["key"].removeprefix(codec.request_key(self._namespace, ""))
        return row

    async def dump_members(self, task_id: str) -> list[str]:
        """The ids of the subtasks of a task, in order."""
        return [row["id"] for row in await self._database.read("archive/members", id=task_id)]

    async def dump_subtasks(self, ids: Sequence[str]) -> Rows:
        """Subtasks with their attempts and edges."""
        read, wanted = self._database.read, list(ids)
        subtasks = [cleaned("subtasks", row["s"]) for row in await read("archive/subtasks", ids=wanted)]
        attempts = [_attempt(row["subtask"], row["a"]) for row in await read("archive/attempts", ids=wanted)]
        edges = [dict(row) for row in await read("archive/links", ids=wanted)]
        edges += [
            {
                "type": row["type"],
                "source": codec.attempt_id(row["subtask"], row["token"]),
                "target": row["target"],
            }
            for row in await read("archive/lineage", ids=wanted)
        ]
        return {"subtasks": subtasks, "attempts": attempts, "edges": edges}

    async def dump_results(self, hashes: Sequence[str]) -> Rows:
        """Results by hash."""
        rows = await self._database.read("archive/results", hashes=list(hashes)) if hashes else []
        return {"results": [cleaned("results", row["x"]) for row in rows]}

    async def dump_state(self, table: str, after: str, limit: int) -> list[Row]:
        """Rows above an id of a table that belongs to no task."""
        params = {"namespace": self._namespace, "after": after, "limit": limit}
        return [cleaned(table, row["n"]) for row in await self._database.read(f"archive/{table}", **params)]

    async def known_tasks(self, ids: Sequence[str]) -> set[str]:
        """Which of these ids tasks have."""
        return {row["id"] for row in await self._database.read("archive/known", ids=list(ids))}

    async def load_edges(self, type: str, rows: Sequence[tuple[str, str]]) -> int:
        """Writes edges whose two ends are there; returns how many that were."""
        by_statement: defaultdict[str, list[list[Any]]] = defaultdict(list)
        for source, target in rows:
            of_task = type == "KEEPS" and "." not in source
            name = "archive/link_keeps_of_task" if of_task else f"archive/link_{type.lower()}"
            by_statement[name].append(self._edge(type, source, target))
        written = 0
        for name, found in by_statement.items():
            written += int((await self._database.write(name, rows=found))[0]["written"])
        return written

    def _edge(self, type: str, source: str, target: str) -> list[Any]:  # noqa: ARG002
        return [source, target]

    async def load_open(self, ids: Collection[str]) -> None:
        """From here on these tasks are seen."""
        await self._database.write("archive/open", ids=list(ids))

    async def load_leftovers(self) -> list[str]:
        """Tasks that an import began to write and never opened."""
        return [row["id"] for row in await self._database.read("task/leftovers", loader=self._import_mark)]

    async def load_undo(self, task_id: str) -> None:
        """Removes one of those."""
        await self._remove_unopened(task_id, 500)  # type: ignore[attr-defined]

    def _node(self, table: str, row: Mapping[str, Any]) -> Row:
        """The properties of the node that a row stands for, but for what one graph keeps for nothing."""
        node: Row = {"namespace": self._namespace, **row}
        if table == "requests":
            node["key"] = codec.request_key(self._namespace, row["key"])
        if table == "approvals":
            node["waits_in"] = self._namespace if row["state"] == "open" else None
        if table == "tasks":
            node |= {"stored": False, "loader": self._import_mark, "gate": row["gate"] or ""}
        return node


def _attempt(subtask: str, node: Mapping[str, Any]) -> Row:
    row = cleaned("attempts", {**node, "consumed": list(codec.consumed(node.get("consumed")))})
    return row | {"id": codec.attempt_id(subtask, node["token"]), "subtask_id": subtask}
