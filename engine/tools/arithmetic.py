"""Arithmetic on an expression's syntax tree: nothing of the text is ever executed as code.

Integers are exact. Every operation is priced before it is done, by the size of what goes in and what would come out,
so that no expression holds up the engine: 9**9**9 is refused, not computed. Limits: 2,000 characters, 100 levels,
65,536 bits for an intermediate integer, and a budget of work that is spent in some hundredths of a second.
"""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from engine.tools.arithmetic_prices import FUNCTIONS, PRICES, TooMuchWork, Value, product, size, words

MAX_LENGTH = 2000
MAX_DEPTH = 100
MAX_WORK = 30_000_000
"""Products of two 30-bit digits, about a nanosecond each."""


class ExpressionFault(ValueError):
    """The text is no expression of this language."""


CONSTANTS: Mapping[str, Value] = {"pi": math.pi, "e": math.e, "tau": math.tau, "True": True, "False": False}
_UNARY: Mapping[type[ast.unaryop], Callable[[Any], Any]] = {
    ast.UAdd: operator.pos,
    ast.USub: operator.neg,
    ast.Invert: operator.invert,
}
_BINARY: Mapping[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
    ast.LShift: operator.lshift,
    ast.RShift: operator.rshift,
    ast.BitAnd: operator.and_,
    ast.BitOr: operator.or_,
}
_COMPARE: Mapping[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
_ALLOWED = (
    *(ast.Constant, ast.Name, ast.Load, ast.List, ast.Tuple, ast.UnaryOp, ast.BinOp, ast.BoolOp, ast.Compare),
    *(ast.IfExp, ast.Call, ast.Not, ast.And, ast.Or, *_UNARY, *_BINARY, *_COMPARE),
)


def parse(text: str) -> ast.expr:
    """The syntax tree of an expression that uses this language only.

    Raises:
        ExpressionFault: too long, too deep, or with something in it that is not arithmetic.
    """
    if len(text) > MAX_LENGTH:
        raise ExpressionFault(f"is longer than {MAX_LENGTH} characters; split it into several subtasks")
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except SyntaxError as error:
        hint = "; write factorial(n)" if "!" in text.replace("!=", "") else ""
        raise ExpressionFault(f"cannot be read at character {error.offset or 0}: {error.msg}{hint}") from None
    except (ValueError, RecursionError, MemoryError):
        raise ExpressionFault("cannot be read: nested too deep, or a character that does not belong") from None
    _inspect(tree)
    return tree


def names(tree: ast.expr) -> set[str]:
    """The variables that the expression needs."""
    called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    found = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and id(node) not in called}
    return found - CONSTANTS.keys()


def evaluate(tree: ast.expr, variables: Mapping[str, Value]) -> Value:
    """The value of a parsed expression.

    Raises:
        TooMuchWork: it passes the limits.
        ArithmeticError, ValueError, TypeError: what arithmetic itself refuses, such as 1/0 or sqrt(-1).
    """
    return _Evaluation({**CONSTANTS, **variables}).value(tree)


def _inspect(tree: ast.expr) -> None:
    waiting: list[tuple[ast.AST, int]] = [(tree, 1)]
    while waiting:
        node, depth = waiting.pop()
        _inspect_node(node)
        if depth > MAX_DEPTH:
            raise ExpressionFault(f"is nested deeper than {MAX_DEPTH} levels; split it into several subtasks")
        chained = node.left if isinstance(node, ast.BinOp) else None  # a + b + c is a chain, evaluated in a loop
        waiting += [(child, depth + (child is not chained)) for child in ast.iter_child_nodes(node)]


def _inspect_node(node: ast.AST) -> None:
    if isinstance(node, ast.BitXor):
        raise ExpressionFault("uses ^; write ** for a power")
    if isinstance(node, ast.Constant) and type(node.value) not in (int, float, bool):
        raise ExpressionFault(f"holds {node.value!r}; only numbers can be written in an expression")
    if isinstance(node, ast.Call) and (not isinstance(node.func, ast.Name) or node.keywords):
        raise ExpressionFault("calls something in a way that is not arithmetic; write function(number, ...)")
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id not in FUNCTIONS:
        raise ExpressionFault(f"calls {node.func.id}; there are: {', '.join(sorted(FUNCTIONS))}")
    if not isinstance(node, _ALLOWED):
        raise ExpressionFault(f"uses {type(node).__name__}, which is not arithmetic")


class _Evaluation:
    """One walk over one tree, with its budget."""

    def __init__(self, scope: Mapping[str, Value]) -> None:
        self._scope = scope
        self._left = MAX_WORK

    def spend(self, work: float) -> None:
        """Takes from the budget before the work is done."""
        self._left -= int(min(work, MAX_WORK + 1)) + 1
        if self._left < 0:
            raise TooMuchWork("the expression takes too much work")

    def value(self, node: ast.expr) -> Value:
        match node:
            case ast.Constant(value=value):
                return value
            case ast.Name(id=name):
                if name not in self._scope:
                    raise ExpressionFault(f"uses {name}, which is no variable")
                return self._scope[name]
            case ast.List(elts=items) | ast.Tuple(elts=items):
                return [self.value(item) for item in items]
            case ast.UnaryOp(op=op, operand=operand):
                return self._unary(op, self.value(operand))
            case ast.BinOp():
                return self._chain(node)
            case ast.BoolOp(op=op, values=values):
                return self._boolean(op, values)
            case ast.Compare():
                return self._comparison(node)
            case ast.IfExp(test=test, body=body, orelse=orelse):
                return self.value(body if self.value(test) else orelse)
            case ast.Call(func=ast.Name(id=name), args=args):
                return self._call(name, [self.value(arg) for arg in args])
        raise ExpressionFault(f"uses {type(node).__name__}, which is not arithmetic")

    def _unary(self, op: ast.unaryop, operand: Value) -> Value:
        if isinstance(op, ast.Not):
            return not operand
        _numbers(operand)
        self.spend(words(operand))
        return _UNARY[type(op)](operand)

    def _chain(self, node: ast.expr) -> Value:
        steps: list[tuple[ast.operator, ast.expr]] = []
        while isinstance(node, ast.BinOp):
            steps.append((node.op, node.right))
            node = node.left
        value = self.value(node)
        for op, right in reversed(steps):
            value = self._binary(op, value, self.value(right))
        return value

    def _binary(self, op: ast.operator, left: Value, right: Value) -> Value:
        _numbers(left, right)
        price = PRICES.get(type(op), product)
        self.spend(price(left, right))
        return _real(_BINARY[type(op)](left, right))

    def _boolean(self, op: ast.boolop, values: Sequence[ast.expr]) -> Value:
        stop = isinstance(op, ast.Or)
        value: Value = None
        for item in values:
            value = self.value(item)
            if bool(value) is stop:
                return value
        return value

    def _comparison(self, node: ast.Compare) -> bool:
        left = self.value(node.left)
        for op, item in zip(node.ops, node.comparators, strict=True):
            right = self.value(item)
            _numbers(left, right)
            if not _COMPARE[type(op)](left, right):
                return False
            left = right
        return True

    def _call(self, name: str, args: list[Value]) -> Value:
        price, function = FUNCTIONS[name]
        self.spend(price(*args) if price is not None else size(*args))
        return _real(function(*args))


def _numbers(*values: Value) -> None:
    for value in values:
        if not isinstance(value, (int, float)):
            raise TypeError("a list stands where a number is needed; use sum, min, max, mean, median or len")


def _real(value: Value) -> Value:
    if isinstance(value, complex):
        raise ValueError("the result is no real number")
    return value
