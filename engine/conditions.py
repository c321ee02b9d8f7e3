"""Conditions in CEL: ``run_if``, checked when the plan comes in and evaluated once, when all dependencies are settled;
and what a rule of the router asks of an input.

CEL has no I/O and no way out, and a library evaluates it; its errors are put into our words here. It has loops over
lists (``all``, ``exists``, ``map``, ``filter``), which multiply where they stand in each other, and the library ends
none of them: what an expression would take is judged by its text and the size of what it sees, before it runs.

An expression sees ``subtasks.KEY.{status, output, error}`` (keys with other characters as ``subtasks["KEY"]``),
``input``, the task's, and ``task`` with its ``id``, ``name`` and ``tags``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from engine.errors import Category, ToolError
from engine.model import Json

_KEY = re.compile(r"""\bsubtasks\s*(?:\.\s*([A-Za-z_][A-Za-z0-9_]*)|\[\s*(?:"([^"\\]+)"|'([^'\\]+)')\s*\])""")


MOST_CHARACTERS = 10_000
"""The library walks an expression by calling itself: a sum of 20,000 ones is more than a stack holds."""
MOST_LOOPS = 20
DEEPEST_LOOP = 3
MOST_COPIES = 2_000_000
"""Values that loops may copy, half a second of an engine that does nothing else meanwhile. ``map`` and ``filter`` copy
what they have at each step, and any loop copies what it names of the scope: 10,000 rows took 46 s.
"""
CHARACTERS_PER_COPY = 1_000
"""So many characters take as long as one value."""
MOST_JOINED = 2**30
"""Characters and places of lists that ``+`` may put together."""
FEW_SUMS = 100
"""So many ``+`` outside loops cost nothing to speak of."""

_SIGN = re.compile(
    r"\.\s*(all|exists|exists_one|existsOne|filter|map|optMap|optFlatMap|sortBy|transform\w*)\s*\(|[()+,]"
    r"|(?<![.\w])[A-Za-z_]\w*"
)
_JUDGES = frozenset({"all", "exists", "exists_one", "existsOne"})
"""Loops that make no list."""
_PLAIN_TEXT = re.compile(r"'[^'\\\n]*'|\"[^\"\\\n]*\"")
_ODD_TEXT = re.compile(r"""['"\\]|//""")


class NotReadable(ValueError):
    """The expression is no CEL, or more than may be evaluated."""


class _Shape(NamedTuple):
    """What an expression would do: ``depth`` loops in each other, ``loops`` in all, of which ``makers`` make lists;
    how many ``sums``; ``listed`` bounds the places of the lists that it writes out; the names that stand in loops.
    """

    depth: int
    loops: int
    makers: int
    sums: int
    listed: int
    inside: frozenset[str]


@lru_cache(maxsize=1024)
def _shape(expression: str) -> _Shape:
    """By its text. Quotes, brackets and commas inside plain texts are left out; where there are others, what may stand
    in each other counts as if it did.
    """
    bare = _PLAIN_TEXT.sub("''", expression)
    odd = _ODD_TEXT.search(bare.replace("''", "")) is not None
    depth = deepest = loops = makers = sums = commas = 0
    inside: set[str] = set()
    brackets: list[bool] = []
    for found in _SIGN.finditer(expression if odd else bare):
        sign = found[0]
        if sign == "+":
            sums += 1
        elif sign == ",":
            commas += 1
        elif sign == ")":
            depth -= bool(brackets) and brackets.pop()
        elif sign.endswith("("):
            brackets.append(sign != "(")
            depth += brackets[-1]
            loops += brackets[-1]
            makers += brackets[-1] and found[1] not in _JUDGES
            deepest = max(deepest, depth)
        elif depth or odd:
            inside.add(sign)
    return _Shape(loops if odd else deepest, loops, makers, sums, commas + 1, frozenset(inside))


