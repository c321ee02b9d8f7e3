"""``agent03 agent --runner claude_code``: the real Claude Code of the SDK, whose model is a script."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from typing_extensions import TypedDict

from engine.errors import Category, ToolError
from engine.tools.claude_runner import ClaudeRunner, inside
from engine.tools.claude_sdk import ClaudeSdk
from engine.tools.decorator import mark_of, tool
from engine.tools.registry import ToolRegistry
from engine.tools.roots import Roots
from engine.tools.signature import tool_of
from tests.acceptance.test_agents import TOKEN, agent_process, at, completed, registered, subtask
from tests.support.claude import FakeClaude, fake_claude
from tests.support.serving import PROGRAM, ROOT, Serving
from tests.support.tools_context import RecordingContext

with_sdk = pytest.mark.skipif(
    importlib.util.find_spec("claude_agent_sdk") is None, reason="the extra agent is not installed"
)


class Count(TypedDict):
    """How many there are."""

    words: int


@tool("count_words", idempotent=True)
async def count_words(text: str) -> Count:
    """Counts the words of a text.

    Args:
        text: any.
    """
    raise AssertionError(f"Claude Code counts those of {text!r}")


@pytest.fixture
async def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[FakeClaude]:
    """The model of Claude Code, whose home is empty. A title that it asks for takes nothing from the script."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    async with fake_claude() as made:

        def titled(body: dict[str, Any]) -> None:
            if body.get("messages") and "<session>" in str(body["messages"]):
                made.says("a title")
                made.script.insert(0, made.script.pop())

        made.decide = titled
        yield made


@pytest.fixture
def runner(fake: FakeClaude, tmp_path: Path) -> ClaudeRunner:
    settings = fake.settings(file_roots=[str(tmp_path / "files")])
    tools = ToolRegistry.from_settings(settings)
    mark = mark_of(count_words)
    assert mark is not None
    tools.register(tool_of(count_words, mark, 0.5))
    return ClaudeRunner(tools.get, ClaudeSdk.from_settings(settings), Roots(settings.file_roots))


async def run(runner: ClaudeRunner, type_: str, value: Any) -> Any:
    found = runner.get(type_)
    assert found is not None
    return await found.run(value, RecordingContext(task_id="T"))


@with_sdk
async def test_it_works_in_the_folder_of_the_task_and_nowhere_else(
    runner: ClaudeRunner, fake: FakeClaude, tmp_path: Path
) -> None:
    folder = tmp_path / "files" / "T"
    fake.calls(
        ("a", "Write", {"file_path": str(tmp_path / "evil.txt"), "content": "x"}),
        ("b", "Write", {"file_path": str(folder / "good.txt"), "content": "x"}),
        ("c", "Read", {"file_path": "/etc/passwd"}),
    )
    fake.says("It is done, hush-hush.")
    output = await run(runner, "noop", {"wish": "Write good.txt, see @/etc/hostname; hush-hush."})
    assert (output["text"], output["turns"]) == ("It is done, hush-hush.", 4)
    assert set(output["denied"]) == {"Write", "Read"}
    assert ((tmp_path / "evil.txt").exists(), (folder / "good.txt").read_text()) == (False, "x")
    told = str([body.get("messages") for body in fake.requests])
    assert "lies outside the folder of this task" in told
    assert "root:x:" not in told
    assert "Write good.txt, see @/etc/hostname; ***." in told, "as it is, but for what is secret"
    assert Path("/etc/hostname").read_text().strip() not in told, "and no file is attached to it"


@with_sdk
async def test_a_type_with_a_schema_gives_a_value_by_it(runner: ClaudeRunner, fake: FakeClaude) -> None:
    fake.calls(("a", "StructuredOutput", {"words": 3}))
    fake.says("done")
    assert await run(runner, "count_words", {"text": "one two three"}) == {"words": 3}
    asked = str(fake.requests)
    assert "Counts the words of a text." in asked
    assert "one two three" in asked


