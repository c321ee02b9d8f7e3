"""What a server says of a tool, taken down once and checked: its name, schemas, and what it can do. Pure.

A server is not believed more than it must be: a name or schema that cannot be used leaves the tool out, and what it
does not say of itself is taken for the worst, as the protocol wants it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from engine.model import Json, Value
from engine.toolport import Risk
from engine.tools.json_schema import SchemaFault, check_schema
from engine.tools.mcp.config import Server

MOST_TOOLS = 500
"""Of one server; what is beyond is left out."""
MOST_DESCRIPTION = 10_000
"""Characters of a description that are kept."""
MOST_SCHEMA = 256 * 1024
"""Bytes of a schema as JSON."""
_STRANGE = re.compile(r"[^A-Za-z0-9_.-]")
_LONGEST = 120


class Sheet(Value, frozen=True):
    """One tool of a server. ``called`` is its name there, ``name`` the same as part of a subtask type."""

    called: str
    name: str
    description: str
    input_schema: dict[str, Any]
    output_schema: dict[str, Any]
    risk: Risk
    idempotent: bool
    version: str


class Listing(Value, frozen=True):
    """The tools of a server, by name, and why others were left out, a line each."""

    sheets: Mapping[str, Sheet] = {}
    left_out: Sequence[str] = ()


def listing(tools: Iterable[Mapping[str, Any]], server: Server) -> Listing:
    """The tools that a server has listed, each as the protocol writes it."""
    sheets: dict[str, Sheet] = {}
    left_out: list[str] = []
    wanted = None if server.tools is None else set(server.tools)
    for tool in tools:
        called = str(tool.get("name", ""))
        if wanted is not None and called not in wanted:
            continue
        name = _STRANGE.sub("_", called)
        if why := _fault(tool, name, sheets):
            left_out.append(f"{called[:100]!r} {why}")
        else:
            sheets[name] = _sheet(tool, called, name, server)
    if wanted is not None and (missing := sorted(wanted - {sheet.called for sheet in sheets.values()})):
        left_out += [f"{called!r} is named under tools, and the server has none" for called in missing[:20]]
    return Listing(sheets, left_out)


def _fault(tool: Mapping[str, Any], name: str, known: Mapping[str, Sheet]) -> str:
    """Why a tool cannot be used; "" when it can."""
    if not name or len(name) > _LONGEST:
        return f"has a name of {len(name)} characters; 1 to {_LONGEST} can be used"
    if name in known:
        return f"is called like another one ({name})"
    if len(known) >= MOST_TOOLS:
        return f"is one too many: {MOST_TOOLS} are the most"
    for field in ("inputSchema", "outputSchema"):
        schema = tool.get(field)
        if schema is None and field == "outputSchema":
            continue
        if not isinstance(schema, dict) or len(msgspec.json.encode(schema)) > MOST_SCHEMA:
            return f"has no usable {field}: an object of up to {MOST_SCHEMA:,} bytes"
        try:
            check_schema(schema)
        except SchemaFault as fault:
            return f"has an {field} that {fault}"
    return ""


def _sheet(tool: Mapping[str, Any], called: str, name: str, server: Server) -> Sheet:
    hints = tool.get("annotations") or {}
    about = str(tool.get("description") or tool.get("title") or "")[:MOST_DESCRIPTION]
    read_only = hints.get("readOnlyHint") is True
    described = [called, about, tool["inputSchema"], tool.get("outputSchema")]
    return Sheet(
        called=called,
        name=name,
        description=about,
        input_schema=tool["inputSchema"],
        output_schema=tool.get("outputSchema") or {},
        risk=server.risk.get(called) or risk_of(hints),
        idempotent=read_only or hints.get("idempotentHint") is True or called in server.idempotent,
        version=hashlib.sha256(msgspec.json.encode(described)).hexdigest()[:12],
    )


def risk_of(hints: Mapping[str, Json]) -> Risk:
    """What a tool can do by its annotations. Without a word it may destroy: that is what the protocol says."""
    if hints.get("readOnlyHint") is True:
        return "read"
    return "write" if hints.get("destructiveHint") is False else "dangerous"
