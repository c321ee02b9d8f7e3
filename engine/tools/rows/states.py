"""Aggregates of parts that merge to what the whole would give.

Counts, minima, maxima and sums of integers are exact. A sum of numbers is exact too as long as every number has at
most nine decimals and stays below 10^15, as money does: it is then added as a decimal. Other numbers are added with
compensation, so that a sum of parts can differ from the sum of the whole in its last digit, never in more. Means are
the merged sum divided by the merged count. Pure: the database only sees the SQL that is made here.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, localcontext
from typing import Any

import msgspec

from engine.model import Json

_DECIMAL = "DECIMAL(38, 9)"
_LARGEST = "1e15"
_DIGITS = 60
"""Decimal places of a merged sum: more than any sum of parts needs."""
FIELDS = ("count", "whole", "exact", "rounded", "min", "max")


@dataclass(slots=True)
class State:
    """What is known about the values of one expression in some rows.

    ``whole`` is the sum of integers. ``exact`` is the sum of numbers as decimal text, None when it is not exact;
    ``rounded`` is that sum with compensation. Sums are None where there is no number.
    """

    count: int = 0
    whole: int | None = None
    exact: str | None = None
    rounded: float | None = None
    min: Json = None
    max: Json = None

    def add(self, other: State) -> None:
        """Takes in what is known about further rows."""
        if other.count == 0:
            return
        if self.count == 0:
            for name in FIELDS:
                setattr(self, name, getattr(other, name))
            return
        self._add_sums(other)
        self.count += other.count
        self.min = _least([self.min, other.min])
        self.max = _most([self.max, other.max])

    def _add_sums(self, other: State) -> None:
        if self.whole is not None and other.whole is not None:
            self.whole += other.whole
            return
        exact = [state._decimal() for state in (self, other)]
        rounded = [state._rounded() for state in (self, other)]
        self.whole = None
        self.exact = _plus(exact)
        self.rounded = None if None in rounded else math.fsum(value for value in rounded if value is not None)

    def _decimal(self) -> str | None:
        return str(self.whole) if self.whole is not None else self.exact

    def _rounded(self) -> float | None:
        return float(self.whole) if self.whole is not None else self.rounded

    @property
    def sum(self) -> int | float | None:
        """The sum; None without a number."""
        if self.whole is not None:
            return self.whole
        return float(Decimal(self.exact)) if self.exact is not None else self.rounded

    @property
    def mean(self) -> float | None:
        """The mean; None without a number."""
        total = self.sum
        if total is None or self.count == 0:
            return None
        return total / self.count

    def result(self, function: str) -> Json:
        """sum, count, min, max or mean."""
        return getattr(self, function)

    def as_json(self) -> dict[str, Json]:
        """Without what is null."""
        return {name: value for name in FIELDS if (value := getattr(self, name)) is not None}


def _plus(texts: Sequence[str | None]) -> str | None:
    known = [text for text in texts if text is not None]
    if len(known) < len(texts):
        return None
    with localcontext() as context:
        context.prec = _DIGITS
        return str(sum(map(Decimal, known), Decimal(0)))


def _least(values: Iterable[Json]) -> Json:
    return min((value for value in values if value is not None), key=_comparable, default=None)


def _most(values: Iterable[Json]) -> Json:
    return max((value for value in values if value is not None), key=_comparable, default=None)


def _comparable(value: Json) -> tuple[int, Any]:
    """Numbers before texts, texts as the database orders them: by their bytes."""
    if isinstance(value, (bool, int, float)):
        return 0, value
    return 1, value.encode() if isinstance(value, str) else msgspec.json.encode(value)


def state_sql(argument: str, kind: str) -> list[str]:
    """Six aggregates, in the order of ``FIELDS``, of an expression of that kind ("" for ``count(*)``)."""
    if not argument:
        return ["count(*)", *["NULL"] * 5]
    x = f"({argument})"
    bounds = ["NULL", "NULL"] if kind in ("array", "object", "any", "null") else [f"min({x})", f"max({x})"]
    if kind == "integer":
        return [f"count({x})", f"sum(CAST({x} AS HUGEINT))", "NULL", "NULL", *bounds]
    if kind == "number":
        return [f"count({x})", "NULL", _exact_sum(x), f"fsum(CAST({x} AS DOUBLE))", *bounds]
    return [f"count({x})", "NULL", "NULL", "NULL", *bounds]


def _exact_sum(x: str) -> str:
    """The sum as decimal text; NULL unless every number is exactly a decimal of nine places."""
    number = f"CAST({x} AS DOUBLE)"
    small = f"CASE WHEN abs({number}) < {_LARGEST} THEN CAST({number} AS {_DECIMAL}) END"
    fits = f"coalesce(CAST({small} AS DOUBLE) = {number}, {number} IS NULL)"
    return f"CASE WHEN bool_and({fits}) THEN CAST(sum({small}) AS VARCHAR) END"


def state_of(values: Sequence[Any]) -> State:
    """The state from the values of ``state_sql``, already JSON values."""
    return State(**dict(zip(FIELDS, values, strict=True)))


# --- groups --------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Groups:
    """States by group, in the order in which the groups first appeared."""

    group_by: list[str]
    functions: dict[str, str]
    states: dict[bytes, tuple[list[Json], dict[str, State]]] = field(default_factory=dict)

    def add(self, key: list[Json], states: Mapping[str, State]) -> None:
        """Takes in the states of one group of some rows."""
        _, mine = self.states.setdefault(msgspec.json.encode(key), (key, {name: State() for name in self.functions}))
        for name in self.functions:
            mine[name].add(states[name])

    def rows(self) -> list[dict[str, Json]]:
        """One row for each group; one for all where nothing is grouped."""
        if not self.states and not self.group_by:
            self.add([], {name: State() for name in self.functions})
        return [
            dict(zip(self.group_by, key, strict=True))
            | {name: mine[name].result(function) for name, function in self.functions.items()}
            for key, mine in self.states.values()
        ]

    def as_json(self) -> dict[str, Json]:
        """The mergeable state."""
        return {
            "group_by": self.group_by,
            "aggregate": self.functions,
            "groups": [
                {"key": key, "states": {name: state.as_json() for name, state in mine.items()}}
                for key, mine in self.states.values()
            ],
        }


def merged_groups(partials: Sequence[Mapping[str, Json]]) -> Groups:
    """The groups of several partial results; raises ``ValueError`` when they are of different aggregates."""
    first = partials[0]
    groups = Groups(list(first["group_by"]), dict(first["aggregate"]))
    for partial in partials:
        if (partial["group_by"], partial["aggregate"]) != (groups.group_by, groups.functions):
            raise ValueError("the parts were aggregated in different ways")
        for group in partial["groups"]:
            groups.add(group["key"], {name: State(**found) for name, found in group["states"].items()})
    return groups


# --- columns -------------------------------------------------------------------------------------------------------


def merged_columns(partials: Iterable[Mapping[str, Json]]) -> dict[str, State]:
    """The states of the columns of several partial results."""
    columns: dict[str, State] = {}
    for partial in partials:
        for name, found in partial["columns"].items():
            columns.setdefault(name, State()).add(State(**found))
    return columns


def summary(columns: Mapping[str, State]) -> dict[str, Json]:
    """count, sum, mean, min and max of each column."""
    functions = ("count", "sum", "mean", "min", "max")
    return {name: {function: state.result(function) for function in functions} for name, state in columns.items()}
