"""``aider`` against a stand-in program on the PATH, ``claude_code`` against one that talks as Claude Code does."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from engine.errors import Category, ToolError
from engine.tools.aider import Aider
from engine.tools.claude_code import ClaudeCode
from engine.tools.claude_sdk import ClaudeSdk, environment
from engine.tools.process import Processes
from engine.tools.roots import Roots
from tests.support.tools_context import RecordingContext, running, until

FAKE_AIDER = f"""#!{sys.executable}
import json, os, sys, time
said = next(arg for arg in sys.argv if arg.startswith("--message="))
if "wait" in said:
    time.sleep(600)
if "fail" in said:
    sys.exit("no model answers")
for arg in sys.argv:
    if arg.startswith("--file="):
        open(arg.removeprefix("--file="), "a").write("changed\\n")
print(json.dumps({{"argv": sys.argv[1:], "cwd": os.getcwd(), "env": dict(os.environ)}}))
"""
FAKE_CLAUDE = f"""#!{sys.executable}
import json, os, sys, time
if "-v" in sys.argv or "--version" in sys.argv:
    print("9.9.9 (Claude Code)")
    sys.exit()
def tell(**message):
    print(json.dumps(message), flush=True)
for line in sys.stdin:
    message = json.loads(line)
    if message["type"] == "control_request":
        reply = {{"subtype": "success", "request_id": message["request_id"], "response": {{}}}}
        tell(type="control_response", response=reply)
    elif message["type"] == "user":
        text = message["message"]["content"]
        text = text if isinstance(text, str) else text[0]["text"]
        if "wait" in text:
            time.sleep(600)
        base = dict(type="result", duration_ms=1, duration_api_ms=1, num_turns=2, session_id="S", total_cost_usd=0.25)
        if "fail" in text:
            tell(**base, subtype="success", is_error=True, result="Not logged in", api_error_status=None)
        elif "turns" in text:
            tell(**base, subtype="error_max_turns", is_error=True)
        else:
            open("made.txt", "w").write(text)
            seen = {{"argv": sys.argv[1:], "env": dict(os.environ)}}
            denials = [{{"tool_name": "Bash", "tool_use_id": "1", "tool_input": {{}}}}]
            tell(**base, subtype="success", is_error=False, result=json.dumps(seen), permission_denials=denials)
        break
"""


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A folder to work in."""
    found = tmp_path / "files"
    (found / "src").mkdir(parents=True)
    (found / "src" / "a.py").write_text("a = 1\n")
    (found / "out").symlink_to("/etc")
    return found


def program(folder: Path, name: str, text: str) -> Path:
    """An executable."""
    path = folder / "bin" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


async def fail(tool: Aider | ClaudeCode, value: Any) -> ToolError:
    """A run that must fail."""
    with pytest.raises(ToolError) as caught:
        await tool.run(value, RecordingContext())
    return caught.value


# --- aider ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def aider(files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Aider:
    """The tool, with the stand-in on the PATH."""
    path = program(tmp_path, "aider", FAKE_AIDER).parent
    monkeypatch.setenv("PATH", str(path), prepend=":")
    monkeypatch.setenv("NEO4J_AUTH", "neo4j/open-sesame")
    return Aider(Processes(0.2), Roots([str(files)]), {"ANTHROPIC_API_KEY": "key"})


async def test_aider_gets_arguments_and_no_shell(aider: Aider, files: Path) -> None:
    value = {
        "message": "Add $(a) 'docstring'; --yes",
        "files": ["a.py"],
        "read": ["../other"],
        "cwd": "src",
        "model": "anthropic/claude",
        "env": {"OTHER": "1"},
    }
    assert [path for path, _ in aider.check(value)] == [("read", 0)]
    value["read"] = ["b.py"]
    assert aider.check(value) == []
    output: Any = await aider.run(value, RecordingContext())
    seen = json.loads(output["stdout"])
    assert seen["cwd"] == str(files / "src")
    assert "--message=Add $(a) 'docstring'; --yes" in seen["argv"]
    assert {"--yes-always", "--no-auto-commits", "--no-suggest-shell-commands", "--model=anthropic/claude"} <= set(
        seen["argv"]
    )
    assert seen["argv"][-2:] == [f"--read={files}/src/b.py", f"--file={files}/src/a.py"]
    assert (seen["env"]["ANTHROPIC_API_KEY"], seen["env"]["OTHER"]) == ("key", "1")
    assert "NEO4J_AUTH" not in seen["env"]
    assert (files / "src" / "a.py").read_text() == "a = 1\nchanged\n"
    await aider.close()


async def test_aider_stays_below_the_roots(aider: Aider) -> None:
    for value in ({"files": ["out/passwd"]}, {"read": ["out/passwd"]}, {"cwd": "out"}):
        error = await fail(aider, {"message": "Look.", **value})
        assert (error.category, "outside" in str(error)) == (Category.CONFIGURATION, True)
    assert [path for path, _ in aider.check({"message": "x", "files": ["/etc/passwd"]})] == [("files", 0)]
    await aider.close()


