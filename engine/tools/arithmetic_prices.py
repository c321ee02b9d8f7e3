"""The functions of ``arithmetic`` and what each operation costs, told before it is done.

A price is the number of products of two 30-bit digits, each about a nanosecond: roughly the square of the digits for
what Python multiplies and divides. The bounds are rough and lie on the safe side.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

MAX_BITS = 65_536
"""Of any integer on the way; some 19,700 digits."""

Number = int | float
Value = Any
"""A number, a truth value, or a list of them."""


class TooMuchWork(Exception):
    """A number or the work for it would grow beyond the limits."""


def words(value: Value) -> int:
    """Digits of 30 bits, as Python stores integers; 1 for a float."""
    return value.bit_length() // 30 + 1 if isinstance(value, int) else 1


def size(*values: Value) -> int:
    """The digits of all values, lists included."""
    return sum(sum(map(words, value)) if isinstance(value, list) else words(value) for value in values)


def _fits(bits: float) -> float:
    """The work of building an integer of that many bits."""
    if bits > MAX_BITS:
        raise TooMuchWork(f"a number would grow beyond {MAX_BITS} bits")
    return (bits / 30 + 1) ** 2


def product(left: Value, right: Value) -> float:
    """The price of a multiplication; raises ``TooMuchWork`` when its result does not fit."""
    if isinstance(left, int) and isinstance(right, int):
        _fits(left.bit_length() + right.bit_length() - 1)
    return words(left) * words(right)


def _power(base: Value, exponent: Value, modulus: Value = None) -> float:
    if not isinstance(base, int) or not isinstance(exponent, int):
        return 1
    if modulus is not None:
        return float(words(base) * words(modulus) + 2 * exponent.bit_length() * words(modulus) ** 2)
    if exponent < 0 or abs(base) < 2:
        return exponent.bit_length()
    return 2 * _fits(math.log2(abs(base)) * exponent)


def _shift(left: Value, right: Value) -> float:
    return _fits(left.bit_length() + right) if isinstance(left, int) and isinstance(right, int) else 1


def _factorial(n: Value) -> float:
    return 2 * _fits(math.lgamma(n + 1) / math.log(2)) if isinstance(n, int) and 2 <= n <= MAX_BITS else _bounded(n)


def _permutations(n: Value, k: Value = None) -> float:
    if k is None or not (isinstance(n, int) and isinstance(k, int)) or not 0 < k <= n:
        return _factorial(n)
    bits = math.log2(n) * k
    return _fits(bits) + k * bits / 15


def _combinations(n: Value, k: Value) -> float:
    if not (isinstance(n, int) and isinstance(k, int)) or not 0 < k < n:
        return 1
    few = min(k, n - k)
    bits = few * (math.log2(n) - math.log2(few) + math.log2(math.e))
    return _fits(bits) + few * bits / 15


def _bounded(n: Value) -> float:
    return _fits(n) if isinstance(n, int) and n > 0 else 1


def _quadratic(*args: Value) -> float:
    return float(size(*args) ** 2)


def _rounding(value: Value, digits: Value = 0) -> float:
    return _quadratic(value) + (_fits(abs(digits) * 4) if isinstance(digits, int) else 1)


def _lcm(*args: Value) -> float:
    return _fits(sum(arg.bit_length() for arg in args if isinstance(arg, int))) + _quadratic(*args)


def _sum(values: Value, start: Value = 0) -> Value:
    return math.fsum([*values, start]) if any(isinstance(v, float) for v in values) else sum(values, start)


def _mean(values: Sequence[Number]) -> float:
    return float(_sum(values) / len(values))


def _median(values: Sequence[Number]) -> Number:
    ordered = sorted(values)
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2


PRICES: Mapping[type[ast.operator], Callable[[Any, Any], float]] = {
    ast.Add: lambda left, right: words(left) + words(right),
    ast.Sub: lambda left, right: words(left) + words(right),
    ast.Div: lambda left, right: words(left) * words(right),
    ast.FloorDiv: lambda left, right: words(left) * words(right),
    ast.Mod: lambda left, right: words(left) * words(right),
    ast.BitAnd: lambda left, right: words(left) + words(right),
    ast.BitOr: lambda left, right: words(left) + words(right),
    ast.RShift: lambda left, right: words(left) + words(right),
    ast.Pow: _power,
    ast.LShift: _shift,
}
_PLAIN = (
    "sqrt cbrt exp log log2 log10 log1p expm1 sin cos tan asin acos atan atan2 sinh cosh tanh asinh acosh atanh "
    "hypot degrees radians floor ceil trunc gamma lgamma erf fmod copysign"
)
FUNCTIONS: Mapping[str, tuple[Callable[..., float] | None, Callable[..., Any]]] = {
    **{name: (None, getattr(math, name)) for name in _PLAIN.split()},
    "abs": (None, abs),
    "min": (None, min),
    "max": (None, max),
    "sum": (None, _sum),
    "len": (None, len),
    "mean": (None, _mean),
    "median": (None, _median),
    "int": (None, int),
    "float": (None, float),
    "round": (_rounding, round),
    "pow": (_power, pow),
    "divmod": (_quadratic, lambda a, b: list(divmod(a, b))),
    "factorial": (_factorial, math.factorial),
    "comb": (_combinations, math.comb),
    "perm": (_permutations, math.perm),
    "gcd": (_quadratic, math.gcd),
    "lcm": (_lcm, math.lcm),
    "isqrt": (_quadratic, math.isqrt),
}
"""By name: the price of a call (None: the size of its arguments) and the function."""
