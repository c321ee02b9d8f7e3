"""A server of few lines that starts in no time and misbehaves as it is told: ``python mcp_raw.py MODE``.

Modes: ``fine``, ``chatty`` (greets on stdout), ``garbage`` (says nothing else), ``mute`` (never answers), ``exit``
(ends at once with words on stderr), ``flood`` (a line without an end), ``odd`` (lists tools that nobody can use).
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

MODE = sys.argv[1]
ANY = {"type": "object"}
TOOLS: list[dict[str, Any]] = [
    {"name": "echo", "description": "Says it again.", "inputSchema": ANY, "annotations": {"readOnlyHint": True}},
    {"name": "die", "inputSchema": ANY, "annotations": {"destructiveHint": False}},
    {"name": "die_safely", "inputSchema": ANY, "annotations": {"idempotentHint": True}},
    {"name": "hang", "inputSchema": ANY},
    {"name": "much", "inputSchema": ANY},
    {
        "name": "typed",
        "inputSchema": {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]},
        "outputSchema": {"type": "object", "required": ["n"]},
    },
]
ODD: list[dict[str, Any]] = [
    TOOLS[0],
    {"name": "broken", "inputSchema": {"type": "object", "properties": {"a": {"type": "nothing"}}}},
    {"name": "remote", "inputSchema": {"type": "object", "$ref": "https://example.org/schema"}},
    {"name": "x" * 200, "inputSchema": ANY},
    {"name": "echo", "inputSchema": ANY},
    {"name": "with/slash", "inputSchema": ANY},
]


def say(message: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
    sys.stdout.flush()


def call(name: str, given: dict[str, Any]) -> dict[str, Any]:
    if "log" in given:
        with Path(given["log"]).open("a") as log:
            log.write(name + "\n")
    if name.startswith("die") and not Path(given.get("unless", "/nowhere")).exists():
        os._exit(3)
    while name == "hang" and not Path(given["until"]).exists():
        time.sleep(0.01)
    if name == "much":
        return {"content": [{"type": "text", "text": "x" * int(given["bytes"])}]}
    if name == "typed":
        return {"content": [], "structuredContent": {"m": 1}}
    return {"content": [{"type": "text", "text": json.dumps(given)}]}


def answer(method: str, params: dict[str, Any]) -> dict[str, Any]:
    if method == "initialize":
        about = {"name": "raw", "version": "1"}
        return {"protocolVersion": "2025-06-18", "capabilities": {"tools": {}}, "serverInfo": about}
    if method == "tools/list":
        return {"tools": ODD if MODE == "odd" else TOOLS}
    return call(params["name"], params.get("arguments") or {})


def main() -> None:
    if MODE == "exit":
        sys.exit("no database here")
    if MODE == "flood":
        while True:
            sys.stdout.write("x" * 65_536)
    if MODE == "chatty":
        print("Welcome!\n\n{not json}", flush=True)
    for line in sys.stdin:
        message = json.loads(line)
        if MODE == "garbage":
            print("Traceback (most recent call last):", flush=True)
        elif MODE != "mute" and "id" in message:
            known = ("initialize", "tools/list", "tools/call")
            if message.get("method") in known:
                say({"id": message["id"], "result": answer(message["method"], message.get("params") or {})})
            else:
                say({"id": message["id"], "error": {"code": -32601, "message": "Method not found"}})


main()
