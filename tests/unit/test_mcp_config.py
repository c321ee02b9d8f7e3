"""The file of MCP servers, and what is made of what a server says of its tools."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from engine.errors import Category, SettingsError, ToolError
from engine.tools.mcp.answers import CONNECTION_CLOSED, INVALID_PARAMS, Lost, output_of, refused
from engine.tools.mcp.config import Server, read_servers
from engine.tools.mcp.sheets import listing

COMMAND = {"command": "server"}


def _read(folder: Path, text: str) -> dict[str, Server]:
    path = folder / "servers.json"
    path.write_text(text)
    return read_servers(path)


def _refusal(folder: Path, **servers: Any) -> str:
    with pytest.raises(SettingsError) as refusal:
        _read(folder, json.dumps({"mcpServers": servers}))
    assert "MCP_SERVERS" in str(refusal.value)
    return str(refusal.value)


def test_servers_are_read_and_disabled_ones_left_out(tmp_path: Path) -> None:
    servers = {
        "local": {"command": "npx", "args": ["-y", "x"], "env": {"TOKEN": "{{secrets.T}}"}, "inherit": ["HOME"]},
        "far": {
            "type": "http",
            "url": "https://example.org/mcp",
            "headers": {"Authorization": "Bearer {{ secrets.A-1 }}"},
        },
        "off": {"command": "x", "disabled": True},
    }
    found = _read(tmp_path, json.dumps({"mcpServers": servers}))
    assert sorted(found) == ["far", "local"]
    assert (found["local"].secrets, found["far"].secrets) == (["T"], ["A-1"])
    assert (found["far"].remote, found["local"].remote, found["local"].untrusted) == (True, False, True)


@pytest.mark.parametrize(
    ("server", "says"),
    [
        ({}, "give command"),
        ({"command": "x", "url": "http://a/"}, "and not both"),
        ({"url": "ftp://a/"}, "must be a URL"),
        ({"url": "http://a/", "args": ["x"]}, "args goes with command only"),
        ({"command": "x", "headers": {"A": "b"}}, "headers goes with url only"),
        ({"command": "x", "type": "http"}, "does not go with command"),
        ({"type": "sse", "url": "http://a/"}, "stdio"),
        ({"command": "x", "autoApprove": []}, "unknown field"),
        ({"command": "x", "args": ["{{secrets.A}}"]}, "put it into env or headers"),
        ({"command": "x", "env": {"A": "{{input.b}}"}}, "means nothing here"),
        ({"command": "x", "env": {"A=B": "c"}}, "pattern"),
        ({"url": "http://a/", "headers": {"Authorization": "Bearer 0123456789abcdef0123"}}, "would be stored"),
        ({"url": "https://user:password@example.org/"}, "a password in a URL"),
        ({"command": "x", "risk": {"tool": "none"}}, "read"),
        ({"command": "x", "limits": {"parallel": 0}}, "greater than or equal to 1"),
        ({"command": "a\nb"}, "pattern"),
    ],
)
def test_a_fault_is_told_in_one_line_and_holds_no_secret(tmp_path: Path, server: dict[str, Any], says: str) -> None:
    told = _refusal(tmp_path, name=server)
    assert says in told
    assert "\n" not in told
    assert "0123456789abcdef" not in told
    assert "password@" not in told


def test_what_is_no_file_of_servers_is_refused(tmp_path: Path) -> None:
    assert "letters, digits" in _refusal(tmp_path, **{"a.b": COMMAND})
    for text, says in (("{", "no JSON"), ("[]", "the file"), (" " * 1_100_000, "larger")):
        with pytest.raises(SettingsError, match=says):
            _read(tmp_path, text)
    with pytest.raises(SettingsError, match="No such file"):
        read_servers(tmp_path / "nowhere.json")


def _tool(name: str, **fields: Any) -> dict[str, Any]:
    return {"name": name, "inputSchema": {"type": "object"}, **fields}


def test_what_a_tool_does_not_say_of_itself_is_taken_for_the_worst() -> None:
    hints = {
        "plain": {},
        "reads": {"readOnlyHint": True},
        "adds": {"destructiveHint": False},
        "again": {"idempotentHint": True},
        "lies": {"readOnlyHint": "yes"},
    }
    server = Server(command="x", risk={"plain": "read"}, idempotent=["adds"])
    sheets = listing([_tool(name, annotations=said) for name, said in hints.items()], server).sheets
    assert {name: (sheet.risk, sheet.idempotent) for name, sheet in sheets.items()} == {
        "plain": ("read", False),
        "reads": ("read", True),
        "adds": ("write", True),
        "again": ("dangerous", True),
        "lies": ("dangerous", False),
    }


def test_tools_that_cannot_be_used_are_left_out_with_a_reason() -> None:
    tools = [
        _tool("fine"),
        _tool("fine"),
        _tool("a/b"),
        _tool("a_b"),
        _tool(""),
        _tool("x" * 121),
        _tool("bad", inputSchema={"type": "nothing"}),
        _tool("far", inputSchema={"$ref": "https://example.org/x"}),
        _tool("huge", inputSchema={"title": "x" * 300_000}),
        {"name": "none"},
    ]
    found = listing(tools, Server(command="x"))
    assert sorted(found.sheets) == ["a_b", "fine"]
    assert found.sheets["a_b"].called == "a/b"
    assert len(found.left_out) == 8
    chosen = listing(tools, Server(command="x", tools=["fine", "gone"]))
    assert (list(chosen.sheets), "'gone'" in chosen.left_out[-1]) == (["fine"], True)


def test_a_changed_tool_has_another_version() -> None:
    first, second = (listing([_tool("a", description=text)], Server(command="x")).sheets["a"] for text in "xy")
    assert first.version != second.version


def test_an_answer_becomes_an_output() -> None:
    texts = [{"type": "text", "text": "a"}, {"type": "image", "data": "x"}, {"type": "text", "text": "b"}]
    assert output_of({"content": texts, "structuredContent": {"n": 1}}) == {
        "text": "a\nb",
        "structured": {"n": 1},
        "content": [{"type": "image", "data": "x"}],
    }
    assert output_of({}) == {"text": "", "structured": None, "content": []}
    with pytest.raises(ToolError, match="no room") as failed:
        output_of({"isError": True, "content": [{"type": "text", "text": "\x1b[2Jno room"}]})
    assert failed.value.category is Category.LOGIC
    assert "\x1b" not in str(failed.value)


@pytest.mark.parametrize(
    ("code", "data", "category"),
    [
        (0, {"http_status": 401}, Category.PERMISSION),
        (0, {"http_status": 429, "retry_after": 3.0}, Category.TRANSIENT),
        (0, {"http_status": 503}, Category.TRANSIENT),
        (0, {"http_status": 405}, Category.CONFIGURATION),
        (0, {"unreached": "ConnectError"}, Category.TRANSIENT),
        (0, {"too_long": 10}, Category.RESOURCE),
        (CONNECTION_CLOSED, None, Category.TRANSIENT),
        (-32001, None, Category.TIMEOUT),
        (INVALID_PARAMS, None, Category.CONFIGURATION),
        (-32603, {"anything": 1}, Category.LOGIC),
    ],
)
def test_an_error_has_the_category_of_its_cause(code: int, data: Any, category: Category) -> None:
    assert refused("s", code, "no", data).category is category


def test_a_call_that_may_have_been_carried_out_is_told_apart() -> None:
    assert isinstance(refused("s", 0, "", {"unreached": "ReadError", "sent": True}), Lost)
    assert not isinstance(refused("s", 0, "", {"unreached": "ConnectError"}), Lost)
