"""``@tool``: marks a function as a subtask type. It only marks; ``ToolRegistry.load_modules`` collects.

There is no global register: what a module offers depends on the module alone, and importing it has no effect on an
engine that does not name it in AGENT03_TOOLS.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])

_ATTRIBUTE = "__subtask_type__"
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,99}")


@dataclass(frozen=True, slots=True)
class ToolMark:
    """What ``@tool`` says about its function."""

    name: str
    version: str
    deterministic: bool
    idempotent: bool
    refresh_credentials: Callable[[], object] | None = None
    environment: Mapping[str, str] = field(default_factory=dict)


def tool(
    name: str,
    *,
    version: str = "1",
    deterministic: bool = False,
    idempotent: bool = False,
    refresh_credentials: Callable[[], object] | None = None,
    environment: Mapping[str, str] | None = None,
) -> Callable[[F], F]:
    """Marks a function, async or not, as a tool. It stays callable as before.

    Its type hints and docstring become the input schema. A parameter with the hint ``RunContext`` is given the context
    of the run. It returns any JSON value. One that is not async runs in a thread of its own.

    Args:
        name: the subtask type, such as "resize_image".
        version: counts up when equal input may give other output than before.
        deterministic: equal input gives equal output, so a result may be reused.
        idempotent: running it twice does no more than running it once, so it may be repeated after a crash.
        refresh_credentials: gets fresh credentials, async or not; called before the one repeat of an attempt that
            ended with an error of category permission. If it raises there is no repeat.
        environment: what else the output depends on, by name, such as ``{"numpy": numpy.__version__}``: a result is
            reused only where it is the same.

    Raises:
        TypeError: used without a name, as a bare ``@tool``.
        ValueError: a name that no subtask type can have.
    """
    if not isinstance(name, str):
        raise TypeError('write @tool("a_name") above the function')
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} is no name for a tool: use letters, digits, _ . and -, beginning with a letter")

    def mark(function: F) -> F:
        says = ToolMark(name, version, deterministic, idempotent, refresh_credentials, environment or {})
        setattr(function, _ATTRIBUTE, says)
        return function

    return mark


def mark_of(thing: object) -> ToolMark | None:
    """The mark of a function; None for anything else."""
    found = getattr(thing, _ATTRIBUTE, None)
    return found if isinstance(found, ToolMark) and callable(thing) else None
