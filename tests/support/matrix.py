"""Who may do what, said a second time: what the code says in ``api/access.py`` and ``api/isolation.py`` is held to it.

A route that is not in ``TABLE`` fails a test: whoever adds one says here, by hand, who may ask it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from engine.ports import Graph
from tests.support.graphs import execute

OPEN = "open"
"""Asked by anybody, also without a key."""
READ, SUBMIT, OPERATE, APPROVE, ADMIN = "read", "submit", "operate", "approve", "admin"
SCOPES = (READ, SUBMIT, OPERATE, APPROVE, ADMIN)
PATH = "of one task"
"""The key of one user gets 404 for the task of another."""
OWN = "narrowed"
"""The key of one user sees, or makes, what is that user's."""
COMMON = "of nobody"
"""It names no single task: the key of one user gets what all get."""
NONE = "beyond one user"
"""The key of one user gets 403."""


@dataclass(frozen=True)
class Row:
    """Who may ask one route: the scope, how far the key of one user reaches, and the status of a good answer; 409 where
    a good one needs a Redis.
    """

    method: str
    path: str
    scope: str
    reach: str
    good: int = 200


def _row(line: str) -> Row:
    route, scope, reach, good = [part.strip() for part in line.split("|")]
    method, path = route.split()
    return Row(method, path, scope, reach, int(good))


TABLE = tuple(
    _row(line)
    for line in """
    GET /                                       | open    | of nobody       | 200
    GET /page/{name:path}                       | open    | of nobody       | 200
    GET /openapi.json                           | open    | of nobody       | 200
    GET /health/live                            | open    | of nobody       | 200
    GET /health/ready                           | open    | of nobody       | 200
    GET /browser/style.grass                    | open    | of nobody       | 200
    GET /browser/guide                          | open    | of nobody       | 200
    OPTIONS /browser/style.grass                | open    | of nobody       | 204
    OPTIONS /browser/guide                      | open    | of nobody       | 204
    OPTIONS /browser/guide/{task_id}            | open    | of nobody       | 204
    GET /browser/guide/{task_id}                | read    | of one task     | 200
    GET /health                                 | read    | of nobody       | 200
    GET /metrics                                | read    | of nobody       | 200
    GET /tasks                                  | read    | narrowed        | 200
    GET /tasks/{task_id}                        | read    | of one task     | 200
    GET /tasks/{task_id}/subtasks               | read    | of one task     | 200
    GET /tasks/{task_id}/subtasks/{key}         | read    | of one task     | 200
    GET /tasks/{task_id}/subtasks/{key}/files/{name} | read | of one task   | 200
    GET /tasks/{task_id}/graph                  | read    | of one task     | 200
    GET /tasks/{task_id}/events                 | read    | of one task     | 200
    GET /events                                 | read    | narrowed        | 200
    WS /ws/tasks/{task_id}                      | read    | of one task     | 101
    GET /logs                                   | read    | narrowed        | 200
    GET /tasks/{task_id}/why                    | read    | of one task     | 200
    GET /tasks/{task_id}/why/{key}              | read    | of one task     | 200
    GET /tasks/{task_id}/taint                  | read    | of one task     | 200
    GET /tasks/{task_id}/report                 | read    | of one task     | 200
    GET /tasks/{task_id}/reports                | read    | of one task     | 200
    GET /tasks/{task_id}/diff/{other_id}        | read    | of one task     | 200
    POST /tasks/{task_id}/what-if               | read    | of one task     | 200
    GET /approvals                              | read    | narrowed        | 200
    GET /tasks/{task_id}/approvals              | read    | of one task     | 200
    GET /tasks/{task_id}/files/{name:path}      | read    | of one task     | 200
    GET /tasks/{task_id}/state/{name}           | read    | of one task     | 200
    GET /cache/explain/{task_id}/{key}          | read    | of one task     | 200
    GET /search                                 | read    | narrowed        | 200
    GET /templates                              | read    | narrowed        | 200
    GET /tools                                  | read    | of nobody       | 200
    GET /cache/stats                            | read    | of nobody       | 200
    GET /stats                                  | read    | of nobody       | 200
    GET /estimates                              | read    | of nobody       | 200
    GET /graph/queries                          | read    | of nobody       | 200
    POST /graph/queries/{name}                  | read    | beyond one user | 200
    POST /route/preview                         | read    | of nobody       | 200
    GET /route/schema                           | read    | of nobody       | 200
    GET /agents                                 | read    | beyond one user | 200
    GET /agents/available                       | read    | beyond one user | 200
    GET /agents/pool                            | read    | beyond one user | 200
    POST /agents/pool                           | operate | beyond one user | 200
    GET /agents/{agent_id}                      | read    | beyond one user | 200
    POST /mcp                                   | read    | narrowed        | 200
    POST /tasks                                 | submit  | narrowed        | 200
    POST /tasks/{task_id}/rerun                 | submit  | of one task     | 200
    POST /plans/preview                         | submit  | of nobody       | 200
    POST /tasks/{task_id}/cancel                | operate | of one task     | 200
    POST /tasks/{task_id}/pause                 | operate | of one task     | 200
    POST /tasks/{task_id}/resume                | operate | of one task     | 200
    POST /tasks/{task_id}/subtasks/{key}/retry  | operate | of one task     | 200
    POST /tasks/{task_id}/subtasks/{key}/skip   | operate | of one task     | 200
    DELETE /tasks/{task_id}                     | operate | of one task     | 204
    PUT /tasks/{task_id}/files/{name:path}      | operate | of one task     | 200
    PUT /tasks/{task_id}/state/{name}           | operate | of one task     | 200
    POST /recall                                | operate | beyond one user | 200
    POST /cache/invalidate                      | operate | beyond one user | 200
    POST /tools/{name}/reset                    | operate | beyond one user | 200
    POST /tasks/{task_id}/subtasks/{key}/approve | approve | of one task    | 200
    POST /tasks/{task_id}/subtasks/{key}/reject | approve | of one task     | 200
    POST /tasks/{task_id}/approvals             | approve | of one task     | 200
    POST /graph/query                           | admin   | beyond one user | 200
    GET /keys                                   | admin   | beyond one user | 200
    POST /keys                                  | admin   | beyond one user | 200
    DELETE /keys/{key_id}                       | admin   | beyond one user | 204
    POST /agents                                | admin   | beyond one user | 200
    DELETE /agents/{agent_id}                   | admin   | beyond one user | 204
    PUT /agents/{agent_id}/heartbeat            | admin   | beyond one user | 200
    POST /agents/{agent_id}/results             | admin   | beyond one user | 200
    """.strip().splitlines()
)
"""Every route there is, also those that the document does not list."""

