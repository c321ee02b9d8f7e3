"""The dashboard, run by Streamlit's own test driver against a real server; skipped where Streamlit is not installed."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from api.cli.exits import Stop
from tests.support.services import eventually
from tests.support.serving import Serving

dashboard = import_module("api.cli.dashboard")
"""The module; under that name the package has its command."""
SECONDS = 60
MARKUP = "<img src=x> ![x](http://192.0.2.1/x.png) `a`"


@pytest.fixture(scope="module")
def testing() -> Any:
    """Streamlit's driver for tests."""
    return pytest.importorskip("streamlit.testing.v1", reason="pip install 'agent03-core-engine[dashboard]'")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(testing: Any, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Serving]:
    """A real server."""
    serving = Serving(tmp_path_factory.mktemp("dashboard"), {})
    await serving.start()
    yield serving
    serving.discard()


@pytest.fixture
def page(testing: Any, server: Serving, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The dashboard on that server, not run yet."""
    monkeypatch.setenv("ENGINE_URL", f"http://127.0.0.1:{server.port}")
    return testing.AppTest.from_file(str(dashboard.PAGE), default_timeout=SECONDS)


async def ended(server: Serving, body: Any) -> str:
    task_id = await server.submit(body)

    async def is_final() -> bool:
        return (await server.task(task_id))["phase"] is None

    await eventually(is_final, SECONDS)
    return task_id


async def test_a_task_is_shown_with_its_graph_its_subtasks_and_its_failure(server: Serving, page: Any) -> None:
    steps = [
        {"key": "good", "type": "noop", "input": 1},
        {"key": "bad", "type": "calculate", "input": {"expression": "1 / 0"}, "dependencies": ["good"]},
    ]
    task_id = await ended(server, {"name": MARKUP, "plan": {"subtasks": steps}})

    page.run()

    assert not page.exception
    assert {metric.label: metric.value for metric in page.metric}["State"] == "failed"
    assert page.query_params["task"] == task_id
    rows = page.dataframe[0].value
    assert list(rows["state"]) == ["completed", "failed"]
    assert "division by zero" in rows["error"][1]
    graph = page.get("graphviz_chart")[0].proto.spec
    assert "good" in graph and " -> " in graph
    assert [text.value for text in page.text] == [MARKUP]
    assert not page.markdown


async def test_of_a_task_that_runs_it_says_when_it_will_have_ended(server: Serving, page: Any) -> None:
    await ended(server, {"plan": {"subtasks": [{"key": "a", "type": "sleep", "input": {"seconds": 0.01}}]}})
    task_id = await server.submit({"plan": {"subtasks": [{"key": "a", "type": "sleep", "input": {"seconds": 50}}]}})

    async def runs() -> bool:
        return (await server.task(task_id))["status"] == "processing"

    await eventually(runs, SECONDS)
    page.run()
    await server.call("POST", f"/tasks/{task_id}/cancel")

    assert not page.exception
    shown = {metric.label: metric.value for metric in page.metric}
    assert (shown["State"], shown["Running"]) == ("processing", "1")
    assert re.fullmatch(r"\d\d:\d\d:\d\d", shown["Expected end (UTC)"])


async def test_only_tasks_in_the_state_that_is_asked_for_are_listed(server: Serving, page: Any) -> None:
    done = await ended(server, {"plan": {"subtasks": [{"key": "a", "type": "noop", "input": "made"}]}})
    page.run()

    page.sidebar.selectbox[0].select("completed").run()
    assert page.query_params["task"] == done
    assert "made" in page.json[0].value

    page.sidebar.selectbox[0].select("paused").run()
    assert "no such task" in page.info[0].value
    assert not page.exception


def test_a_server_that_is_not_there_is_said(page: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENGINE_URL", "http://127.0.0.1:1")

    page.run()

    assert not page.exception
    assert "agent03 serve" in page.code[0].value


def test_without_streamlit_the_command_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dashboard, "find_spec", lambda name: None)

    with pytest.raises(Stop, match="pip install"):
        dashboard.dashboard(8503)


def test_the_command_serves_this_machine_only() -> None:
    command = dashboard.command(8503)

    assert "--server.address=127.0.0.1" in command
    assert Path(command[4]).name == "dashboard.py"
