"""What every tool promises, asked of every built-in one."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import ToolError
from engine.settings import Settings
from engine.toolport import Tool
from engine.tools.json_value import plain
from engine.tools.registry import builtin_tools
from tests.support.tools_context import RecordingContext

GOOD: dict[str, Any] = {
    "noop": {"anything": 1},
    "sleep": {"seconds": 0.001},
    "calculate": {"expression": "1 + a", "variables": {"a": 2}},
    "shell": {"argv": ["echo", "hi"]},
    "python": {"code": "result = 1"},
    "http_request": {"url": "http://127.0.0.1:9/"},
    "read_file": {"path": "there"},
    "write_file": {"path": "new", "content": "x"},
    "list_files": {},
    "delete_file": {"path": "there"},
    "aider": {"message": "Add a docstring.", "files": ["there"]},
    "claude_code": {"prompt": "Add a docstring."},
    "search_files": {"regex": "con.ent"},
    "web_search": {"query": "weather"},
    "send_email": {"to": ["ada@example.org"], "subject": "Hello", "text": "How are you?"},
    "webhook": {"url": "http://127.0.0.1:9/", "data": {"a": 1}},
    **{name: {"data": [{"a": 1}, {"a": 2}]} for name in ("validation", "processing", "aggregation", "data_processing")},
    **{name: {"data": [{"a": 1}, {"a": 2}]} for name in ("extraction", "analysis", "parsing", "transformation")},
    **{name: {"data": [{"a": 1}, {"a": 2}]} for name in ("prepare", "execute", "finalize")},
    "formatting": {"data": [{"a": 1}], "to": "csv"},
    "comparison": {"left": {"data": "a b"}, "right": {"data": "a c"}},
    "generation": {"data": {"a": 1}, "template": "{{ a }}"},
    "insight_generation": {"analysis": {"rows": 1, "correlations": []}},
}
SLOW: dict[str, Any] = {
    "sleep": {"seconds": 600},
    "shell": {"argv": ["sleep", "600"]},
    "python": {"code": "import time; time.sleep(600)"},
}
ROWS = {
    "validation",
    "processing",
    "aggregation",
    "data_processing",
    "extraction",
    "analysis",
    "parsing",
    "formatting",
} | {
    *("transformation", "prepare", "execute", "finalize", "comparison", "generation", "insight_generation"),
}
REPEATABLE = ROWS | {
    "noop",
    "sleep",
    "calculate",
    "read_file",
    "list_files",
    "write_file",
    "delete_file",
    "http_request",
    "webhook",
    "search_files",
    "web_search",
}
UNREACHED = {"http_request", "send_email", "webhook", "web_search", "aider", "claude_code"}
"""What they talk to is not there, or not set; they say so."""
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["path", "argv", "url", "code", "seconds", "expression", "x"]), inner, max_size=3
        )
    ),
    max_leaves=6,
)


def _tools(folder: Path) -> dict[str, Tool]:
    found = Settings(
        data_path=folder / "data",
        file_roots=[str(folder / "files")],
        cancel_grace_seconds=0.2,
        mail_allow=["@example.org"],
    )
    return {tool.name: tool for tool in builtin_tools(found)}


@pytest.fixture
async def tools(tmp_path: Path) -> AsyncIterator[dict[str, Tool]]:
    """Every built-in tool, on a folder of the test."""
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "there").write_text("content")
    found = _tools(tmp_path)
    yield found
    for tool in found.values():
        await tool.close()


def test_every_built_in_tool_is_covered_here(tmp_path: Path) -> None:
    assert set(_tools(tmp_path)) == set(GOOD)


@pytest.mark.parametrize("name", GOOD)
async def test_good_input_has_no_fault_and_gives_json(tools: dict[str, Tool], name: str) -> None:
    tool, before = tools[name], json.dumps(GOOD[name])
    assert tool.check(GOOD[name]) == []
    try:
        output = await tool.run(GOOD[name], RecordingContext())
    except ToolError as error:
        assert name in UNREACHED and error.suggestion
    else:
        assert plain(output) == output
    assert json.dumps(GOOD[name]) == before, "a tool does not change its input"


@pytest.mark.parametrize("name", GOOD)
async def test_the_schema_is_strict_and_is_json(tools: dict[str, Tool], name: str) -> None:
    schema = tools[name].schema()
    assert json.loads(json.dumps(schema)) == schema
    if name != "noop":
        assert schema["additionalProperties"] is False
        assert all("description" in field for field in schema["properties"].values())


@pytest.mark.parametrize("name", sorted(set(GOOD) - {"noop"}))
async def test_an_unknown_field_is_refused_and_the_known_ones_are_told(tools: dict[str, Tool], name: str) -> None:
    ((path, message),) = tools[name].check({**GOOD[name], "unknown_field": 1})
    assert path == ("unknown_field",)
    assert message.startswith("unknown field; there are: ")


@pytest.mark.parametrize("name", GOOD)
@settings(max_examples=60, deadline=None)
@given(value=JSON)
def test_no_input_makes_a_check_stumble(name: str, value: Any) -> None:
    for path, message in _tools(Path("/nowhere"))[name].check(value):
        assert all(isinstance(step, (str, int)) for step in path)
        assert message and "pydantic" not in message


@pytest.mark.parametrize("name", GOOD)
async def test_its_flags_say_whether_it_may_be_repeated(tools: dict[str, Tool], name: str) -> None:
    tool = tools[name]
    assert tool.repeatable(GOOD[name]) is (name in REPEATABLE)
    assert not tool.deterministic or tool.idempotent
    assert tool.version == "1"


@pytest.mark.parametrize("name", SLOW)
async def test_a_cancellation_ends_it_soon_and_comes_out(tools: dict[str, Tool], name: str) -> None:
    task = asyncio.create_task(tools[name].run(SLOW[name], RecordingContext()))
    await asyncio.wait([task], timeout=0.1)
    assert not task.done()
    started = time.monotonic()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert time.monotonic() - started < 1.3


@pytest.mark.parametrize("name", GOOD)
async def test_it_runs_many_times_at_once_and_closes_twice(tools: dict[str, Tool], name: str) -> None:
    tool = tools[name]
    outputs = await asyncio.gather(
        *(tool.run(GOOD[name], RecordingContext(task_id=f"T{number}")) for number in range(5)), return_exceptions=True
    )
    assert not [found for found in outputs if isinstance(found, BaseException) and not isinstance(found, ToolError)]
    await tool.close()
    await tool.close()


async def test_noop_is_cheap_enough_for_the_hot_path(tools: dict[str, Tool]) -> None:
    tool, context = tools["noop"], RecordingContext()
    started = time.process_time()
    for _ in range(10_000):
        tool.check(GOOD["noop"])
        await tool.run(GOOD["noop"], context)
    assert time.process_time() - started < 0.5
