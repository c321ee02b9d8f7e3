"""What agents are made of: roles and their files, contexts, wrappers, and what points out of a folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from api.roles import load_roles
from engine.agents.building import agent_of
from engine.agents.context import MOST_BYTES, ContextLoader, ContextPack, read_pack
from engine.agents.placing import outside, placed
from engine.agents.result import AgentResult, ArtifactRef, Delegated, TokenUsage, ToolCall
from engine.agents.roles import NEVER, AgentCluster, Capability, Roles
from engine.agents.symbols import symbols_of
from engine.agents.wrappers import Wrapper, Wrappers
from engine.errors import Category, ContextLoadError, SettingsError, ToolError, ToolExecutionError
from engine.model import Json
from engine.settings import Settings
from engine.tools.process import Processes
from engine.tools.registry import ToolRegistry
from engine.tools.roots import Roots
from tests.support.agents import Talks, agent, role, tally, wrapper
from tests.support.tools_context import RecordingContext, running

SCHEMA = """
import sys
if sys.argv[1:] == ["--schema"]:
    print('{"description": "A wrapper.", "input_schema": {"type": "object"}, "timeout_seconds": 30}'); sys.exit()
"""


def test_the_predefined_roles_name_tools_that_there_are_and_every_cluster_has_one(tmp_path: Path) -> None:
    roles = load_roles(None)
    assert {found.cluster for found in roles.all()} == set(AgentCluster)
    capabilities = {capability for found in roles.all() for capability in found.capabilities}
    assert capabilities == set(Capability)
    made = agent(None, Settings(data_path=tmp_path), roles.all())
    assert made.tools.roles.get_role("reviewer").tools == ["read_file", "list_files"]


async def test_a_role_gets_its_tools_and_no_others(tmp_path: Path) -> None:
    made = agent(None, Settings(data_path=tmp_path), load_roles(None).all())
    tools = await made.tools.get_tools_for_role("reviewer")
    assert [tool.name for tool in tools] == ["read_file", "list_files"]
    with pytest.raises(ToolError, match="did you mean reviewer") as caught:
        await made.tools.get_tools_for_role("reviewr")
    assert caught.value.category is Category.CONFIGURATION
    assert made.check({"role": "nobody", "prompt": "x"})[0][0] == ("role",)
    assert [path for path, _ in made.check({"role": "tester", "prompt": " ", "extra": 1})] == [("extra",)]


def test_roles_of_a_file_or_a_folder_join_the_predefined_ones(tmp_path: Path) -> None:
    own = (
        "roles:\n  - {name: reviewer, cluster: validation, system_prompt: Mine., tools: [noop], capabilities: [MINE]}\n"
    )
    (tmp_path / "own.yaml").write_text(own)
    for path in (tmp_path, tmp_path / "own.yaml"):
        found = load_roles(path).get_role("reviewer")
        assert (found.system_prompt, found.tools, found.capabilities) == ("Mine.", ["noop"], ["MINE"])
    assert load_roles(tmp_path).get_role("tester").cluster is AgentCluster.VALIDATION


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("roles: [", "no usable YAML"),
        ("roles: [{name: x}]", "roles.0.cluster: Field required; roles.0.system_prompt: Field required"),
        ("roles: [{name: a b, cluster: design, system_prompt: x}]", "roles.0.name"),
        ("roles: [{name: x, cluster: kitchen, system_prompt: x}]", "roles.0.cluster"),
        ("other: 1", "roles: Field required"),
        (
            "roles: [{name: x, cluster: design, system_prompt: x}, {name: x, cluster: design, system_prompt: y}]",
            "more than one role is called x",
        ),
    ],
)
def test_a_bad_file_of_roles_is_refused_with_its_faults(tmp_path: Path, text: str, fault: str) -> None:
    (tmp_path / "bad.yaml").write_text(text)
    with pytest.raises(SettingsError, match=r"bad\.yaml") as caught:
        load_roles(tmp_path / "bad.yaml")
    assert fault in str(caught.value)


def test_a_missing_file_of_roles_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="No such file"):
        load_roles(tmp_path / "none.yaml")


@pytest.mark.parametrize(
    ("tool", "fault"), [("saw", "there is none"), *((name, "no agent may call") for name in sorted(NEVER))]
)
def test_a_role_with_a_tool_that_it_cannot_have_stops_the_start(tmp_path: Path, tool: str, fault: str) -> None:
    with pytest.raises(SettingsError, match=fault):
        agent(None, Settings(data_path=tmp_path), [role("x", tool)])


def test_a_wrapper_may_not_be_called_like_a_type_and_its_folder_has_to_be_there(tmp_path: Path) -> None:
    settings = Settings(data_path=tmp_path, wrappers_path=tmp_path / "wrappers")
    with pytest.raises(SettingsError, match="no such folder"):
        agent(None, settings, [])
    wrapper(tmp_path / "wrappers", "shell.sh", SCHEMA)
    with pytest.raises(SettingsError, match="shell is a subtask type"):
        agent(None, settings, [])
    registry = ToolRegistry()
    (tmp_path / "wrappers" / "shell.sh").rename(tmp_path / "wrappers" / "mine.sh")
    (tmp_path / "wrappers" / "readme.txt").write_text("no executable")
    made = agent_of(settings, Roles([role("x", "mine")]), registry.get, registry.names(), None, Talks())
    assert made.tools.roles.names() == ["x"]


@pytest.fixture
def loader(tmp_path: Path) -> ContextLoader:
    """Loads from ``tmp_path``."""
    return ContextLoader(Roots([str(tmp_path)]), 0.1)


async def test_a_context_from_a_folder_a_file_and_a_pack(loader: ContextLoader, tmp_path: Path) -> None:
    folder = tmp_path / "src"
    (folder / "inner").mkdir(parents=True)
    (folder / "b.py").write_text("def b(): ...")
    (folder / "inner" / "a.txt").write_text("text")
    (folder / ".hidden").write_text("no")
    (folder / "blob.bin").write_bytes(b"\xff\xfe\x00")
    loaded = await loader.load_from_path("src")
    assert [Path(file.path).name for file in loaded.files] == ["b.py", "a.txt"]
    assert [missing.rpartition("/")[2] for missing in loaded.missing] == ["blob.bin: it is no UTF-8 text"]
    assert (await loader.load_from_path("src/b.py")).files[0].symbols[0].name == "b"
    (tmp_path / "pack.json").write_text(json.dumps({"files": [{"path": "src/b.py"}], "notes": "hi"}))
    pack = await loader.load_from_path("pack.json")
    assert (pack.notes, pack.files[0].content) == ("hi", "def b(): ...")


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("none", "No such file"),
        ("../up", "leaves the folder"),
        ("/etc/passwd", "outside the allowed folders"),
        ("bad.json", "is no context pack"),
        ("fields.json", "/files/0/path"),
    ],
)
async def test_a_context_that_cannot_be_loaded(loader: ContextLoader, tmp_path: Path, path: str, words: str) -> None:
    (tmp_path / "bad.json").write_text("[1, 2")
    (tmp_path / "fields.json").write_text('{"files": [{"content": "x"}], "more": 1}')
    with pytest.raises(ContextLoadError, match=words) as caught:
        await loader.load_from_path(path)
    assert caught.value.category is Category.CONFIGURATION
    assert caught.value.suggestion


async def test_a_context_has_a_bound(loader: ContextLoader, tmp_path: Path) -> None:
    for number in range(5):
        (tmp_path / f"{number}.txt").write_text("x" * (MOST_BYTES // 5 + 10))
    with pytest.raises(ContextLoadError, match="are the most"):
        await loader.load_from_path(".")
    for number in range(201):
        (tmp_path / f"many{number}.txt").touch()
    with pytest.raises(ContextLoadError, match="more than 200 files"):
        await loader.load_from_path(".")
    (tmp_path / "big").write_text("x" * 300_000)
    loaded = await loader.load(ContextPack.model_validate({"files": [{"path": "big"}]}))
    assert "larger than" in loaded.missing[0]


def test_a_pack_goes_to_json_and_back() -> None:
    pack = ContextPack.model_validate({"files": [{"path": "a", "required": True}], "results": {"r": [1]}, "notes": "n"})
    assert read_pack("x", pack.model_dump_json()) == pack


def test_symbols_are_those_of_the_parser() -> None:
    text = "class A(B):\n    '''About A.\n\n    More.'''\n    async def f(self, *, x: int = 1) -> None:\n        pass\n"
    found = symbols_of("x.py", text)
    assert [(s.name, s.kind, s.line, s.end_line) for s in found] == [("A", "class", 1, 6), ("A.f", "method", 5, 6)]
    assert (found[0].about, found[1].signature) == ("About A.", "(self, *, x: int=1)")
    assert symbols_of("x.py", "def (") == symbols_of("x.rs", "fn main() {}") == []


@pytest.fixture
async def wrappers(tmp_path: Path) -> Any:
    """The wrappers of a folder."""
    found = Wrappers(tmp_path / "wrappers", Processes(0.1))
    yield found
    await found.close()


async def fails(wrappers: Wrappers, name: str, value: Json = None) -> ToolExecutionError:
    """The error of a wrapper."""
    with pytest.raises(ToolExecutionError) as caught:
        await (await wrappers.get(name)).run({} if value is None else value, RecordingContext())
    return caught.value


async def test_a_wrapper_reads_json_and_prints_json(wrappers: Wrappers, tmp_path: Path) -> None:
    tally(tmp_path / "wrappers", tmp_path / "log")
    found = await wrappers.get("tally")
    assert isinstance(found, Wrapper)
    assert (found.risk, found.idempotent, found.untrusted) == ("write", False, True)
    assert found.check({"name": 1})[0][0] == ("name",)
    assert await found.run({"name": "x"}, RecordingContext()) == {"counted": "x"}
    assert await wrappers.get("tally") is found, "the schema is asked for once"


@pytest.mark.parametrize(
    ("text", "case", "words"),
    [
        ("print('no json')", "bad JSON", "is no JSON value"),
        ("", "bad JSON", "is no JSON value"),
        ("print('x' * 2_000_000)", "bad JSON", "more than"),
        ("print('broken', file=sys.stderr); sys.exit(1)", "exit code", "exit code 1: broken"),
        ("sys.exit(75)", "exit code", "exit code 75"),
    ],
)
async def test_failures_of_a_wrapper_are_told_apart(
    wrappers: Wrappers, tmp_path: Path, text: str, case: str, words: str
) -> None:
    wrapper(tmp_path / "wrappers", "bad", SCHEMA + text)
    error = await fails(wrappers, "bad")
    assert (error.case, words in str(error)) == (case, True)
    assert error.category is (Category.TRANSIENT if "75" in words else error.category)


async def test_a_wrapper_that_hangs_is_killed_with_all_that_it_has_started(wrappers: Wrappers, tmp_path: Path) -> None:
    marker = f"hang-{tmp_path.name}"
    quick = SCHEMA.replace("30", "2")
    hang = f"import subprocess\nsubprocess.run([sys.executable, '-c', 'import time; time.sleep(99)', '{marker}'])"
    wrapper(tmp_path / "wrappers", "hangs", quick + hang)
    error = await fails(wrappers, "hangs")
    assert (error.case, error.category) == ("timeout", Category.TIMEOUT)
    assert running(marker) == []


async def test_what_is_no_wrapper(wrappers: Wrappers, tmp_path: Path) -> None:
    assert (await fails(wrappers, "none")).case == "missing"
    wrapper(tmp_path / "wrappers", "lost", SCHEMA, python="/no/such/python")
    assert (await fails(wrappers, "lost")).case == "missing"
    wrapper(tmp_path / "wrappers", "odd", 'print(\'{"description": "x"}\')')
    error = await fails(wrappers, "odd")
    assert (error.case, "input_schema" in str(error)) == ("bad JSON", True)


def resolve(path: str) -> str:
    """Like a root at /r."""
    import os.path

    return os.path.normpath(os.path.join("/r", path))


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("read_file", {"path": "a.txt"}, {"path": "t/a.txt"}),
        ("read_file", {"path": "t/a.txt"}, {"path": "t/a.txt"}),
        ("list_files", {}, {"path": "t/."}),
        (
            "processing",
            {"source": {"path": "rows.csv"}, "data": "path"},
            {"source": {"path": "t/rows.csv"}, "data": "path"},
        ),
        ("http_request", {"url": "u", "json": {"path": "x"}}, {"url": "u", "json": {"path": "x"}}),
        ("noop", 7, 7),
    ],
)
def test_relative_paths_begin_at_the_folder_of_the_task(name: str, value: Json, expected: Json) -> None:
    assert placed(name, value, "t") == expected
    assert outside(name, expected, "t", resolve) is None


@pytest.mark.parametrize("path", ["../x", "/r/x", "t/../x", "/etc/passwd", "/r/tt/x"])
def test_a_path_out_of_the_folder_is_seen(path: str) -> None:
    for value in ({"path": path}, {"files": [{"x": 1}, path]}, {"deep": {"to_path": path}}):
        assert outside("own", placed("own", value, "t"), "t", resolve) is not None


def test_what_agents_hand_on_is_json_both_ways() -> None:
    call = ToolCall("a", 1, "tally", {"name": "x"}, "1", "timeout", 0.5)
    usage = TokenUsage(1, 2, 3, 4, 0.5)
    artifact = ArtifactRef("t/x.txt", 1, "00")
    result = AgentResult("helper", "done", "m", 1, usage, [1], [call], [artifact], ["gone"], [Delegated("k", "r", "p")])
    for value in (call, usage, artifact, result):
        text = json.dumps(value.to_json())
        assert type(value).from_json(json.loads(text)) == value
    with pytest.raises(msgspec.ValidationError):
        ToolCall.from_json({"id": 1})
