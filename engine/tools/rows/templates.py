"""Texts from templates. The only file that knows jinja2.

A template comes from a caller, so it runs in jinja2's sandbox, and without what could make much out of little: no
macros, no blocks that are assigned, no multiplied texts, a short list of filters, an output of limited length.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

MAX_OUTPUT = 10_000_000
"""Characters that a template may give."""
_MAX_PIECE = 1_000_000
"""Characters or items that one operation inside a template may give."""
_FILTERS = [
    "abs",
    "capitalize",
    "default",
    "d",
    "dictsort",
    "e",
    "escape",
    "first",
    "float",
    "groupby",
    "int",
    "items",
    "join",
    "last",
    "length",
    "count",
    "list",
    "lower",
    "map",
    "max",
    "min",
    "reject",
    "rejectattr",
    "replace",
    "round",
    "select",
    "selectattr",
    "sort",
    "string",
    "striptags",
    "sum",
    "title",
    "tojson",
    "trim",
    "truncate",
    "unique",
    "upper",
    "urlencode",
    "wordcount",
]
_NO_METHODS = {
    *("center", "expandtabs", "format", "format_map", "join", "ljust", "replace", "rjust", "translate", "zfill"),
}


class TemplateFault(ValueError):
    """A template that cannot be filled in; the message says why."""


def check_template(text: str) -> None:
    """Raises ``TemplateFault`` for what can be seen without data."""
    from jinja2 import TemplateError, nodes

    try:
        tree = _environment().parse(text)
    except TemplateError as error:
        raise TemplateFault(f"line {getattr(error, 'lineno', 1)}: {error.message}") from None
    except RecursionError:
        raise TemplateFault("is nested too deeply") from None
    refused: tuple[type[nodes.Node], ...] = (nodes.Macro, nodes.CallBlock, nodes.AssignBlock, nodes.FilterBlock)
    refused += (nodes.Include, nodes.Import)
    refused += (nodes.FromImport, nodes.Extends, nodes.Block)
    if (found := next(tree.find_all(refused), None)) is not None:
        raise TemplateFault(
            f"line {found.lineno}: {type(found).__name__.lower()} is not taken; use loops and conditions"
        )


def fill(text: str, variables: Mapping[str, Any]) -> str:
    """The text of a checked template; raises ``TemplateFault``."""
    from jinja2 import TemplateError

    try:
        pieces: list[str] = []
        length = 0
        for piece in _environment().from_string(text).generate(dict(variables)):
            pieces.append(piece)
            length += len(piece)
            if length > MAX_OUTPUT:
                raise TemplateFault(f"gives more than {MAX_OUTPUT} characters")
        return "".join(pieces)
    except TemplateError as error:
        raise TemplateFault(str(error.message)) from None
    except (ArithmeticError, TypeError, ValueError, LookupError, AttributeError) as error:
        raise TemplateFault(str(error)) from None


@cache
def _environment() -> Any:
    from jinja2 import StrictUndefined
    from jinja2.compiler import CodeGenerator
    from jinja2.exceptions import SecurityError
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    class Generator(CodeGenerator):
        """``a ~ b`` becomes a call that looks at the lengths."""

        def visit_Concat(self, node: Any, frame: Any) -> None:
            self.write("environment.joined((")
            for part in node.nodes:
                self.visit(part, frame)
                self.write(", ")
            self.write("))")

    class Environment(ImmutableSandboxedEnvironment):
        """The sandbox, with limits."""

        code_generator_class = Generator
        intercepted_binops = frozenset({"+", "*", "**", "%"})

        def joined(self, parts: tuple[Any, ...]) -> str:
            texts = [str(part) for part in parts]
            _limited(sum(map(len, texts)))
            return "".join(texts)

        def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
            if operator in ("*", "**", "%") and not all(isinstance(side, (int, float)) for side in (left, right)):
                raise SecurityError(f"{operator} takes numbers only")
            if operator == "**" and abs(right) > 100:
                raise SecurityError("an exponent is at most 100")
            if operator == "+" and hasattr(left, "__len__") and hasattr(right, "__len__"):
                _limited(len(left) + len(right))
            found = super().call_binop(context, operator, left, right)
            if isinstance(found, int) and found.bit_length() > 10_000:
                raise SecurityError("a number has more than 3,000 digits")
            return found

        def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
            return attr not in _NO_METHODS and bool(super().is_safe_attribute(obj, attr, value))

    found = Environment(undefined=StrictUndefined, autoescape=False, keep_trailing_newline=True)
    found.filters = {name: found.filters[name] for name in _FILTERS}
    found.filters |= {"join": _joining(found.filters["join"]), "replace": _replaced}
    for name in ("cycler", "joiner", "lipsum", "namespace"):
        found.globals.pop(name, None)
    return found


def _limited(size: int) -> None:
    if size > _MAX_PIECE:
        raise TemplateFault(f"an operation gives more than {_MAX_PIECE} characters")


def _joining(join: Callable[..., Any]) -> Callable[..., Any]:
    """The filter with a look at what comes out. It is called with the context of the evaluation first."""
    from jinja2 import pass_eval_context

    @pass_eval_context
    def joined(context: Any, value: Any, d: str = "", attribute: Any = None) -> Any:
        items = list(value)
        _limited(len(items) * max(len(str(d)), 1))
        return join(context, items, d, attribute)

    return joined


def _replaced(value: Any, old: str, new: str, count: int | None = None) -> str:
    text = str(value)
    times = text.count(old) if count is None else min(count, text.count(old))
    _limited(len(text) + times * max(len(new) - len(old), 0))
    return text.replace(old, new, -1 if count is None else count)