async def test_aider_that_fails_is_told(aider: Aider) -> None:
    error = await fail(aider, {"message": "fail"})
    assert "no model answers" in str(error)
    await aider.close()


async def test_aider_ends_when_it_is_cancelled(aider: Aider, tmp_path: Path) -> None:
    working = asyncio.create_task(aider.run({"message": "wait"}, RecordingContext()))
    marker = str(tmp_path / "bin" / "aider")
    await until(lambda: running(marker))
    working.cancel()
    await asyncio.wait([working], timeout=3)
    assert (working.cancelled(), running(marker)) == (True, [])
    await aider.close()


async def test_without_aider_it_says_how_to_install_it(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    tool = Aider(Processes(0.2), Roots([str(files)]), {})
    error = await fail(tool, {"message": "Look."})
    assert (error.category, "pip install aider-install" in error.suggestion) == (Category.CONFIGURATION, True)
    assert "aider-install" in (await tool.health_check()).suggestion


# --- claude_code ----------------------------------------------------------------------------------------------------


with_sdk = pytest.mark.skipif(
    importlib.util.find_spec("claude_agent_sdk") is None, reason="the extra agent is not installed"
)


@pytest.fixture
def claude(files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ClaudeCode:
    """The tool, with the stand-in as its program."""
    path = program(tmp_path, "claude", FAKE_CLAUDE)
    monkeypatch.setenv("NEO4J_AUTH", "neo4j/open-sesame")
    return ClaudeCode(Roots([str(files)]), ClaudeSdk("acceptEdits", str(path), {"ANTHROPIC_API_KEY": "key"}))


@with_sdk
async def test_claude_code_works_in_its_folder(claude: ClaudeCode, files: Path) -> None:
    value = {"prompt": "Make it.", "cwd": "src", "system": "Be brief.", "max_turns": 3, "max_budget_usd": 1.5}
    assert claude.check(value) == []
    context = RecordingContext()
    output: Any = await claude.run(value, context)
    seen = json.loads(output["text"])
    assert (output["turns"], output["cost_usd"], output["session_id"], output["denied"]) == (2, 0.25, "S", ["Bash"])
    assert (files / "src" / "made.txt").read_text() == "Make it."
    argv = seen["argv"]
    assert argv[argv.index("--permission-mode") + 1] == "acceptEdits"
    assert argv[argv.index("--allowedTools") + 1] == "Read,Glob,Grep,Edit,Write"
    assert (argv[argv.index("--max-turns") + 1], argv[argv.index("--append-system-prompt") + 1]) == ("3", "Be brief.")
    assert (seen["env"]["ANTHROPIC_API_KEY"], seen["env"]["NEO4J_AUTH"]) == ("key", "")
    assert context.signs


@with_sdk
async def test_claude_code_that_fails_is_told(claude: ClaudeCode) -> None:
    error = await fail(claude, {"prompt": "fail"})
    assert (error.category, "Not logged in" in str(error)) == (Category.PERMISSION, True)
    error = await fail(claude, {"prompt": "turns"})
    assert (error.category, "max_turns" in error.suggestion) == (Category.RESOURCE, True)
    assert isinstance(error.output, dict) and error.output["cost_usd"] == 0.25


@with_sdk
async def test_claude_code_ends_when_it_is_cancelled(claude: ClaudeCode, tmp_path: Path) -> None:
    working = asyncio.create_task(claude.run({"prompt": "wait"}, RecordingContext()))
    marker = str(tmp_path / "bin" / "claude")
    await until(lambda: running(marker), 20)
    await asyncio.wait([working], timeout=0.5)
    working.cancel()
    await asyncio.wait([working], timeout=10)
    assert working.cancelled()
    await until(lambda: not running(marker), 10)


async def test_without_the_sdk_it_says_what_to_install(claude: ClaudeCode, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.tools.claude_sdk.importlib.util.find_spec", lambda _: None)
    error = await fail(claude, {"prompt": "Look."})
    assert (error.category, "agent03-core-engine[agent]" in error.suggestion) == (Category.CONFIGURATION, True)
    assert not (await claude.health_check()).ok


def test_claude_code_checks_its_input(claude: ClaudeCode) -> None:
    for value, path in (({"prompt": " "}, "prompt"), ({"prompt": "x", "cwd": "../x"}, "cwd")):
        assert [found for found, _ in claude.check(value)] == [(path,)]


def test_what_the_engine_keeps_secret_is_blanked() -> None:
    given = {"PATH": "/bin", "HOME": "/root", "NEO4J_AUTH": "a/b", "ANTHROPIC_API_KEY": "other"}
    assert environment(given, {"ANTHROPIC_API_KEY": "key"}) == {"NEO4J_AUTH": "", "ANTHROPIC_API_KEY": "key"}
