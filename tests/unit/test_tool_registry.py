"""Finding tools by name, and loading a user's modules."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.errors import SettingsError
from engine.settings import Settings
from engine.tools.noop import Noop
from engine.tools.registry import ToolRegistry, builtin_tools
from tests.support.tools_context import RecordingContext

BUILT_IN = [
    *("aggregation", "aider", "analysis", "browser", "calculate", "claude", "claude_code", "comparison"),
    *("data_processing", "delete_file", "embedding_search", "execute", "extraction", "finalize", "formatting"),
    *(
        "generation",
        "http_request",
        "insight_generation",
        "list_files",
        "noop",
        "parsing",
        "planning",
        "prepare",
        "processing",
    ),
    *("python", "read_file", "search_files", "send_email", "shell", "sleep", "subplan", "transformation"),
    *("validation", "web_search", "webhook", "write_file"),
]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder on the path; what is imported from it is forgotten afterwards."""
    before = set(sys.modules)
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    for name in set(sys.modules) - before:
        if getattr(sys.modules[name], "__file__", None) and str(tmp_path) in str(sys.modules[name].__file__):
            del sys.modules[name]


def module(folder: Path, name: str, *functions: str) -> str:
    """Writes a module with these tools."""
    text = "from engine.tools.decorator import tool\n"
    for function in functions:
        text += f'@tool("{function}")\ndef {function}(a: int = 1) -> int:\n    return a + 1\n'
    (folder / f"{name}.py").write_text(text)
    return name


def test_the_built_in_tools_are_there() -> None:
    registry = ToolRegistry.from_settings(Settings())
    assert registry.names() == BUILT_IN
    assert registry.get("noop") is not None
    assert registry.get("nope") is None


@pytest.mark.parametrize(
    ("name", "near"), [("http_requst", "http_request"), ("Shell", "shell"), ("slep", "sleep"), ("zzz", None)]
)
def test_the_nearest_name_is_offered(name: str, near: str | None) -> None:
    assert ToolRegistry(builtin_tools(Settings())).nearest(name) == near


def test_a_name_is_given_once() -> None:
    with pytest.raises(SettingsError, match="two tools called noop"):
        ToolRegistry([Noop(), Noop()])


def test_a_wrong_address_in_the_settings_is_told() -> None:
    with pytest.raises(SettingsError, match=r"HTTP_ALLOW_PRIVATE: '10\.0\.0\.0/99'"):
        builtin_tools(Settings(http_allow_private=["10.0.0.0/99"]))


async def test_functions_of_named_modules_become_tools(folder: Path) -> None:
    module(folder, "first_tools", "up", "down")
    (folder / "second_tools.py").write_text("from first_tools import up\nfrom engine.tools.decorator import tool\n")
    settings = Settings(agent03_tools=["first_tools", "second_tools"])
    registry = ToolRegistry.from_settings(settings)
    assert registry.names() == sorted([*BUILT_IN, "up", "down"])
    up = registry.get("up")
    assert up is not None
    assert await up.run({"a": 4}, RecordingContext()) == 5
    assert await up.run({}, RecordingContext()) == 2
    await registry.close()


def test_loading_tells_what_was_added(folder: Path) -> None:
    assert ToolRegistry().load_modules([module(folder, "told", "b", "a")]) == ["b", "a"]


def test_a_missing_module_is_told(folder: Path) -> None:
    with pytest.raises(SettingsError, match=r"AGENT03_TOOLS: there is no module not_there .*PYTHONPATH"):
        ToolRegistry().load_modules(["not_there.at_all"])


def test_a_module_that_cannot_be_imported_is_told(folder: Path) -> None:
    (folder / "broken_tools.py").write_text("raise RuntimeError('no licence')")
    with pytest.raises(SettingsError, match="broken_tools cannot be imported: RuntimeError: no licence"):
        ToolRegistry().load_modules(["broken_tools"])
    (folder / "needy_tools.py").write_text("import not_installed")
    with pytest.raises(SettingsError, match=r"no module not_installed \(needed for needy_tools\)"):
        ToolRegistry().load_modules(["needy_tools"])


def test_a_module_without_tools_is_told(folder: Path) -> None:
    with pytest.raises(SettingsError, match="empty_tools has no tool; mark its functions"):
        ToolRegistry().load_modules([module(folder, "empty_tools")])


def test_a_taken_name_is_told_and_nothing_of_that_module_is_added(folder: Path) -> None:
    registry = ToolRegistry([Noop()])
    with pytest.raises(SettingsError, match="the tool name noop in greedy_tools is taken"):
        registry.load_modules([module(folder, "greedy_tools", "fresh", "noop")])
    assert registry.names() == ["noop"]


def test_one_name_for_two_functions_of_a_module_is_told(folder: Path) -> None:
    module(folder, "twin_tools", "twin", "other")
    path = folder / "twin_tools.py"
    path.write_text(path.read_text().replace('@tool("other")', '@tool("twin")'))
    registry = ToolRegistry()
    with pytest.raises(SettingsError, match="the tool name twin in twin_tools is taken"):
        registry.load_modules(["twin_tools"])
    assert registry.names() == []
