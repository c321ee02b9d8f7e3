"""What an archive holds: tables and their columns, the same for both graphs, and readable without the engine.

A row has what the node has, in one spelling: what one graph keeps as an empty text, a false or a zero and the other as
nothing is nothing here (``Column.rest``). What follows from other things is left out, such as keys of the frontier.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal

from engine.model import Value

FORMAT = 1
"""Version of what is written here. A reader refuses a higher one."""

Kind = Literal["text", "int", "float", "bool", "texts"]
Row = dict[str, Any]
Rows = dict[str, list[Row]]
"""Rows by table."""


class Column(Value, frozen=True):
    """A column; ``rest`` is what a graph may keep for nothing, ``fill`` whether the embedded one always does."""

    name: str
    kind: Kind = "text"
    rest: Any = None
    fill: bool = False


def _columns(*words: str) -> tuple[Column, ...]:
    """Columns written as "name" or "name:kind", and behind it a ``?`` where nothing may be kept as empty, false or
    zero, a ``!`` where the embedded graph always does so.
    """
    empty: Mapping[str, Any] = {"text": "", "int": 0, "float": 0.0, "bool": False, "texts": []}
    found = []
    for word in words:
        name, _, kind = word.rstrip("?!").partition(":")
        rest = empty[kind or "text"] if word.endswith(("?", "!")) else None
        found.append(Column(name, kind or "text", rest, word.endswith("!")))  # type: ignore[arg-type]
    return tuple(found)


TABLES: Mapping[str, tuple[Column, ...]] = {
    "tasks": _columns(
        *("id", "type", "name", "description", "user_id", "tags:texts", "priority:int", "max_parallel:int"),
        *("failure_policy", "body", "status", "owner", "gate!", "gate_detail?", "pause_by?", "pause_until:int"),
        *("pause_then?", "deadline_at:int", "rerun_of", "created_at:int", "updated_at:int", "started_at:int"),
        *("completed_at:int", "subtasks_count:int", "counts", "result", "result_hash", "error", "plan_hash"),
        *("estimate", "late_at:int"),
    ),
    "subtasks": _columns(
        *("id", "task_id", "key", "type", "position:int", "spec", "status", "unmet:int", "bad:int", "skips:int!"),
        *("token:int", "fresh_token:int", "spent:int!", "interrupted:int!", "priority:int", "critical:bool"),
        *("is_optional:bool!", "judged:bool!", "timed:bool!", "fell_back:bool!", "generation:int", "rank:float"),
        *("order_key", "queued_at:int", "started_at:int", "completed_at:int", "wake_at:int", "reason!", "error"),
        *("follows!", "expected:float"),
    ),
    "attempts": _columns(
        *("id", "subtask_id", "token:int", "outcome", "ran_on", "started_at:int", "finished_at:int", "output"),
        *("output_hash", "output_bytes:int", "error", "version!", "cache_key", "consumed:texts?", "origin"),
        *("memory_bytes:int", "cpu_seconds:float", "saved_seconds:float", "saved_cost:float", "request?"),
        *("tainted:bool?", "agent_id?"),
    ),
    "results": _columns("hash", "bytes:int", "body", "created_at:int"),
    "events": _columns("key", "task_id", "turn", "first:int", "last:int", "at:int", "changes:texts"),
    "approvals": _columns(
        *("id", "task_id", "subtask_id", "token:int", "key", "type", "hash", "rule", "why", "asked_at:int"),
        *("until:int", "request", "state", "verdict_id", "decided_by", "decided_at:int", "comment", "amended"),
        "approved_hash",
    ),
    "agent_steps": _columns("id", "task_id", "subtask_id", "token:int", "talk", "turn:int", "call", "at:int", "body"),
    "log_lines": _columns(
        "id", "at:int", "level:int", "task_id", "key", "token:int", "agent_id", "engine", "message", "fields"
    ),
    "requests": _columns("key", "hash", "task_id", "subtasks:int", "queued:int", "created_at:int"),
    "edges": _columns("type", "source", "target"),
}
"""The tables of an archive. An edge has the ids of its ends; that of an attempt is ``SUBTASK#TOKEN``."""

STATE: Mapping[str, tuple[Column, ...]] = {
    "engines": _columns("id", "epoch:int", "started_at:int", "heartbeat_at:int", "turn?"),
    "plan_templates": _columns(
        *("id", "key", "type", "shape_hash", "text", "input_schema", "pattern", "source", "successes:int"),
        *("failures:int", "failures_in_a_row:int", "median_seconds:float", "last_seconds", "created_at:int"),
        "used_at:int",
    ),
    "profiles": _columns("id", "engine", "kind", "data", "updated_at:int"),
    "cache_entries": _columns(
        *("id", "key", "type", "version", "tags", "parts", "output", "output_hash", "output_bytes:int"),
        *("seconds:float", "cost:float", "task_id", "subtask_id", "created_at:int", "expires_at:int"),
    ),
    "api_keys": _columns(
        *("id", "hash", "subject", "scopes", "user_id", "created_at:int", "created_by", "revoked_at:int"),
        "revoked_by",
    ),
    "callbacks": _columns("id", "engine?", "places", "created_at:int"),
    "breakers": _columns("id", "key", "data", "updated_at:int"),
}
"""What a backup holds beside the tasks: what belongs to a whole namespace."""
ALL: Mapping[str, tuple[Column, ...]] = {**TABLES, **STATE}

MEMBERS = ("HAS_SUBTASK", "HAS_ATTEMPT", "ASKED", "STEPPED")
"""Edges that no table has: ``task_id`` and ``subtask_id`` say the same."""
EDGES = ("DEPENDS_ON", "EXPANDED_FROM", "KEEPS", "PRODUCED", "CONSUMED", "RERUN_OF")


def cleaned(table: str, node: Mapping[str, Any]) -> Row:
    """A row as archives have it, from the properties of a node."""
    row: Row = {}
    for column in ALL[table]:
        value = node.get(column.name)
        row[column.name] = None if column.rest is not None and value == column.rest else value
    return row


def checked(table: str, rows: Iterable[Mapping[str, Any]]) -> list[Row]:
    """Rows of a file as rows of a table: a column more is left out, one less is nothing."""
    names = [column.name for column in ALL[table]]
    return [{name: row.get(name) for name in names} for row in rows]
