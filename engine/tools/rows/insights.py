"""Statements about an analysis, by rule, each with the numbers behind it; strongest first. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from engine.model import Json, Value

SECTIONS = ("distributions", "correlations", "outliers", "trends", "groups")
MOST = 20
_STRONG_R, _CLEAR_R2, _CLEAR_EFFECT, _MANY_NULLS, _DOMINANT = 0.5, 0.3, 0.5, 0.05, 0.5


class Insight(Value, frozen=True):
    """A statement; ``strength`` is between 0 and 1 and only orders."""

    statement: str
    kind: str
    evidence: dict[str, Json]
    strength: float


def merged(analyses: Sequence[Mapping[str, Json]]) -> dict[str, Json]:
    """Analyses of the same rows, each with some sections, as one: lists are joined, objects united."""
    result: dict[str, Json] = {}
    for analysis in analyses:
        for name, found in analysis.items():
            if name == "insights":
                continue
            there = result.get(name)
            if isinstance(there, list) and isinstance(found, list):
                result[name] = there + [item for item in found if item not in there]
            elif isinstance(there, dict) and isinstance(found, dict):
                result[name] = {**there, **found}
            else:
                result[name] = found
    return result


def insights(analysis: Mapping[str, Json]) -> list[dict[str, Json]]:
    """{"statement", "kind", "evidence"} of what stands out; something is said about every analysis with rows."""
    rules = (_correlated, _trending, _grouped, _outlying, _missing, _dominant, _ranges)
    found = [insight for rule in rules for insight in rule(analysis)]
    found.sort(key=lambda insight: -insight.strength)
    return [{"statement": one.statement, "kind": one.kind, "evidence": one.evidence} for one in found[:MOST]]


def _correlated(analysis: Mapping[str, Json]) -> Iterator[Insight]:
    for pair in analysis.get("correlations") or []:
        (one, other), r = pair["columns"], float(pair["r"])
        if abs(r) >= _STRONG_R and pair["rows"] > 2:
            way = "rises" if r > 0 else "falls"
            text = f"{other} {way} with {one}: their correlation is {r:.2f} over {pair['rows']} rows."
            yield Insight(text, "correlation", dict(pair), abs(r))


def _trending(analysis: Mapping[str, Json]) -> Iterator[Insight]:
    found = analysis.get("trends") or {}
    for name, trend in (found.get("columns") or {}).items():
        if (trend["r2"] or 0.0) >= _CLEAR_R2 and trend["rows"] > 2 and trend["slope"]:
            way = "rises" if trend["slope"] > 0 else "falls"
            text = f"{name} {way} by {_short(abs(trend['slope']))} per {found['unit']} (r2 {trend['r2']:.2f})."
            yield Insight(text, "trend", {"column": name, "over": found["over"], **trend}, float(trend["r2"]))


def _grouped(analysis: Mapping[str, Json]) -> Iterator[Insight]:
    for group in analysis.get("groups") or []:
        effect = group["effect"]
        if effect is None or effect < _CLEAR_EFFECT:
            continue
        ordered = sorted(group["groups"], key=lambda one: float(one["mean"]))
        low, high = ordered[0], ordered[-1]
        text = (
            f"{group['column']} differs by {group['by']}: on average {_short(high['mean'])} for {high['value']} and "
            f"{_short(low['mean'])} for {low['value']}."
        )
        evidence = {"by": group["by"], "column": group["column"], "high": high, "low": low, "effect": effect}
        yield Insight(text, "group", evidence | {"difference": group["difference"]}, min(effect / 2.0, 1.0))


def _outlying(analysis: Mapping[str, Json]) -> Iterator[Insight]:
    for name, found in (analysis.get("outliers") or {}).items():
        count, first = max(found["iqr_count"], found["z_count"]), found["values"][0]
        text = (
            f"{name} has {count} outlier{'s' * (count != 1)}; the farthest is {_short(first['value'])} in row "
            f"{first['row']} ({first['z']:.1f} standard deviations from the mean)."
        )
        yield Insight(text, "outliers", {"column": name, **found}, min(float(first["z"]) / 10.0, 0.9))


def _missing(analysis: Mapping[str, Json]) -> Iterator[Insight]:
    for name, found in (analysis.get("distributions") or {}).items():
        rows = found["count"] + found["nulls"]
        share = found["nulls"] / rows if rows else 0.0
        if share >= _MANY_NULLS:
            text = f"{name} is missing in {found['nulls']} of {rows} rows ({share:.0%})."
            yield Insight(text, "missing", {"column": name, "nulls": found["nulls"], "rows": rows}, share)


def _dominant(analysis: Mapping[str, Json]) -> Iterator[Insight]:
    for name, found in (analysis.get("distributions") or {}).items():
        if not found["top"] or found["distinct"] < 2:
            continue
        top = found["top"][0]
        share = top["count"] / found["count"]
        if share >= _DOMINANT:
            text = f"{share:.0%} of {name} are {top['value']} ({top['count']} of {found['count']})."
            yield Insight(text, "dominant", {"column": name, **top, "of": found["count"]}, share * 0.6)


def _ranges(analysis: Mapping[str, Json]) -> Iterator[Insight]:
    """The plainest of all, so that an even table has something to say too."""
    for name, found in (analysis.get("distributions") or {}).items():
        if found.get("mean") is not None:
            text = (
                f"{name} lies between {_short(found['min'])} and {_short(found['max'])}, on average "
                f"{_short(found['mean'])}."
            )
            numbers = {key: found[key] for key in ("count", "min", "max", "mean", "median")}
            yield Insight(text, "range", {"column": name, **numbers}, 0.05)


def _short(value: Json) -> str:
    """A number for a sentence: four digits that count, integers in full."""
    if isinstance(value, float) and not value.is_integer():
        return f"{value:.4g}"
    return str(int(value)) if isinstance(value, float) and abs(value) < 1e15 else str(value)
