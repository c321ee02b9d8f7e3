"""Docstrings under the fields of a model become descriptions in its JSON Schema, once somebody asks for the schema.

pydantic's own ``use_attribute_docstrings`` reads the source of each class while the class is made: a fifth of a second
for each start of a process that may never show a schema.
"""

from __future__ import annotations

import ast
import inspect
import sys
from functools import cache
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo


def described(schema: dict[str, Any], model: type[BaseModel]) -> None:
    """Adds a description to each property that has none: ``json_schema_extra`` of a model's configuration."""
    properties: dict[str, dict[str, Any]] = schema.get("properties", {})
    for name, field in model.model_fields.items():
        text = docstring(model, name)
        shown = next((key for key in _keys(name, field) if key in properties), None)
        if text and shown:
            properties[shown].setdefault("description", text)


def docstring(model: type, name: str) -> str:
    """What stands under a field where it was declared last; "" where nothing does, or the source is not there."""
    owner = next((base for base in model.__mro__ if name in inspect.get_annotations(base)), None)
    return _docstrings(owner.__module__).get(f"{owner.__qualname__}.{name}", "") if owner else ""


def _keys(name: str, field: FieldInfo) -> tuple[str, ...]:
    aliases = (field.alias, field.serialization_alias, field.validation_alias)
    return (name, *(alias for alias in aliases if isinstance(alias, str)))


@cache
def _docstrings(module: str) -> dict[str, str]:
    """The docstrings under fields of all classes of a module, by qualified name."""
    try:
        tree = ast.parse(inspect.getsource(sys.modules[module]))
    except (OSError, TypeError, KeyError):
        return {}
    found: dict[str, str] = {}
    _collect(tree, "", found)
    return found


def _collect(node: ast.AST, inside: str, found: dict[str, str]) -> None:
    body: list[ast.stmt] = getattr(node, "body", [])
    for statement, after in zip(body, [*body[1:], None], strict=True):
        if isinstance(statement, ast.ClassDef):
            _collect(statement, f"{inside}{statement.name}.", found)
        elif isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
            _collect(statement, f"{inside}{statement.name}.<locals>.", found)
        elif (
            isinstance(statement, ast.AnnAssign)
            and isinstance(statement.target, ast.Name)
            and isinstance(after, ast.Expr)
            and isinstance(after.value, ast.Constant)
            and isinstance(after.value.value, str)
        ):
            found[f"{inside}{statement.target.id}"] = inspect.cleandoc(after.value.value)