MCP = {
    **dict.fromkeys(("watch", "results", "why", "logs", "tasks", "subtask_types", "approvals"), READ),
    **dict.fromkeys(("embedding_search", "read_file", "get_shared_state"), READ),
    **dict.fromkeys(("submit", "preview"), SUBMIT),
    **dict.fromkeys(("cancel", "recall_dry_run", "write_file", "set_shared_state"), OPERATE),
    **dict.fromkeys(("approve", "reject"), APPROVE),
    "graph_query": ADMIN,
}
"""By tool of MCP, the scope that a key needs beside ``read``, which the way there needs."""

RESTLESS = {"Engine", "Schema", "Profile", "LogLine", "Passage"}
"""Kinds of nodes that the engine writes by itself as time passes."""
RESTLESS_FIELDS = {"counts", "updated_at"}
"""What it writes onto tasks, once a second at most."""


async def contents(graph: Graph) -> set[str]:
    """All that stands in the embedded graph, but for what changes by itself: two of these can be compared."""
    tables = await execute(graph, "CALL show_tables() RETURN name, type")
    found: set[str] = set()
    for name in (row["name"] for row in tables if row["type"] == "NODE" and row["name"] not in RESTLESS):
        found |= {f"{name} {_told(row['n'])}" for row in await execute(graph, f"MATCH (n:`{name}`) RETURN n")}
    for name in (row["name"] for row in tables if row["type"] == "REL"):
        count = await execute(graph, f"MATCH ()-[r:`{name}`]->() RETURN count(*) AS many")
        found.add(f"{name} {count[0]['many']}")
    return found


def _told(node: Any) -> str:
    kept = {name: value for name, value in node.items() if not name.startswith("_") and name not in RESTLESS_FIELDS}
    return str(sorted(kept.items()))
