"""What comes back from a call, as the output of a subtask or as an error with a category. Pure.

A tool that says of itself that it has failed may work at another time or never; nobody knows, so that is ``logic`` and
is not repeated. What kept a call from being answered has the category of its cause.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from engine.errors import Category, ToolError
from engine.model import Json

MOST_WORDS = 2_000
"""Characters of what a tool says about its failure."""
STATUS = "http_status"
"""In the data of an error of ours: the status that a server over HTTP has answered."""
UNREACHED = "unreached"
"""In the data of an error of ours: why a server over HTTP gave no answer."""
TOO_LONG = "too_long"
"""In the data of an error of ours: how many bytes an answer may have."""
CONNECTION_CLOSED, REQUEST_TIMEOUT = -32000, -32001
INVALID_PARAMS, METHOD_NOT_FOUND = -32602, -32601
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


class Lost(ToolError):
    """A call went out and no answer came back: it may have been carried out."""

    category = Category.TRANSIENT


def output_of(result: Mapping[str, Any]) -> dict[str, Json]:
    """``{"text", "structured", "content"}``: its text in one piece, its structured content, what is no text.

    Raises:
        ToolError: the tool says that it has failed (logic).
    """
    blocks = [block for block in result.get("content") or [] if isinstance(block, dict)]
    text = "\n".join(str(block.get("text", "")) for block in blocks if block.get("type") == "text")
    structured = result.get("structuredContent")
    if result.get("isError"):
        raise ToolError(
            words(text) or "it says that it has failed, and not why",
            category=Category.LOGIC,
            suggestion="Look at the input; give the subtask retry where another try may help.",
            output=structured,
        )
    others = [block for block in blocks if block.get("type") != "text"]
    return {"text": text, "structured": structured, "content": others}


def words(text: str) -> str:
    """What another program says, fit for a message: cut, and without what moves a terminal's cursor."""
    text = _CONTROL.sub(" ", text).strip()
    return text if len(text) <= MOST_WORDS else f"{text[:MOST_WORDS]}... ({len(text) - MOST_WORDS:,} more characters)"


def refused(server: str, code: int, message: str, data: object) -> ToolError:
    """An error in place of an answer."""
    details = data if isinstance(data, dict) else {}
    status, said = details.get(STATUS), words(message)
    if isinstance(status, int):
        return _status(server, status, details.get("retry_after"))
    if why := details.get(UNREACHED):
        return lost(server, str(why)) if details.get("sent") else away(server, str(why))
    if most := details.get(TOO_LONG):
        return too_long(server, int(str(most)))
    if code == CONNECTION_CLOSED:
        return lost(server, "the connection ended")
    if code == REQUEST_TIMEOUT:
        return ToolError(f"the MCP server {server} did not answer in time", category=Category.TIMEOUT)
    if code in (INVALID_PARAMS, METHOD_NOT_FOUND):
        return ToolError(
            f"the MCP server {server} refuses the call: {said}",
            category=Category.CONFIGURATION,
            suggestion="Correct the input; GET /tools has the schema.",
        )
    return ToolError(f"the MCP server {server} failed: {said or f'error {code}'}", category=Category.LOGIC)


def away(server: str, why: str) -> ToolError:
    """There is no connection, or none any more."""
    return ToolError(
        f"the MCP server {server} is away: {words(why)}",
        category=Category.TRANSIENT,
        suggestion="Look at GET /tools for its health; start it, or correct its entry in MCP_SERVERS.",
    )


def lost(server: str, why: str) -> Lost:
    """The connection broke in the middle of a call."""
    return Lost(
        f"the MCP server {server} has not answered, and nobody knows whether it has done it: {words(why)}",
        suggestion="Look whether it has, before you repeat it.",
    )


def too_long(server: str, most: int) -> Lost:
    """An answer was longer than is read."""
    return Lost(
        f"the MCP server {server} answers with more than {most:,} bytes",
        category=Category.RESOURCE,
        suggestion="Ask for less, or raise limits.output_bytes of the server.",
    )


def _status(server: str, status: int, retry_after: object) -> ToolError:
    """The category of a status of HTTP, as ``http_request`` has it."""
    delay = float(retry_after) if isinstance(retry_after, int | float) else None
    text = f"the MCP server {server} answers {status}"
    if status in (401, 403):
        return ToolError(
            text,
            category=Category.PERMISSION,
            suggestion="Its headers in MCP_SERVERS, and the secret that they name, should be what it wants to see.",
        )
    if status in (404, 408, 425, 429) or status >= 500:  # 404: it has forgotten the session
        return ToolError(text, category=Category.TRANSIENT, suggestion="Look at its log.", delay=delay)
    return ToolError(text, category=Category.CONFIGURATION, suggestion="Its url in MCP_SERVERS may be wrong.")
