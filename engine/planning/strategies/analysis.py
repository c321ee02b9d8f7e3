"""Analysis: extract, analyse, insights; large rows section by section, side by side over the same extracted rows."""

from __future__ import annotations

from engine.model import Json
from engine.planning.literals import literal
from engine.planning.sources import Source, source_of
from engine.planning.strategies.base import AS_THEY_ARE, Draft, Wish, rate_words
from engine.planning.subtasks import SubTask, keys, output, outputs

EXTRACT, ANALYSE, INSIGHTS = 8, 6, 4
"""Priorities of the stages."""
SECTIONS = ("distributions", "correlations", "outliers", "trends", "groups")
_WORDING = ("question", "words")
_EXTRACTING = ("columns", "fields", "summary_sentences")
_KNOWN = (*_EXTRACTING, *_WORDING, "by", "sections")
_VERBS = ("analyse", "analyze")
_NOUNS = ("analysis", "analyses", "analytics", "analyse", "analyze", "analyzing", "analysing", "insight", "insights")


class Analysis:
    """Plans types such as ``sentiment_analysis`` or ``analyze``."""

    name = "analysis.v1"

    def rate(self, type: str) -> float:
        """By its words."""
        return rate_words(type, _VERBS, _NOUNS)

    def plan(self, wish: Wish) -> Draft:
        """One ``analysis`` with insights for what is simple and needs no wording, else the three stages."""
        source = source_of(wish.input)
        if wish.simple and not wish.given((*_WORDING, "fields", "summary_sentences")):
            fields = {**source.fields, **wish.others(()), "insights": True}
            return Draft([SubTask("analysis", "analysis", fields, (), EXTRACT, "Does all of it at once")])
        extractions = _extractions(wish, source)
        return _by_section(wish, source, extractions) if wish.large else _chain(wish, extractions)


def _extractions(wish: Wish, source: Source) -> list[SubTask]:
    """The stage that reads the data; of several files each, and then one that puts them together."""
    if len(source.each) < 2:
        return [_extract(wish, "extract", source.fields)]
    each = [_extract(wish, f"extract_{number}", fields) for number, fields in enumerate(source.each, 1)]
    together: dict[str, Json] = {"parts": outputs(each), **AS_THEY_ARE}
    return [*each, SubTask("combine", "aggregation", together, keys(each), EXTRACT, "Puts the files together")]


def _extract(wish: Wish, key: str, fields: dict[str, Json]) -> SubTask:
    given = {**fields, **wish.given(_EXTRACTING)}
    if isinstance(columns := wish.parameters.get("columns"), list):
        given["columns"] = literal([*columns, *(name for name in _by(wish) if name not in columns)])
    return SubTask(key, "extraction", given, (), EXTRACT, "Reads the data and describes its fields")


def _by(wish: Wish) -> list[Json]:
    """The columns to group by; the chosen ones must hold them as well."""
    by = wish.parameters.get("by")
    return by if isinstance(by, list) else [] if by is None else [by]


def _chain(wish: Wish, extractions: list[SubTask]) -> Draft:
    sections = wish.given(("sections",))
    analyse = _analyse(wish, "analyse", extractions[-1], sections)
    return Draft([*extractions, analyse, _insights(wish, output("analyse"), [analyse])])


def _by_section(wish: Wish, source: Source, extractions: list[SubTask]) -> Draft:
    """Sections side by side, for rows; a text is analysed as one."""
    asked = wish.parameters.get("sections")
    names = SECTIONS if asked is None else asked
    if not source.tabular or not isinstance(names, (list, tuple)) or len(names) < 2 or not set(names) <= set(SECTIONS):
        draft = _chain(wish, extractions)
        return Draft(draft.subtasks, ["in one piece: only several sections over rows are analysed side by side"])
    parts = [_analyse(wish, f"analyse_{name}", extractions[-1], {"sections": [name]}) for name in names]
    merged = _insights(wish, outputs(parts), parts)
    return Draft([*extractions, *parts, merged], [f"{len(parts)} sections side by side"])


def _analyse(wish: Wish, key: str, extract: SubTask, more: dict[str, Json]) -> SubTask:
    fields = {"data": output(extract.key), **wish.given(("columns", "by")), **wish.others(_KNOWN), **more}
    return SubTask(key, "analysis", fields, (extract.key,), ANALYSE, "Works out the figures")


def _insights(wish: Wish, analysis: Json, parts: list[SubTask]) -> SubTask:
    fields = {"analysis": analysis, **wish.given(_WORDING)}
    return SubTask("insights", "insight_generation", fields, keys(parts), INSIGHTS, "Says what the figures mean")
