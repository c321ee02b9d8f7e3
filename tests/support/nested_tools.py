"""Tools that another process cannot find."""

from __future__ import annotations

from collections.abc import Callable

from engine import tool


def _made() -> Callable[[], str]:
    @tool("nested")
    def inner() -> str:
        """It is defined inside of another function."""
        return "inner"

    return inner


nested = _made()


@tool("hidden")
def found() -> str:
    """Its module has it under another name than its own."""
    return "found"


shown = found
del found
