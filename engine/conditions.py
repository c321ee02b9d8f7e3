"""Conditions in CEL: ``run_if``, checked when the plan comes in and evaluated once, when all dependencies are settled;
and what a rule of the router asks of an input.

CEL has no loops, no I/O and no way out, and a library evaluates it; only its errors are put into our words here.
An expression sees ``subtasks.KEY.{status, output, error}`` (keys with other characters as ``subtasks["KEY"]``),
``input``, the task's, and ``task`` with its ``id``, ``name`` and ``tags``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from engine.errors import Category, ToolError
from engine.model import Json

_KEY = re.compile(r"""\bsubtasks\s*(?:\.\s*([A-Za-z_][A-Za-z0-9_]*)|\[\s*(?:"([^"\\]+)"|'([^'\\]+)')\s*\])""")


class NotReadable(ValueError):
    """The expression is no CEL."""


@lru_cache(maxsize=1024)
def _program(expression: str) -> Any:
    import cel  # it loads a terminal library that takes a fifth of a second: only whoever has expressions waits for it

    try:
        return cel.compile(expression)
    except ValueError as error:
        raise NotReadable(_first_line(str(error))) from None


def check(expression: str) -> None:
    """Raises ``NotReadable``, with what is wrong and where, unless the expression can be evaluated."""
    _program(expression)


def keys(expression: str) -> list[str]:
    """The subtasks that the expression names, in the order of their first mention."""
    found = ("".join(parts) for parts in _KEY.findall(expression))
    return list(dict.fromkeys(found))


_PART = re.compile(r"\{\{(.+?)\}\}", re.DOTALL)


def check_text(text: str) -> None:
    """The same of a text with expressions in double braces."""
    for part in _PART.findall(text):
        _program(part)


def text(text: str, scope: Mapping[str, Json]) -> str:
    """A text with what its expressions in double braces give.

    Raises:
        ToolError: (configuration) something that one names is not there.
    """

    def given(match: re.Match[str]) -> str:
        try:
            return str(_program(match[1]).execute(dict(scope)))
        except NotReadable as error:
            raise _unfit("limits", match[1], str(error)) from None
        except KeyError as error:
            raise _unfit("limits", match[1], f"there is no {error.args[0]!r}") from None
        except Exception as error:  # the library raises what fits the operation
            raise _unfit("limits", match[1], _first_line(str(error))) from None

    return _PART.sub(given, text)


def holds(expression: str, scope: Mapping[str, Json], field: str = "run_if") -> bool:
    """Whether the expression is true.

    Args:
        expression: CEL, already checked.
        scope: ``subtasks``, ``input`` and ``task``, or whatever it may see.
        field: where it stands, for errors.

    Raises:
        ToolError: (configuration) something that it names is not there, or it gives anything but true or false.
    """
    try:
        value = _program(expression).execute(dict(scope))
    except NotReadable as error:
        raise _unfit(field, expression, str(error)) from None
    except KeyError as error:
        raise _unfit(field, expression, f"there is no {error.args[0]!r}; ask with has(...) first") from None
    except Exception as error:  # the library raises what fits the operation: TypeError, ZeroDivisionError, ...
        raise _unfit(field, expression, _first_line(str(error))) from None
    if not isinstance(value, bool):
        raise _unfit(field, expression, f"it gives {type(value).__name__}, not true or false")
    return value


def _first_line(text: str) -> str:
    line = next((line for line in text.splitlines() if line.strip()), "it cannot be read")
    _, marker, rest = line.partition("ERROR: ")
    return (rest if marker else line).strip()[:300]


def _unfit(field: str, expression: str, why: str) -> ToolError:
    shown = expression if len(expression) <= 100 else f"{expression[:97]}..."
    return ToolError(
        f"{field} {shown!r} cannot be evaluated: {why}",
        category=Category.CONFIGURATION,
        suggestion="Correct the expression, or what the subtask that it names gives.",
    )
