"""What a source file defines, from its own parser: Python's. Files in other languages come without symbols. Pure."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from engine.model import Value

MOST_SYMBOLS = 500
"""Symbols that are told of one file."""


class SymbolInfo(Value, frozen=True):
    """One definition: ``kind`` is "class", "function" or "method", lines count from 1, ``about`` is the first line of
    its docstring.
    """

    name: str
    kind: str
    line: int
    end_line: int
    signature: str = ""
    about: str = ""


def symbols_of(path: str, text: str) -> list[SymbolInfo]:
    """The classes, functions and methods of a Python file; none of any other, or of one that does not parse."""
    if not path.endswith((".py", ".pyi")):
        return []
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    return list(_found(tree, ""))[:MOST_SYMBOLS]


def _found(node: ast.Module | ast.ClassDef, inside: str) -> Iterator[SymbolInfo]:
    for child in node.body:
        if isinstance(child, ast.ClassDef):
            yield _symbol(child, f"{inside}{child.name}", "class", "")
            yield from _found(child, f"{inside}{child.name}.")
        elif isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            kind = "method" if inside else "function"
            yield _symbol(child, f"{inside}{child.name}", kind, f"({ast.unparse(child.args)})")


def _symbol(
    node: ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef, name: str, kind: str, signature: str
) -> SymbolInfo:
    about = (ast.get_docstring(node) or "").strip().split("\n")[0]
    return SymbolInfo(name, kind, node.lineno, node.end_lineno or node.lineno, signature[:500], about[:200])
