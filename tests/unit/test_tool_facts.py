"""What the tools say of themselves: risk, taint, endpoint, expected time, health, limits."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from engine import Category, ToolError, tool
from engine.errors import SettingsError
from engine.model import Json
from engine.settings import Settings
from engine.toolport import Resources, Tool, ToolHealth, ToolLimits
from engine.tools.addresses import endpoint_of
from engine.tools.registry import ToolRegistry
from engine.tools.signature import tool_of
from tests.support.tools_context import RecordingContext


@pytest.fixture
def registry(tmp_path: Path) -> ToolRegistry:
    """Every tool of an engine without a key."""
    return ToolRegistry.from_settings(Settings(data_path=tmp_path, file_roots=[str(tmp_path / "files")]))


def of(registry: ToolRegistry, name: str) -> Tool:
    found = registry.get(name)
    assert found is not None
    return found


def test_each_type_shows_what_it_takes_and_gives(registry: ToolRegistry) -> None:
    for name in registry.names():
        tool = of(registry, name)
        assert isinstance(tool.schema(), dict) and isinstance(tool.output_schema(), dict), name


def test_each_type_says_what_it_can_do_to_the_world(registry: ToolRegistry) -> None:
    risks = {name: of(registry, name).risk for name in registry.names()}
    assert {name for name, risk in risks.items() if risk == "dangerous"} == {"aider", "claude_code", "python", "shell"}
    assert {name for name, risk in risks.items() if risk == "write"} == {
        *("http_request", "write_file", "delete_file", "transformation", "formatting", "finalize"),
        *("browser", "send_email", "webhook"),
    }
    refusing = {"aider", "claude_code", "send_email", "shell", "write_file"}
    assert {name for name in risks if of(registry, name).refuses_tainted} == refusing


@pytest.mark.parametrize(
    ("name", "value", "risk", "taints", "endpoint"),
    [
        ("http_request", {"url": "https://API.example/x"}, "read", True, "api.example"),
        ("http_request", {"url": "http://a.example:8080/", "method": "POST"}, "write", True, "a.example:8080"),
        ("http_request", {"url": "{{subtasks.a.output}}"}, "read", True, ""),
        ("transformation", {"data": [], "to_path": "x.csv"}, "write", False, ""),
        ("transformation", {"data": []}, "read", False, ""),
        ("processing", {"url": "http://rows.example/a.csv"}, "read", True, "rows.example"),
        ("processing", {"source": {"url": "http://rows.example:81/a.csv"}}, "read", True, "rows.example:81"),
        ("generation", {"template": "x"}, "read", False, ""),
        ("generation", {"prompt": "x"}, "read", True, ""),
        ("shell", None, "dangerous", False, ""),
    ],
)
def test_an_input_can_be_less_than_the_worst(
    registry: ToolRegistry, name: str, value: Json, risk: str, taints: bool, endpoint: str
) -> None:
    found = of(registry, name)
    assert (found.risk_of(value), found.taints(value), found.endpoint(value)) == (risk, taints, endpoint)


@pytest.mark.parametrize(
    ("url", "endpoint"),
    [
        ("https://h.example:443/", "h.example"),
        ("http://h.example:443/", "h.example:443"),
        ("http://u:p@[::1]:81/", "[::1]:81"),
        ("http://h.example:99999999/", ""),
        ("nothing", ""),
        (None, ""),
        (7, ""),
    ],
)
def test_an_endpoint_is_a_host_with_an_unusual_port(url: Json, endpoint: str) -> None:
    assert endpoint_of(url) == endpoint


def test_sleep_knows_how_long_it_takes_and_says_nothing_of_a_reference(registry: ToolRegistry) -> None:
    assert of(registry, "sleep").estimate_duration({"seconds": 2}) == 2.0
    assert of(registry, "sleep").estimate_duration({"seconds": "{{input}}"}) is None
    assert of(registry, "shell").estimate_duration({}) is None


async def test_health_says_what_is_missing(registry: ToolRegistry, tmp_path: Path) -> None:
    claude = await of(registry, "claude").health_check()
    assert (claude.ok, "ANTHROPIC_API_KEY" in claude.suggestion) == (False, True)
    assert await of(registry, "write_file").health_check() == ToolHealth(), "a missing folder is made by a write"
    none = ToolRegistry.from_settings(Settings(data_path=tmp_path, file_roots=[]))
    assert not (await of(none, "read_file").health_check()).ok


def marked(function: Any, **facts: Any) -> Tool:
    return tool_of(tool("own", **facts)(function), function.__subtask_type__, 0.2)


async def test_a_function_says_all_of_it_by_its_decorator() -> None:
    async def fetch(url: str) -> dict[str, int]:
        raise ConnectionError("gone")

    def health() -> str:
        return "the server is away"

    own = marked(
        fetch,
        version="2",
        risk="read",
        untrusted=True,
        refuses_tainted=True,
        resources=Resources(memory_mb=64),
        limits=ToolLimits(parallel=2, attempt_seconds=5.0),
        endpoint=lambda value: endpoint_of(value["url"]),
        estimate_duration=lambda value: len(value["url"]) / 10,
        classify=lambda error: "transient" if isinstance(error, ConnectionError) else None,
        health_check=health,
    )
    assert (own.version, own.risk, own.untrusted, own.refuses_tainted) == ("2", "read", True, True)
    assert (own.resources.memory_mb, own.limits.parallel) == (64, 2)
    assert own.endpoint({"url": "http://h.example/"}) == "h.example"
    assert own.endpoint(None) == "", "a function that stumbles says nothing"
    assert own.estimate_duration({"url": "0123456789"}) == 1.0
    assert own.output_schema() == {"additionalProperties": {"type": "integer"}, "type": "object"}
    assert await own.health_check() == ToolHealth(False, "the server is away")
    with pytest.raises(ToolError) as caught:
        await own.run({"url": "x"}, RecordingContext())
    assert caught.value.category is Category.TRANSIENT


def test_a_function_has_a_breaker_where_it_calls_something_or_says_so() -> None:
    def own() -> None: ...

    said = ({}, {"endpoint": "shop"}, {"breaker": True}, {"endpoint": "shop", "breaker": False})
    assert [marked(own, **facts).breaker for facts in said] == [False, True, True, False]


async def test_a_function_that_says_nothing_claims_the_least() -> None:
    async def plain(a: int):  # type: ignore[no-untyped-def]
        raise ConnectionError("gone")

    own = marked(plain)
    assert (own.risk, own.untrusted, own.endpoint({}), own.estimate_duration({})) == ("write", False, "", None)
    assert (own.output_schema(), await own.health_check()) == ({}, ToolHealth())
    with pytest.raises(ToolError) as caught:
        await own.run({"a": 1}, RecordingContext())
    assert caught.value.category is Category.LOGIC


def test_a_risk_that_there_is_not_is_refused() -> None:
    with pytest.raises(ValueError, match="one of read, write, dangerous"):
        tool("own", risk="none")  # type: ignore[arg-type]


def test_a_setting_goes_before_the_limit_of_a_tool() -> None:
    async def one(a: int) -> int:
        return a

    registry = ToolRegistry([marked(one, limits=ToolLimits(parallel=2))])
    assert registry.limits({}) == {"own": 2}
    assert registry.limits({"own": 9, "other": 1}) == {"own": 9, "other": 1}
    with pytest.raises(SettingsError):
        registry.register(SimpleNamespace(name="own"))  # type: ignore[arg-type]
