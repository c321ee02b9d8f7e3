"""What a caller may write as SQL: one expression over the columns, or one SELECT over the table ``rows``.

DuckDB's own parser reads it, so what is judged is what will run. Nothing here looks at data.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from engine.tools.rows.database import parsed

MAX_LENGTH = 10_000
_TABLE_FUNCTIONS = {"range", "generate_series", "unnest", "json_each", "json_tree", "values"}
_NO_FUNCTIONS = {"current_setting", "getenv", "getvariable"}
SPLITTABLE = {"sum": "sum", "count": "count", "count_star": "count", "min": "min", "max": "max"} | {
    "avg": "mean",
    "mean": "mean",
}
"""Aggregates whose parts can be merged, and what they are called in a partial result."""


class ExpressionFault(ValueError):
    """A text that may not run; the message says why."""


@dataclass(frozen=True, slots=True)
class Aggregate:
    """An aggregate that can be merged: what it is called, and the text of its argument ("" for ``count(*)``)."""

    function: str
    argument: str


def check_expression(text: str) -> dict[str, Any]:
    """The tree of one expression; raises ``ExpressionFault``."""
    if len(text) > MAX_LENGTH:
        raise ExpressionFault(f"has more than {MAX_LENGTH} characters")
    if not text.strip():
        raise ExpressionFault("is empty; write an expression such as amount > 10")
    node = _only_node(f"SELECT (\n{text}\n)")
    alone = node.get("type") == "SELECT_NODE" and len(node.get("select_list", [])) == 1
    rest = [
        node.get(name) for name in ("where_clause", "having", "qualify", "sample", "group_expressions", "modifiers")
    ]
    if not alone or any(rest) or node.get("from_table", {}).get("type") != "EMPTY":
        raise ExpressionFault("must be one expression, such as amount > 10")
    tree: dict[str, Any] = node["select_list"][0]
    if tree.get("class") == "STAR":
        raise ExpressionFault("must be one expression, such as amount > 10")
    _only_rows(tree)
    return tree


def check_query(text: str) -> None:
    """Raises ``ExpressionFault`` unless it is one SELECT that reads nothing but ``rows``."""
    if len(text) > MAX_LENGTH:
        raise ExpressionFault(f"has more than {MAX_LENGTH} characters")
    _only_rows(_only_node(text))


def aggregate_of(text: str) -> Aggregate | None:
    """The aggregate that a checked expression is, when its parts can be merged; None for any other expression."""
    tree = check_expression(text)
    if tree.get("class") != "FUNCTION" or tree.get("distinct") or tree.get("filter"):
        return None
    function = SPLITTABLE.get(str(tree.get("function_name")).lower())
    arguments = tree.get("arguments") or tree.get("children") or []
    ordered = (tree.get("order_bys") or {}).get("orders")
    if function is None or ordered or len(arguments) > 1 or any(_looks_further(argument) for argument in arguments):
        return None
    found = re.fullmatch(r"\s*\w+\s*\((.*)\)\s*", text, re.DOTALL)
    if found is None:
        return None
    inside = found[1].strip()
    return Aggregate(function, "" if inside == "*" or not arguments else inside)


def _only_node(sql: str) -> dict[str, Any]:
    found = parsed(sql)
    if found.get("error"):
        raise ExpressionFault(_complaint(found))
    statements = found.get("statements", [])
    if len(statements) != 1:
        raise ExpressionFault("must be one statement; there are " + str(len(statements)))
    node: dict[str, Any] = statements[0]["node"]
    return node


def _complaint(found: dict[str, Any]) -> str:
    message = str(found.get("error_message", "")).splitlines()[0]
    if "Only SELECT" in message:
        return "must be a SELECT over the table rows"
    return f"cannot be read: {message}"


def _only_rows(tree: dict[str, Any]) -> None:
    names = {"rows"} | {name.lower() for node in _nodes(tree) for name in _with_names(node)}
    for node in _nodes(tree):
        kind = node.get("type")
        if kind == "BASE_TABLE" and (node.get("schema_name") or str(node.get("table_name")).lower() not in names):
            raise ExpressionFault(f"reads {node.get('table_name')!r}; the only table is rows")
        if kind == "TABLE_FUNCTION":
            name = str((node.get("function") or {}).get("function_name", "")).lower()
            if name not in _TABLE_FUNCTIONS:
                raise ExpressionFault(f"reads from {name}(), which is not allowed; the only table is rows")
        if kind == "SHOW_REF":
            raise ExpressionFault("must be a SELECT over the table rows")
        if str(node.get("function_name", "")).lower() in _NO_FUNCTIONS:
            raise ExpressionFault(f"calls {node['function_name']}, which is not allowed")


def _with_names(node: dict[str, Any]) -> list[str]:
    """The names that WITH gives, wherever it stands."""
    entries = (node.get("cte_map") or {}).get("map") or []
    return [str(entry["key"]) for entry in entries if "key" in entry] + (
        [str(node["cte_name"])] if node.get("cte_name") else []
    )


def _looks_further(tree: Any) -> bool:
    """Whether there is a query or a window inside, which looks at other rows."""
    return any(node.get("class") in ("SUBQUERY", "WINDOW") for node in _nodes(tree))


def _nodes(tree: Any) -> Iterator[dict[str, Any]]:
    """Every object in a tree."""
    waiting = [tree]
    while waiting:
        found = waiting.pop()
        if isinstance(found, dict):
            yield found
            waiting.extend(found.values())
        elif isinstance(found, list):
            waiting.extend(found)
