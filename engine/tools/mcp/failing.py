"""Why there is no connection, and what broke in the middle of a call: an error with a category for each cause. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from engine.errors import Category, ToolError
from engine.tools.mcp.answers import CONNECTION_CLOSED, STATUS, UNREACHED, Lost, away, lost, refused, words

if TYPE_CHECKING:
    from engine.tools.mcp.pipes import Ending


def why_away(name: str, error: BaseException, ending: Ending | None) -> ToolError:
    """Why a server of that name is not connected; ``ending`` is how its process has ended, if it is one."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if ending is not None and ending.error is not None:
        error = ending.error
    if isinstance(error, ToolError):
        return error
    if isinstance(error, TimeoutError):
        said = f"; it printed {words(ending.stray.decode(errors='replace'))!r}" if ending and ending.stray else ""
        return ToolError(
            f"the MCP server {name} does not answer within its time{said}",
            category=Category.TIMEOUT,
            suggestion="Look whether it speaks MCP, or raise limits.connect_seconds.",
        )
    if ending is not None and ending.exit_code is not None:
        return away(name, ending.why())
    if isinstance(error, ValidationError):
        found = [f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors()[:3]]
        return ToolError(
            f"the MCP server {name} says what the protocol does not know: {words('; '.join(found))}",
            category=Category.CONFIGURATION,
            suggestion="Tell whoever wrote the server.",
        )
    if _is_protocol_error(error):
        return refused(name, error.code, error.message, error.data)  # type: ignore[attr-defined]
    return away(name, f"{type(error).__name__}: {error}")


def _is_protocol_error(error: BaseException) -> bool:
    from mcp.shared.exceptions import MCPError

    return isinstance(error, MCPError)


def breaks(error: Any) -> bool:
    """Whether an error of the protocol means that the connection is none any more."""
    details = error.data if isinstance(error.data, dict) else {}
    return error.code == CONNECTION_CLOSED or UNREACHED in details or details.get(STATUS) == 404


def in_call(name: str, error: Any, ending: Ending | None) -> ToolError:
    """What an error of the protocol means for the call that it answers."""
    if error.code != CONNECTION_CLOSED or isinstance(error.data, dict):
        return refused(name, error.code, error.message, error.data)
    if ending is not None and isinstance(ending.error, ToolError):
        return once_more(ending.error)
    known = ending is not None and ending.exit_code is not None
    return lost(name, ending.why() if known and ending is not None else "the connection ended")


def not_as_promised(name: str, error: Exception) -> ToolError:
    """An answer does not fit the schema that the server has given for it."""
    return ToolError(
        f"the answer of the MCP server {name} is not what it has promised: {words(str(error).partition(chr(10))[0])}",
        category=Category.LOGIC,
        suggestion="Tell whoever wrote the server.",
    )


def once_more(error: ToolError, message: str | None = None) -> ToolError:
    """The same as another exception: one that is raised twice grows."""
    kind = Lost if isinstance(error, Lost) else ToolError
    return kind(
        str(error) if message is None else message,
        category=error.category,
        suggestion=error.suggestion,
        output=error.output,
        delay=error.delay,
    )
