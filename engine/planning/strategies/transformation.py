"""Transformation: parse, transform, format; large rows are transformed in parts between the two."""

from __future__ import annotations

import re

from engine.model import Json
from engine.planning.partition import PARTITION_ROWS, cut, partition_rows, why_whole
from engine.planning.sources import FORMATS, Source, source_of
from engine.planning.strategies.base import AS_THEY_ARE, Draft, Wish, rate_words
from engine.planning.subtasks import SubTask, keys, output, outputs
from engine.planning.words import words_of

PARSE, TRANSFORM, FORMAT = 9, 5, 4
"""Priorities of the stages."""
_STAGES = ("from", "to", "to_path", "partition_rows")
_IN_ORDER = ("sort", "limit")
_VERBS = ("transform", "convert", "reformat")
_NOUNS = ("transformation", "transform", "conversion", "converter", "convert", "transforming", "converting")
_PAIR = re.compile(rf"(?:.*_)?({'|'.join(FORMATS)})_(?:to|2|into)_({'|'.join(FORMATS)})(?:_.*)?")


class Transformation:
    """Plans types such as ``convert``, ``data_transformation`` or ``csv_to_json``."""

    name = "transformation.v1"

    def rate(self, type: str) -> float:
        """By its words, or by two formats with "to" between them."""
        return 100.0 if formats_in(type) else rate_words(type, _VERBS, _NOUNS)

    def plan(self, wish: Wish) -> Draft:
        """One ``transformation`` for what is simple and writes no file, else the three stages."""
        source = source_of(wish.input)
        before, after = _formats(wish)
        if wish.simple and not wish.given(("to_path",)):
            ends = {"from": before, "to": after} if before else {"to": after}
            fields = {**_with_format(source.fields, before), **wish.others(_STAGES), **ends, "whole": True}
            if before:
                fields.pop("format", None)
            return Draft([SubTask("transformation", "transformation", fields, (), PARSE, "Does all of it at once")])
        return _stages(wish, source, before, after)


def formats_in(type: str) -> tuple[str, str] | None:
    """The two formats in a type such as ``csv_to_json``."""
    match = _PAIR.fullmatch("_".join(words_of(type)))
    return (FORMATS[match[1]], FORMATS[match[2]]) if match else None


def _formats(wish: Wish) -> tuple[Json, Json]:
    """(from, to): the parameters, else what the type says; the first may be None, the second is json at last."""
    said = formats_in(wish.type) or (None, "json")
    given = wish.given(("from", "to"))
    return given.get("from", said[0]), given.get("to", said[1])


def _with_format(fields: dict[str, Json], before: Json) -> dict[str, Json]:
    return {**fields, "format": before} if before else fields


def _stages(wish: Wish, source: Source, before: Json, after: Json) -> Draft:
    parses = _parses(source, before)
    last = parses[-1]
    transforms, reasons = _transforms(wish, source, last)
    place: dict[str, Json] = {"data": output("transform", "data")} if len(transforms) == 1 else {}
    place = place or {"parts": outputs(transforms)}
    fields = {**place, "to": after, **wish.given(("to_path",))}
    format = SubTask("format", "formatting", fields, keys(transforms), FORMAT, "Writes the result in its format")
    return Draft([*parses, *transforms, format], reasons)


def _parses(source: Source, before: Json) -> list[SubTask]:
    """The stage that reads the data; of several files each, and then one that puts them together."""
    told = "Reads the data in its format"
    if len(source.each) < 2:
        return [SubTask("parse", "parsing", _with_format(source.fields, before), (), PARSE, told)]
    each = [
        SubTask(f"parse_{number}", "parsing", _with_format(fields, before), (), PARSE, told)
        for number, fields in enumerate(source.each, 1)
    ]
    together: dict[str, Json] = {"parts": outputs(each), **AS_THEY_ARE}
    return [*each, SubTask("combine", "aggregation", together, keys(each), PARSE, "Puts the files together")]


def _transforms(wish: Wish, source: Source, parse: SubTask) -> tuple[list[SubTask], list[str]]:
    """One stage, or one for each part of the rows."""
    rows = source.rows or 0
    size = partition_rows(wish.parameters, wish.rows_per_second, PARTITION_ROWS)
    why = _whole(wish, source, size) if wish.large else "small"
    if why:
        return [_transform(wish, "transform", parse, {})], [f"in one piece: {why}"] if wish.large else []
    parts = cut(rows, size)
    made = [
        _transform(wish, f"transform_{number}", parse, {"part": part.as_dict()}) for number, part in enumerate(parts, 1)
    ]
    return made, [f"{len(parts)} parts of about {parts[0].rows:,} rows"]


def _whole(wish: Wish, source: Source, size: int) -> str:
    """Why there are no parts; "" when there are."""
    if source.rows is None or source.partial:
        return "the number of rows is not known before they are read"
    if source.rows <= size:
        return f"{source.rows:,} rows are no more than the {size:,} of a part"
    if wish.given(_IN_ORDER):
        return "sort and limit look at all rows"
    return why_whole(wish.parameters)


def _transform(wish: Wish, key: str, parse: SubTask, part: dict[str, Json]) -> SubTask:
    fields = {"data": output(parse.key, "data"), **part, **wish.others(_STAGES)}
    return SubTask(key, "transformation", fields, (parse.key,), TRANSFORM, "Changes the rows")
