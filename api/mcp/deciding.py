"""Tools for decisions, and for questions to the graph."""

from __future__ import annotations

from typing import Annotated, Any

from mcp.server.mcpserver import Context
from pydantic import Field

from api.mcp.bounds import bounded
from api.mcp.door import place_of
from api.mcp.reach import Reach
from api.mcp.tasks import Key, TaskId

Comment = Annotated[str, Field(max_length=1_000, description="Why; kept with the verdict.")]
Result = Annotated[str | None, Field(description="The hash of an output, as results gives it with key.")]
Subtask = Annotated[str | None, Field(description="Instead: an output by its subtask, as TASK_ID/KEY.")]
OfType = Annotated[str | None, Field(description="Instead: what a subtask type has produced.")]
Version = Annotated[str | None, Field(description="With type: that version of its tool alone.")]
Since = Annotated[str | None, Field(description="Produced at this time or later, as 2026-11-21T00:00:00Z.")]
Until = Annotated[str | None, Field(description="Produced before this time.")]


class DecidingTools:
    """The tools; each asks through ``reach``."""

    def __init__(self, reach: Reach) -> None:
        self._reach = reach

    async def approvals(
        self,
        ctx: Context,
        task_id: Annotated[str | None, Field(description="Only of this task.")] = None,
        cursor: Annotated[str | None, Field(description="next_cursor of the page before.")] = None,
        limit: Annotated[int, Field(ge=1, le=50)] = 10,
    ) -> dict[str, Any]:
        """List the subtasks that wait for a person, each with the input that it asks about and why it asks."""
        path = "/approvals" if task_id is None else place_of(task_id, "approvals")
        async with self._reach(ctx) as door:
            return bounded(await door.get(path, cursor=cursor, limit=limit))

    async def approve(
        self,
        ctx: Context,
        task_id: TaskId,
        key: Key,
        comment: Comment = "",
        input: Annotated[
            dict[str, Any] | None, Field(description="Fields that are put into its input; it runs with them.")
        ] = None,
    ) -> dict[str, Any]:
        """Let a subtask run that waits for a person. Only with the word of a person who has seen what approvals shows
        of it: the decision is his and not yours.
        """
        body = {"comment": comment} | ({} if input is None else {"input": input})
        async with self._reach(ctx) as door:
            return bounded(await door.send("POST", place_of(task_id, "subtasks", key, "approve"), body))

    async def reject(self, ctx: Context, task_id: TaskId, key: Key, comment: Comment = "") -> dict[str, Any]:
        """Refuse a subtask that waits for a person: it fails, with the comment as its error."""
        async with self._reach(ctx) as door:
            answer = await door.send("POST", place_of(task_id, "subtasks", key, "reject"), {"comment": comment})
        return bounded(answer)

    async def graph_query(
        self,
        ctx: Context,
        cypher: Annotated[str, Field(min_length=1, description="One query that only reads. Put a LIMIT.")],
        parameters: Annotated[dict[str, Any] | None, Field(description="What $name stands for.")] = None,
    ) -> dict[str, Any]:
        """Ask the graph itself in Cypher, when no other tool answers: (:Task)-[:HAS_SUBTASK]->(:Subtask)
        -[:DEPENDS_ON]->(:Subtask), (:Subtask)-[:HAS_ATTEMPT]->(:Attempt)-[:PRODUCED]->(:Result), and
        (:Attempt)-[:CONSUMED]->(:Result). Writing, procedures and files are refused; it ends after 5 seconds and
        1,000 rows.
        """
        async with self._reach(ctx) as door:
            return bounded(await door.send("POST", "/graph/query", {"cypher": cypher, "parameters": parameters or {}}))

    async def recall_dry_run(
        self,
        ctx: Context,
        result: Result = None,
        subtask: Subtask = None,
        type: OfType = None,
        version: Version = None,
        since: Since = None,
        until: Until = None,
    ) -> dict[str, Any]:
        """Ask what has been made from an output that turned out wrong, in all tasks, and what a recall would run again.
        Nothing is changed: a person carries a recall out, with 'agent03 recall --yes'.
        """
        given = {"result": result, "subtask": subtask, "type": type, "version": version, "from": since, "until": until}
        body = {name: value for name, value in given.items() if value is not None}
        async with self._reach(ctx) as door:
            return bounded(await door.send("POST", "/recall", {**body, "dry_run": True}))
