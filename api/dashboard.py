"""A dashboard in Streamlit for those who want one; it asks the REST API and knows nothing else of the engine.

``agent03 dashboard`` runs it; by hand ``streamlit run api/dashboard.py``. It is an extra: the engine's own page shows
more and is live, this one is a file to change and to build on. It asks again every two seconds while somebody has it
open and the task goes on. Text of users is shown as text: never as Markdown, which could fetch pictures from elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterable

import streamlit as st

from api import schemas
from api.cli.client import Client, place_of
from api.cli.exits import Stop
from api.drawings.dot import dot
from api.drawings.scene import scene
from api.environment import engine_key, engine_url
from engine.errors import SettingsError
from engine.model import Json
from engine.plan.drawing import collapsed
from engine.states import TaskStatus

REFRESH_SECONDS = 2
LISTED = 50
FOLDED_ABOVE = 100  # like subtasks are drawn as one above so many; Streamlit would print a docstring on the page
FINAL = (TaskStatus.COMPLETED, TaskStatus.FAILED, TaskStatus.CANCELLED)


def main() -> None:
    """The whole page, from top to bottom; Streamlit runs it again after each click."""
    st.set_page_config(page_title="agent03", layout="wide")
    try:
        with Client(engine_url(), engine_key()) as client:
            tasks = _listed(client)
    except (Stop, SettingsError) as error:
        _refused(error)
        return
    chosen = _chosen(tasks)
    if chosen is None:
        st.info("There is no such task. Hand one in: agent03 submit FILE")
        return
    goes_on = chosen.status not in FINAL
    st.fragment(_task, run_every=REFRESH_SECONDS if goes_on else None)(chosen.id, goes_on)


def _listed(client: Client) -> list[schemas.TaskSummary]:
    """The newest tasks in the state that is asked for."""
    with st.sidebar:
        st.button("Refresh")
        status = st.selectbox("State", ["", *TaskStatus], format_func=lambda state: state or "any")
    return client.get(schemas.TaskPage, "/tasks", limit=LISTED, status=status or None).tasks


def _chosen(tasks: list[schemas.TaskSummary]) -> schemas.TaskSummary | None:
    """The task that is looked at; its id stands in the address, so that it can be sent to somebody."""
    found = {task.id: task for task in tasks}
    wanted = st.query_params.get("task", "")
    ids = list(found)
    with st.sidebar:
        task_id = st.selectbox(
            "Task",
            ids,
            index=ids.index(wanted) if wanted in found else 0,
            format_func=lambda each: f"{found[each].status} · {found[each].name or each}",
        )
    if task_id is None:
        return None
    st.query_params["task"] = task_id
    return found[task_id]


def _task(task_id: str, went_on: bool) -> None:
    """One task, asked for anew; at its end the page is run once more, which ends the asking."""
    try:
        with Client(engine_url(), engine_key()) as client:
            seen = client.get(schemas.TaskDocument, place_of(task_id))
            graph = client.get(schemas.GraphView, f"{place_of(task_id)}/graph").model_dump(mode="json")
    except (Stop, SettingsError) as error:
        _refused(error)
        return
    if went_on and seen.task.status in FINAL:
        st.rerun()
    _progress(seen.task)
    st.graphviz_chart(dot(scene(collapsed(graph) if len(graph["nodes"]) > FOLDED_ABOVE else graph)))
    st.dataframe(list(_rows(seen.subtask_results)), hide_index=True)
    _outcome(seen.task)


def _progress(task: schemas.Task) -> None:
    st.text(f"{task.name or task.id}")
    state, settled, running, eta = st.columns(4)
    state.metric("State", task.status)
    settled.metric("Completed", f"{task.progress.completed} of {task.progress.total}")
    running.metric("Running", task.subtasks.get("processing", 0))
    eta.metric("Expected end (UTC)", task.progress.eta[11:19] if task.progress.eta else "-")
    st.progress(task.progress.percent / 100)


def _rows(subtasks: Iterable[schemas.SubtaskResult]) -> Iterable[dict[str, Json]]:
    for subtask in subtasks:
        yield {
            "key": subtask.key,
            "type": subtask.type,
            "state": subtask.status,
            "attempts": subtask.attempts,
            "seconds": subtask.execution_time,
            "error": subtask.error.message if subtask.error else "",
        }


def _outcome(task: schemas.Task) -> None:
    if task.error is not None:
        st.code(task.error.message, language=None)
    elif task.result is not None:
        st.json({"result": task.result})


def _refused(error: Exception) -> None:
    st.error("The engine cannot be asked.")
    st.code(str(error), language=None)


if __name__ == "__main__":
    main()