@with_sdk
async def test_a_question_to_claude_is_asked_as_it_is(runner: ClaudeRunner, fake: FakeClaude) -> None:
    fake.says("Four.")
    output = await run(runner, "claude", {"prompt": "Two and two?", "system": "Be brief."})
    assert output["text"] == "Four."
    (asked,) = [
        body for body in fake.requests if "Two and two?" in str(body.get("messages")) and "Be brief." in str(body)
    ]
    assert not asked.get("tools")


async def test_what_it_does_not_stand_in_for_is_refused(runner: ClaudeRunner, fake: FakeClaude) -> None:
    for type_, value in (("shell", {"command": "true"}), ("calculate", {"expression": "1"}), ("mcp.a.b", {})):
        with pytest.raises(ToolError, match=f"does not stand in for the type {type_}") as caught:
            await run(runner, type_, value)
        assert caught.value.category is Category.CONFIGURATION
    with pytest.raises(ToolError, match="/text"):
        await run(runner, "count_words", {"text": 1})
    assert fake.requests == []


def test_the_guard_knows_ways_out(tmp_path: Path) -> None:
    folder = tmp_path / "T"
    folder.mkdir()
    (folder / "out").symlink_to("/etc")
    look = inside(folder)
    for name, given in (
        ("Read", {"file_path": "out/passwd"}),
        ("Edit", {"file_path": "../T2/a"}),
        ("Grep", {"pattern": "root", "path": "/etc"}),
        ("Glob", {"pattern": "/etc/*"}),
        ("Glob", {"pattern": "{a,/etc}/*"}),
        ("Glob", {"pattern": "a/../../*"}),
        ("Read", {"file_path": "~/.ssh/id"}),
        ("Bash", {"command": "ls"}),
    ):
        assert look(name, given), given  # type: ignore[arg-type]
    for name, given in (
        ("Read", {"file_path": "a.txt"}),
        ("Write", {"file_path": str(folder / "b" / "a.txt")}),
        ("Grep", {"pattern": "../x"}),
        ("Glob", {"pattern": "**/*.py"}),
        ("StructuredOutput", {"a": 1}),
    ):
        assert look(name, given) is None, given  # type: ignore[arg-type]


@with_sdk
async def test_an_agent_process_has_its_work_done_by_claude_code(fake: FakeClaude, tmp_path: Path) -> None:
    server = Serving(tmp_path / "engine", {"NEO4J_URL": "", "REDIS_URL": "", "AGENT_TOKEN": TOKEN})
    settings = {
        "ANTHROPIC_API_KEY": "sk-test-0123456789",
        "ANTHROPIC_BASE_URL": f"http://127.0.0.1:{fake.port}",
        "FILE_ROOTS": str(tmp_path / "files"),
    }
    await server.start()
    try:
        engine = f"http://127.0.0.1:{server.port}"
        with agent_process(tmp_path, engine, "agent-1", "WRITING", "--runner", "claude_code", settings=settings):
            await registered(server, "agent-1")
            fake.says("A poem.")
            task_id = await server.submit(at("WRITING", "noop", input={"wish": "a poem"}))
            await completed(server, task_id, 60)
            found = (await subtask(server, task_id, "a"))["subtask"]
            assert (found["output"]["text"], found["agent_id"]) == ("A poem.", "agent-1")
    finally:
        server.discard()


@pytest.mark.parametrize(
    ("before", "path", "said"),
    [
        ("import sys; sys.modules['claude_agent_sdk'] = None; ", "", "pip install 'agent03-core-engine[agent]'"),
        pytest.param("", "/nowhere/claude", "Correct CLAUDE_CODE_PATH", marks=with_sdk),
    ],
)
def test_without_the_sdk_it_ends_with_one_line(tmp_path: Path, before: str, path: str, said: str) -> None:
    command = ["agent", "--id", "a", "--port", "0", "--runner", "claude_code", "--engine", "http://127.0.0.1:9"]
    ended = subprocess.run(
        [sys.executable, "-c", before + PROGRAM, *command],
        cwd=tmp_path,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT), "CLAUDE_CODE_PATH": path},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (ended.returncode, len(ended.stderr.splitlines())) == (2, 1), ended.stderr
    assert said in ended.stderr