def _refuse_too_much(expression: str) -> None:
    if len(expression) > MOST_CHARACTERS:
        raise NotReadable(f"it has more than {MOST_CHARACTERS:,} characters")
    shape = _shape(expression)
    if shape.loops > MOST_LOOPS:
        raise NotReadable(f"it has more than {MOST_LOOPS} loops (all, exists, map, filter)")
    if shape.depth > DEEPEST_LOOP:
        raise NotReadable(f"more than {DEEPEST_LOOP} of its loops (all, exists, map, filter) stand in each other")


def _refuse_long(expression: str, scope: Mapping[str, Json]) -> None:
    """Raises ``NotReadable`` where, with what it sees, it would take more than it may."""
    shape = _shape(expression)
    copies = shape.depth and (shape.makers or shape.depth > 1 or not shape.inside.isdisjoint(scope))
    joins = shape.sums and (shape.depth or shape.sums > FEW_SUMS)
    if not copies and not joins:
        return
    size = _size(scope)
    grown = (shape.sums + 1) ** shape.makers
    items = max(size.items, shape.listed) * grown
    values = (size.values + len(expression) + size.characters // CHARACTERS_PER_COPY) * grown
    if copies and shape.loops * items**shape.depth * values > MOST_COPIES:
        raise NotReadable(f"its loops would go over up to {size.items:,} items; let a subtask work that out before")
    longest = max(size.longest, len(expression)) * grown
    if joins and items ** min(shape.depth, 1) * shape.sums * longest > MOST_JOINED:
        raise NotReadable("it puts more together by + than may be done here; let a subtask work that out before")


class _Size(NamedTuple):
    """Of a value: how many there are in it, its characters, the items of its largest list or object, and the longest
    text or list.
    """

    values: int
    characters: int
    items: int
    longest: int


def _size(value: object) -> _Size:
    values = characters = items = longest = 0
    waiting = [value]
    while waiting:
        part = waiting.pop()
        values += 1
        if isinstance(part, (str, bytes)):
            characters += len(part)
            longest = max(longest, len(part))
        elif isinstance(part, Mapping):
            items = max(items, len(part))
            characters += sum(map(len, part))
            waiting.extend(part.values())
        elif isinstance(part, (list, tuple)):
            items = max(items, len(part))
            waiting.extend(part)
    return _Size(values, characters, items, max(items, longest))


@lru_cache(maxsize=1024)
def _program(expression: str) -> Any:
    import cel  # it loads a terminal library that takes a fifth of a second: only whoever has expressions waits for it

    _refuse_too_much(expression)
    try:
        return cel.compile(expression)
    except BaseException as error:
        raise NotReadable(_first_line(str(_foreseen(error)))) from None


def _foreseen(error: BaseException) -> BaseException:
    """The error of the library, which may be no ``Exception`` where it fails for good; raises any other."""
    if isinstance(error, Exception) or type(error).__name__ == "PanicException":
        return error
    raise error


def _value(expression: str, scope: Mapping[str, Json]) -> Any:
    program = _program(expression)
    _refuse_long(expression, scope)
    return program.execute(dict(scope))


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
            return str(_value(match[1], scope))
        except NotReadable as error:
            raise _unfit("limits", match[1], str(error)) from None
        except KeyError as error:
            raise _unfit("limits", match[1], f"there is no {error.args[0]!r}") from None
        except BaseException as error:  # the library raises what fits the operation
            raise _unfit("limits", match[1], _first_line(str(_foreseen(error)))) from None

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
        value = _value(expression, scope)
    except NotReadable as error:
        raise _unfit(field, expression, str(error)) from None
    except KeyError as error:
        raise _unfit(field, expression, f"there is no {error.args[0]!r}; ask with has(...) first") from None
    except BaseException as error:  # the library raises what fits the operation: TypeError, ZeroDivisionError, ...
        raise _unfit(field, expression, _first_line(str(_foreseen(error)))) from None
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
