"""What the key of one user reaches: that user's tasks, and what says nothing of anybody's.

A task of another user is answered like one that there is not, so that nobody learns which ids exist. What looks over
all tasks is narrowed to the user's own where that is sound, and refused where it is not. An operation that nobody has
put into ``REACH`` is refused: a new one has to be thought about first.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from enum import Enum, auto
from typing import TYPE_CHECKING, TypeVar

from starlette.requests import HTTPConnection

from api.problems import OTHER_USER, Refused
from engine.errors import Fault, InvalidInput, NotFound
from engine.keys.key import ApiKey

if TYPE_CHECKING:
    from engine.service import Engine


class Reach(Enum):
    """How an operation keeps the key of one user to that user's tasks."""

    PATH = auto()
    """It is about the tasks that its path names: each has to be the user's."""
    OWN = auto()
    """It narrows its answer, or what it takes, to the user's tasks by itself."""
    COMMON = auto()
    """It says nothing of single tasks."""
    NONE = auto()
    """It is not for the key of one user."""


REACH: Mapping[str, Reach] = {
    **dict.fromkeys(("get_task", "list_subtasks", "get_subtask", "get_graph", "list_events", "watch_task"), Reach.PATH),
    **dict.fromkeys(("why_task", "why_subtask", "get_report", "list_reports", "diff_tasks", "what_if"), Reach.PATH),
    **dict.fromkeys(("get_taint",), Reach.PATH),
    **dict.fromkeys(("cancel_task", "pause_task", "resume_task", "retry_subtask", "skip_subtask"), Reach.PATH),
    **dict.fromkeys(("approve_subtask", "reject_subtask", "decide_approvals", "list_approvals_of_task"), Reach.PATH),
    **dict.fromkeys(("rerun_task", "delete_task", "explain_cache", "get_subtask_file"), Reach.PATH),
    **dict.fromkeys(("read_task_file", "write_task_file", "get_shared_value", "set_shared_value"), Reach.PATH),
    **dict.fromkeys(("get_browser_guide_of_task",), Reach.PATH),
    **dict.fromkeys(("create_task", "list_tasks", "watch_tasks", "list_approvals", "list_logs"), Reach.OWN),
    **dict.fromkeys(("search_embeddings",), Reach.OWN),
    **dict.fromkeys(("list_templates", "call_mcp"), Reach.OWN),
    **dict.fromkeys(("preview_plan", "preview_route", "get_router_schema", "list_tools", "get_health"), Reach.COMMON),
    **dict.fromkeys(("get_stats", "list_estimates", "get_metrics", "get_cache_stats"), Reach.COMMON),
    **dict.fromkeys(("list_graph_queries",), Reach.COMMON),
    **dict.fromkeys(("run_graph_query", "query_graph", "recall_outputs", "invalidate_cache", "reset_tool"), Reach.NONE),
    **dict.fromkeys(("list_keys", "create_key", "revoke_key"), Reach.NONE),
    # who sees agents sees what they work on, for whomever
    **dict.fromkeys(("list_agents", "list_available_agents", "get_agent", "register_agent"), Reach.NONE),
    **dict.fromkeys(("beat_agent", "remove_agent", "return_result", "list_pools", "scale_pool"), Reach.NONE),
}
"""By the name of its function, what an operation does for the key of one user; those that ask nobody are not in it."""
TASKS = ("task_id", "other_id")
"""Parameters of a path that name tasks."""
LOOKED_AT = 20
"""Pages that one page of a narrowed list is made from at most."""


T = TypeVar("T")


async def confine(connection: HTTPConnection, caller: ApiKey, name: str) -> None:
    """Lets the key of one user through to that user's tasks; any other key passes.

    Raises:
        NotFound: the path names a task that is not there, or another user's.
        Refused: 403 where an operation is not for the key of one user.
    """
    if not caller.user_id:
        return
    reach = REACH.get(name, Reach.NONE)
    if reach is Reach.NONE:
        detail = f"the key of {caller.subject} is for the user {caller.user_id} alone, and this reaches beyond one user"
        raise Refused(OTHER_USER, f"{detail}: take a key without a user")
    if reach is Reach.PATH:
        engine: Engine = connection.app.state.engine
        for parameter in TASKS:
            task_id = connection.path_params.get(parameter)
            if task_id is not None and await engine.user_of(task_id) != caller.user_id:
                raise NotFound.task(task_id)


def refuse_other_user(caller: ApiKey | None, user_id: object) -> None:
    """Raises 403 where a key may be used for one user alone, and this is another one."""
    if caller and caller.user_id and user_id != caller.user_id:
        raise Refused(OTHER_USER, f"the key of {caller.subject} is for tasks of the user {caller.user_id} alone")


def user_asked_for(caller: ApiKey | None, asked: str | None) -> str | None:
    """Whose tasks to list: those that are asked for, or all; with the key of one user only that user's."""
    if caller is None or not caller.user_id:
        return asked
    if asked is not None:
        refuse_other_user(caller, asked)
    return caller.user_id


async def refuse_others_log(engine: Engine, caller: ApiKey | None, task_id: str) -> None:
    """Lets the key of one user read the log of one of that user's tasks.

    Raises:
        InvalidInput: no task is named.
        NotFound: there is no such task, or it is another user's.
    """
    if caller is None or not caller.user_id:
        return
    if not task_id:
        text = f"should name a task: the key of {caller.subject} is for the user {caller.user_id} alone"
        raise InvalidInput([Fault("/task", text)])
    if await engine.user_of(task_id) != caller.user_id:
        raise NotFound.task(task_id)


async def own_rows(
    engine: Engine,
    caller: ApiKey | None,
    fetch: Callable[[str, int], Awaitable[Sequence[tuple[str, str, T]]]],
    after: str,
    limit: int,
) -> tuple[list[T], str]:
    """A page of what belongs to tasks, without what belongs to the tasks of others.

    Args:
        engine: knows whose a task is.
        caller: the key of whoever asks.
        fetch: reads rows after a place, so many: the place of each, its task's id, and itself.
        after: the place to begin behind.
        limit: rows on a page.

    Returns the page, and the place behind which the next one begins; "" when there is none. A page may be short, also
    empty, where others have much: the next one goes on.
    """
    own: list[T] = []
    for _ in range(LOOKED_AT):
        rows = await fetch(after, limit + 1)
        for place, task_id, row in rows[:limit]:
            if caller is None or not caller.user_id or await engine.user_of(task_id) == caller.user_id:
                own.append(row)
            after = place
            if len(own) == limit:
                return own, after if row is not rows[-1][2] else ""
        if len(rows) <= limit:
            return own, ""
    return own, after
