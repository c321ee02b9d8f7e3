"""Data processing: validate, process, aggregate; large data in parts, side by side, that the last stage merges.

* Rows by value: a fixed number of parts, each validated and processed by itself.
* A file whose size is unknown when planning: validation finds the parts, ``map`` processes them.
* Several files: one chain each.

A plan in parts gives what the plan in one piece gives; where that cannot be promised there are no parts, and the
reasons say why.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from engine.model import Json
from engine.planning.partition import (
    FILE_PARTITION_ROWS,
    PARTITION_ROWS,
    cut,
    partition_rows,
    uniform,
    why_whole,
)
from engine.planning.sources import Source, source_of
from engine.planning.strategies.base import AS_THEY_ARE, Draft, Wish, rate_words
from engine.planning.subtasks import SubTask, keys, output, outputs

VALIDATE, PROCESS, AGGREGATE = 10, 5, 3
"""Priorities of the stages."""
_CHECKS = ("schema", "on_fault")
_PER_ROW = ("join", "derive", "filter")
_SHAPE = ("select", "rename", "distinct")
_GROUPS = ("group_by", "aggregate")
_ORDER = ("sort", "limit")
_KNOWN = (*_CHECKS, "partition_rows", *_PER_ROW, *_SHAPE, *_GROUPS, *_ORDER, "sql")
_JOIN_CHARACTERS = 10_000
"""Rows to join with, as JSON text, that every part may carry."""
_VERBS = ("process", "preprocess")
_NOUNS = ("processing", "preprocessing", "process", "etl", "elt", "cleaning", "cleansing")


class DataProcessing:
    """Plans types such as ``data_processing``, ``process_orders`` or ``etl``."""

    name = "data_processing.v1"

    def rate(self, type: str) -> float:
        """By its words."""
        return rate_words(type, _VERBS, _NOUNS)

    def plan(self, wish: Wish) -> Draft:
        """One ``data_processing`` for what is simple, else the three stages, in parts where it is large."""
        source = source_of(wish.input)
        if source.kind == "paths" and len(source.each) > 1:
            return _by_file(wish, source)
        if wish.simple:
            fields = {**source.fields, **wish.others(("partition_rows",))}
            return Draft(
                [SubTask("data_processing", "data_processing", fields, (), VALIDATE, "Does all of it at once")]
            )
        return _in_parts(wish, source) if wish.large else Draft(_chain(wish, source))


def _in_parts(wish: Wish, source: Source) -> Draft:
    """Parts where they are possible and worth it, else the chain and the reason for it."""
    size = partition_rows(
        wish.parameters, wish.rows_per_second, PARTITION_ROWS if source.kind == "data" else FILE_PARTITION_ROWS
    )
    why = _whole(wish, source, size)
    if why:
        return Draft(_chain(wish, source), [f"in one piece: {why}"])
    return _mapped(wish, source, size) if source.rows is None else _by_value(wish, source, size)


def _whole(wish: Wish, source: Source, size: int) -> str:
    """Why there are no parts; "" when there are."""
    if source.partial:
        return "the input is a part already"
    if source.kind == "url":
        return "what an address gives is read once"
    if source.kind == "data" and source.rows is None:
        return "the rows of a text are not counted before it is read"
    if source.rows is not None and source.rows <= size:
        return f"{source.rows:,} rows are no more than the {size:,} of a part"
    return why_whole(wish.parameters) or _large_join(wish)


def _large_join(wish: Wish) -> str:
    join = wish.parameters.get("join")
    other = join.get("with") if isinstance(join, dict) else None
    large = isinstance(other, list) and len(msgspec.json.encode(other)) > _JOIN_CHARACTERS
    return "every part would carry the rows of join; refer to them in the input, or name a file" if large else ""


# --- the stages -----------------------------------------------------------------------------------------------------


def _chain(wish: Wish, source: Source) -> list[SubTask]:
    validate = _validate(wish, "validate", source.fields)
    process = _process(wish, "process", {"data": output("validate", "data")}, ("validate",), _rows_first(wish))
    return [validate, process, _aggregate({"data": output("process")}, (process,), _then(wish))]


def _by_value(wish: Wish, source: Source, size: int) -> Draft:
    """Each part is validated by itself, unless the types of the columns show only in the whole."""
    parts = cut(source.rows or 0, size)
    apart = wish.parameters.get("schema") is not None or uniform(_rows(wish.input))
    validations = [] if apart else [_validate(wish, "validate", source.fields)]
    processes = []
    for number, part in enumerate(parts, 1):
        if apart:
            key = f"validate_{number}"
            validations.append(_validate(wish, key, {**source.fields, "part": part.as_dict()}))
            place: dict[str, Json] = {"data": output(key, "data")}
        else:
            key = "validate"
            place = {"data": output(key, "data"), "part": part.as_dict()}
        processes.append(_process(wish, f"process_{number}", place, (key,), _split(wish)))
    merged = _aggregate({"parts": outputs(processes)}, processes, _merged(wish))
    reasons = [f"{len(parts)} parts of about {parts[0].rows:,} rows"]
    if not apart:
        reasons.append("validated in one piece: a column holds values of several types and there is no schema")
    return Draft([*validations, *processes, merged], reasons)


def _rows(input: Json) -> list[Json]:
    rows = input["data"] if isinstance(input, dict) else input
    return rows if isinstance(rows, list) else []


def _mapped(wish: Wish, source: Source, size: int) -> Draft:
    """Validation finds the parts of a file; they are read and checked again where they are processed."""
    validate = _validate(wish, "validate", {**source.fields, "output": "parts", "partition_rows": size})
    place: dict[str, Json] = {"source": "{{item}}", **wish.given(_CHECKS)}
    options: dict[str, Json] = {"map": {"over": output("validate", "parts")}}
    process = _process(wish, "process", place, ("validate",), _split(wish), options)
    merged = _aggregate({"parts": output("process")}, (process,), _merged(wish))
    return Draft([validate, process, merged], [f"parts of {size:,} rows, found by validation"])


def _by_file(wish: Wish, source: Source) -> Draft:
    """A chain for each file; files that must be seen together are put together first."""
    count = len(source.each)
    if why := why_whole(wish.parameters):
        validations = [_validate(wish, f"validate_{n}", fields) for n, fields in enumerate(source.each, 1)]
        together: dict[str, Json] = {"parts": outputs(validations), **AS_THEY_ARE}
        combine = SubTask("combine", "aggregation", together, keys(validations), PROCESS, "Puts the files together")
        process = _process(wish, "process", {"data": output("combine", "data")}, ("combine",), _rows_first(wish))
        last = _aggregate({"data": output("process")}, (process,), _then(wish))
        return Draft([*validations, combine, process, last], [f"{count} files, then in one piece: {why}"])
    chains = [_file_chain(wish, number, fields) for number, fields in enumerate(source.each, 1)]
    processes = [process for _, process in chains]
    merged = _aggregate({"parts": outputs(processes)}, processes, _merged(wish))
    return Draft([*(validate for validate, _ in chains), *processes, merged], [f"{count} files side by side"])


def _file_chain(wish: Wish, number: int, fields: dict[str, Json]) -> tuple[SubTask, SubTask]:
    key = f"validate_{number}"
    place: dict[str, Json] = {"data": output(key, "data")}
    return _validate(wish, key, fields), _process(wish, f"process_{number}", place, (key,), _split(wish))


def _validate(wish: Wish, key: str, fields: dict[str, Json]) -> SubTask:
    checks = {**fields, **wish.given(_CHECKS)}
    return SubTask(key, "validation", checks, (), VALIDATE, "Checks the rows against their types")


def _process(
    wish: Wish,
    key: str,
    place: dict[str, Json],
    dependencies: tuple[str, ...],
    parameters: dict[str, Json],
    options: dict[str, Json] | None = None,
) -> SubTask:
    fields = {**place, **parameters, **wish.others(_KNOWN)}
    return SubTask(key, "processing", fields, dependencies, PROCESS, "Works on the rows", options or {})


def _aggregate(place: dict[str, Json], processes: Sequence[SubTask], parameters: dict[str, Json]) -> SubTask:
    fields = {**place, **parameters}
    return SubTask("aggregate", "aggregation", fields, keys(processes), AGGREGATE, "Puts the result together")


# --- which parameter goes where -------------------------------------------------------------------------------------


def _idle(wish: Wish) -> bool:
    """Whether nothing is asked of the rows, so that the result is the statistics of the columns."""
    return not wish.others((*_CHECKS, "partition_rows"))


def _grouped(wish: Wish) -> bool:
    """Whether the last stage can do the grouping by itself."""
    return bool(wish.given(("aggregate",))) and not wish.given((*_SHAPE, "sql"))


def _rows_first(wish: Wish) -> dict[str, Json]:
    """What processing does in one piece."""
    return wish.given(_PER_ROW) if _grouped(wish) else wish.given((*_PER_ROW, *_SHAPE, *_GROUPS, *_ORDER, "sql"))


def _then(wish: Wish) -> dict[str, Json]:
    """What is left for aggregation after ``_rows_first``."""
    if _idle(wish):
        return {}
    return wish.given((*_GROUPS, *_ORDER)) if _grouped(wish) else AS_THEY_ARE


def _split(wish: Wish) -> dict[str, Json]:
    """What processing does with one part."""
    if _idle(wish) or _grouped(wish):
        return {**wish.given((*_PER_ROW, *_GROUPS)), "partial": True}
    return wish.given((*_PER_ROW, *_SHAPE, *_ORDER))


def _merged(wish: Wish) -> dict[str, Json]:
    """What aggregation does again with the outputs of the parts."""
    if _idle(wish):
        return {}
    if _grouped(wish):
        return wish.given((*_GROUPS, *_ORDER))
    return wish.given(("distinct", *_ORDER)) or AS_THEY_ARE
