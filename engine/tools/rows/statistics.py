"""Statistics of a table, worked out by the database. Every function gives JSON values with the numbers it found."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import combinations
from typing import Any

from engine.model import Json
from engine.tools.rows.census import quoted
from engine.tools.rows.table import ROW, Table
from engine.tools.rows.values import json_value

BINS = 10
MOST_PAIRS = 50
MOST_OUTLIERS = 20
MOST_VALUES = 5
MOST_GROUPS = 20
_Z = 3.0
_IQR = 1.5
_MOST_NUMERIC = 40
"""Numeric columns of which all pairs are looked at."""
_DATES = r"'\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}.*)?'"


def numeric(table: Table) -> list[str]:
    """The columns of numbers."""
    return [name for name in table.columns if table.kind(name) in ("integer", "number")]


def _x(name: str) -> str:
    return f"CAST({quoted(name)} AS DOUBLE)"


def _one(table: Table, parts: Iterable[str]) -> list[Any]:
    return [json_value(value) for value in table.database.row(f"SELECT {', '.join(parts)} FROM {quoted(table.name)}")]


# --- distributions -------------------------------------------------------------------------------------------------


def distributions(table: Table) -> dict[str, Json]:
    """By column: count, nulls, distinct and top values; of numbers also mean, std (of a sample), min, quartiles, max
    and a histogram.
    """
    return {name: _distribution(table, name) for name in table.columns}


def _distribution(table: Table, name: str) -> dict[str, Json]:
    x = quoted(name)
    count, nulls, distinct = _one(table, [f"count({x})", f"count(*) - count({x})", f"count(DISTINCT {x})"])
    found = {"type": table.kind(name), "count": count, "nulls": nulls, "distinct": distinct}
    if table.kind(name) in ("integer", "number") and count:
        found |= _numbers(table, name)
    return found | {"top": _top(table, name)}


def _numbers(table: Table, name: str) -> dict[str, Json]:
    x = _x(name)
    quantiles = ", ".join(f"quantile_cont({x}, {share})" for share in (0.25, 0.5, 0.75))
    parts = [f"fsum({x}) / count({x})", f"stddev_samp({x})", f"min({quoted(name)})", quantiles, f"max({quoted(name)})"]
    mean, std, low, first, median, third, high = _one(table, parts)
    return {
        **{"mean": mean, "std": std, "min": low, "q1": first, "median": median, "q3": third, "max": high},
        "histogram": _histogram(table, name, float(low), float(high)),
    }


def _histogram(table: Table, name: str, low: float, high: float) -> list[Json]:
    """Bins of equal width; each holds its lower bound, the last one its upper bound too."""
    if low == high or not math.isfinite(high - low):
        (count,) = _one(table, [f"count({quoted(name)})"])
        return [{"from": low, "to": high, "count": count}]
    width = (high - low) / BINS
    bin_of = f"least(CAST(floor(({_x(name)} - {low!r}) / {width!r}) AS BIGINT), {BINS - 1})"
    counts = dict(
        table.database.rows(
            f"SELECT {bin_of}, count(*) FROM {quoted(table.name)} WHERE {quoted(name)} IS NOT NULL GROUP BY 1"
        )
    )
    edges = [low + width * index for index in range(BINS)] + [high]
    return [{"from": edges[i], "to": edges[i + 1], "count": counts.get(i, 0)} for i in range(BINS)]


def _top(table: Table, name: str) -> list[Json]:
    x = quoted(name)
    found = table.database.rows(
        f"SELECT CAST({x} AS VARCHAR), any_value({x}), count(*) FROM {quoted(table.name)} WHERE {x} IS NOT NULL "
        f"GROUP BY {x} ORDER BY count(*) DESC, min({quoted(ROW)}) LIMIT {MOST_VALUES}"
    )
    nested = table.columns[name] == "JSON"
    return [{"value": text if nested else json_value(value), "count": count} for text, value, count in found]


# --- correlations --------------------------------------------------------------------------------------------------


def correlations(table: Table) -> list[Json]:
    """Pearson's r of pairs of numeric columns over the rows that have both, strongest first; pairs without a spread
    are left out.
    """
    pairs = list(combinations(numeric(table)[:_MOST_NUMERIC], 2))
    parts = [part for a, b in pairs for part in (f"corr({_x(a)}, {_x(b)})", f"regr_count({_x(a)}, {_x(b)})")]
    values = _one(table, parts) if parts else []
    found = [
        {"columns": list(pair), "r": values[2 * index], "rows": values[2 * index + 1]}
        for index, pair in enumerate(pairs)
        if values[2 * index] is not None
    ]
    return sorted(found, key=lambda pair: -abs(float(pair["r"])))[:MOST_PAIRS]


# --- outliers ------------------------------------------------------------------------------------------------------


def outliers(table: Table) -> dict[str, Json]:
    """By numeric column: the bounds of 1.5 interquartile ranges, how many values lie outside them, how many have a
    z-score above 3, and the farthest ones with their row numbers. Columns without any are left out.
    """
    found = {name: _outside(table, name) for name in numeric(table)}
    return {name: outside for name, outside in found.items() if outside}


def _outside(table: Table, name: str) -> dict[str, Json] | None:
    x = _x(name)
    parts = [f"quantile_cont({x}, 0.25)", f"quantile_cont({x}, 0.75)", f"avg({x})", f"stddev_samp({x})"]
    first, third, mean, std = _one(table, parts)
    if first is None:
        return None
    low, high = first - _IQR * (third - first), third + _IQR * (third - first)
    z = f"abs({x} - {mean!r}) / {std!r}" if std else "0"
    beyond = f"{x} < {low!r} OR {x} > {high!r}"
    by_range, by_z = _one(table, [f"count(*) FILTER ({beyond})", f"count(*) FILTER ({z} > {_Z})"])
    if not by_range and not by_z:
        return None
    rows = table.database.rows(
        f"SELECT {quoted(ROW)}, {quoted(name)}, {z} FROM {quoted(table.name)} WHERE {beyond} OR {z} > {_Z} "
        f"ORDER BY 3 DESC, 1 LIMIT {MOST_OUTLIERS}"
    )
    values = [{"row": row, "value": json_value(value), "z": round(float(score), 3)} for row, value, score in rows]
    return {"low": low, "high": high, "iqr_count": by_range, "z_count": by_z, "values": values}


# --- trends --------------------------------------------------------------------------------------------------------


def trends(table: Table, over: str | None) -> dict[str, Json]:
    """Slope and r2 of the numeric columns over a column of dates (slope per day), over a numeric one, or over the
    number of the row.
    """
    axis, unit = _axis(table, over)
    names = [name for name in numeric(table) if name != over]
    parts = [part for name in names for part in _regression(_x(name), axis)]
    values = _one(table, parts) if parts else []
    columns = {
        name: {"slope": values[3 * index], "r2": values[3 * index + 1], "rows": values[3 * index + 2]}
        for index, name in enumerate(names)
        if values[3 * index] is not None
    }
    return {"over": over or "row", "unit": unit, "columns": columns}


def _regression(y: str, x: str) -> list[str]:
    return [f"regr_slope({y}, {x})", f"regr_r2({y}, {x})", f"regr_count({y}, {x})"]


def _axis(table: Table, over: str | None) -> tuple[str, str]:
    if over is None:
        return f"CAST({quoted(ROW)} AS DOUBLE)", "row"
    if over in numeric(table):
        return _x(over), over
    return f"epoch(try_cast({quoted(over)} AS TIMESTAMP)) / 86400.0", "day"


def time_column(table: Table) -> str | None:
    """The first column whose texts are all dates; None when there is none."""
    for name in table.columns:
        if table.kind(name) == "string":
            x = quoted(name)
            fits = f"regexp_full_match({x}, {_DATES}) AND try_cast({x} AS TIMESTAMP) IS NOT NULL"
            count, dates = _one(table, [f"count({x})", f"count(*) FILTER ({fits})"])
            if count and count == dates:
                return name
    return None


# --- groups --------------------------------------------------------------------------------------------------------


def group_columns(table: Table) -> list[str]:
    """Text and truth values with few different ones: 2 to 20, and each on average in two rows at least."""
    names = [name for name in table.columns if table.kind(name) in ("string", "boolean")]
    parts = [part for name in names for part in (f"count(DISTINCT {quoted(name)})", f"count({quoted(name)})")]
    values = _one(table, parts) if parts else []
    return [
        name
        for index, name in enumerate(names)
        if 2 <= values[2 * index] <= MOST_GROUPS and values[2 * index + 1] >= 2 * values[2 * index]
    ]


def groups(table: Table, by: Sequence[str]) -> list[Json]:
    """For each grouping column and numeric column: rows and mean of each group, the difference of the largest and the
    smallest mean, and that difference in standard deviations of the column ("effect"); strongest first.
    """
    found = [_grouped(table, key, name) for key in by for name in numeric(table) if name != key]
    return sorted((group for group in found if group), key=lambda group: -float(group["effect"] or 0.0))


def _grouped(table: Table, key: str, name: str) -> dict[str, Json] | None:
    x = _x(name)
    rows = table.database.rows(
        f"SELECT {quoted(key)}, count({x}), avg({x}) FROM {quoted(table.name)} WHERE {quoted(key)} IS NOT NULL "
        f"GROUP BY 1 HAVING count({x}) > 0 ORDER BY count({x}) DESC, min({quoted(ROW)}) LIMIT {MOST_GROUPS}"
    )
    (std,) = _one(table, [f"stddev_samp({x})"])
    if len(rows) < 2:
        return None
    means = [float(mean) for *_, mean in rows]
    difference = max(means) - min(means)
    return {
        **{"by": key, "column": name, "difference": difference, "effect": difference / std if std else None},
        "groups": [{"value": json_value(value), "rows": count, "mean": mean} for value, count, mean in rows],
    }
