"""How rows are cut into parts, and when the parts may be worked on apart."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from engine.errors import Fault, InvalidInput
from engine.model import Json, Value

PARTITION_ROWS = 10_000
"""Rows of a part of data by value, unless a parameter or what has been learned says otherwise."""
FILE_PARTITION_ROWS = 100_000
"""The same for a file, whose parts are read where they lie."""
MOST_PARTS = 64
"""Parts that are known when planning; beyond them parts grow."""
PART_SECONDS = 2.0
"""How long a part should take where the speed is known: long beside what starting it costs, short beside the whole."""
_LEAST_LEARNED, _MOST_LEARNED = 1_000, 1_000_000


class Part(Value, frozen=True):
    """Some rows: the first one's number, from 0, and how many."""

    offset: int
    rows: int

    def as_dict(self) -> dict[str, Json]:
        """The ``part`` of a SOURCE."""
        return {"offset": self.offset, "rows": self.rows}


def cut(rows: int, partition_rows: int) -> list[Part]:
    """Parts of nearly equal size, none above ``partition_rows`` as long as ``MOST_PARTS`` allow it."""
    count = min(MOST_PARTS, max(1, -(-rows // partition_rows)))
    size, larger = divmod(rows, count)
    return [Part(index * size + min(index, larger), size + (index < larger)) for index in range(count)]


def partition_rows(parameters: Mapping[str, Json], rows_per_second: float | None, otherwise: int) -> int:
    """Rows of a part: as the parameter says, else by the learned speed, else ``otherwise``.

    Raises:
        InvalidInput: when the parameter is no number above zero.
    """
    asked = parameters.get("partition_rows")
    if asked is not None:
        if type(asked) is not int or asked < 1:
            raise InvalidInput([Fault("/parameters/partition_rows", "should be a whole number from 1")])
        return asked
    if rows_per_second:
        return min(max(round(rows_per_second * PART_SECONDS), _LEAST_LEARNED), _MOST_LEARNED)
    return otherwise


def uniform(rows: Sequence[Json]) -> bool:
    """Whether every column holds values of one type, nulls apart: then a part shows the types of the whole.

    Whole numbers among others are two types: a part of nothing but whole numbers would keep them whole.
    """
    kinds: dict[str, set[type]] = {}
    for row in rows:
        if not isinstance(row, dict):
            return False
        for name, value in row.items():
            if (kind := type(value)) not in kinds.setdefault(name, set()):
                kinds[name].add(kind)
    return all(len(found - {type(None)}) < 2 for found in kinds.values())


# --- what can be split ---------------------------------------------------------------------------------------------

_ACROSS = re.compile(r"\bover\b|\bselect\b|\brandom\b|\buuid\b", re.IGNORECASE)
"""Words of expressions that look at other rows than their own, or differ from call to call."""
_SPLITTABLE = re.compile(r"\s*(count\s*\(\s*\*\s*\)|(sum|count|min|max|avg|mean)\s*\([^(),]+\))\s*", re.IGNORECASE)
_NOT_INSIDE = re.compile(r"\bdistinct\b|\border\b|\bfilter\b", re.IGNORECASE)
_JOINS = ("inner", "left", "semi", "anti")


def why_whole(parameters: Mapping[str, Json]) -> str:
    """Why rows must be processed in one piece; "" when parts can be merged to the same result."""
    return next(_obstacles(parameters), "")


def _obstacles(parameters: Mapping[str, Json]) -> Iterator[str]:
    if parameters.get("sql") is not None:
        yield "sql may look at all rows"
    for name in ("filter", "derive"):
        if any(_ACROSS.search(text) for text in _texts(parameters.get(name))):
            yield f"{name} looks at other rows than its own"
    join = parameters.get("join")
    if isinstance(join, Mapping) and join.get("how", "inner") not in _JOINS:
        yield "only an inner or a left join can be made part by part"
    aggregate, grouped = parameters.get("aggregate"), parameters.get("group_by")
    if aggregate:
        yield from _in_aggregate(aggregate, parameters)
    elif grouped:
        yield "group_by without aggregate is worked out over all rows"
    else:
        yield from _in_order(parameters)


def _in_aggregate(aggregate: Json, parameters: Mapping[str, Json]) -> Iterator[str]:
    for text in _texts(aggregate):
        if not _SPLITTABLE.fullmatch(text) or _NOT_INSIDE.search(text) or _ACROSS.search(text):
            yield f"{text.strip()[:80]} cannot be merged from parts"
    beside = [name for name in ("select", "rename", "distinct") if parameters.get(name)]
    if beside:
        yield f"{' and '.join(beside)} beside aggregate is worked out over all rows"


def _in_order(parameters: Mapping[str, Json]) -> Iterator[str]:
    """What the merge sorts again must be among the columns that the parts give."""
    select = parameters.get("select")
    if not parameters.get("sort") or not isinstance(select, list):
        return
    wanted = {str(name).lstrip("-") for name in _texts(parameters["sort"])}
    renamed = parameters.get("rename")
    given = {str(name) for name in select} | {str(name) for name in _texts(renamed)}
    if not wanted <= given:
        yield "sort uses a column that select leaves out"


def _texts(value: Json) -> list[str]:
    """The texts in a text, a list or an object."""
    parts = list(value.values()) if isinstance(value, Mapping) else value if isinstance(value, list) else [value]
    return [part for part in parts if isinstance(part, str)]
