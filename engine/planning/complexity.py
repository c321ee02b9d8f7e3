"""How complex a typed task is, by rules that a person can check.

The level is the highest that one of these gives:

* characters: the canonical JSON text of the input (sorted, no blanks): below 100 simple, below 1,000 moderate, below
  10,000 complex, else very complex. The field ``bytes`` of an input is a hint that counts like that many characters;
* rows: the list in ``input["data"]``, or the input itself when it is a list, and the hint ``rows``; a row counts like
  ten characters, so the limits are 10, 100 and 1,000;
* files: the list in ``input["paths"]``: two are moderate, three or more complex;
* parameters: ``partition_rows`` asks for parts, hence complex; a list of ``steps``, or two of the operations that make
  rows anew (``join``, ``sql``, and ``group_by`` with ``aggregate`` as one), need several steps, hence moderate.

Then a type with one of the words pipeline, orchestration, workflow or multi_step is one level higher, up to very
complex.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import StrEnum

import msgspec

from engine.model import Json, Value
from engine.planning.words import says


class TaskComplexity(StrEnum):
    """How complex a task is; the order of the members is that of the levels."""

    SIMPLE = "simple"
    MODERATE = "moderate"
    COMPLEX = "complex"
    VERY_COMPLEX = "very_complex"

    @property
    def rank(self) -> int:
        """0 for simple up to 3."""
        return list(TaskComplexity).index(self)

    def at_least(self, other: TaskComplexity) -> bool:
        """Whether this is ``other`` or higher."""
        return self.rank >= other.rank


class Assessment(Value, frozen=True):
    """The level and, in words, what gave it."""

    level: TaskComplexity
    reasons: list[str]


LIMITS = (100, 1_000, 10_000)
"""Characters from which a task is moderate, complex, very complex."""
ROW_CHARACTERS = 10
"""What a row counts."""
MULTI_STEP_WORDS = ("pipeline", "orchestration", "workflow", "multi_step")
_LEVELS = list(TaskComplexity)


def complexity(type: str, input: Json, parameters: Mapping[str, Json] | None = None) -> Assessment:
    """The level of a task with the reasons for it, by the rules above."""
    found = list(_findings(input, parameters or {}))
    level = max((level for level, _ in found), key=lambda level: level.rank)
    reasons = [reason for level_, reason in found if level_ is level]
    words = says(type, MULTI_STEP_WORDS)
    if words and level is not TaskComplexity.VERY_COMPLEX:
        level = _LEVELS[level.rank + 1]
        reasons.append(f'one level up for "{words}" in the type')
    return Assessment(level, reasons)


def row_count(input: Json) -> int | None:
    """Rows that an input holds by value; None when it holds no list."""
    data = input.get("data") if isinstance(input, Mapping) else input
    return len(data) if isinstance(data, list) else None


def hint(input: Json, name: str) -> int | None:
    """The hint ``rows`` or ``bytes`` of an input; None when it has none that can be used."""
    value = input.get(name) if isinstance(input, Mapping) else None
    return value if type(value) is int and value >= 0 else None


def _findings(input: Json, parameters: Mapping[str, Json]) -> Iterator[tuple[TaskComplexity, str]]:
    characters = len(msgspec.json.encode(input, order="deterministic").decode())
    yield _by_size(characters), f"{characters:,} characters of input"
    if (size := hint(input, "bytes")) is not None:
        yield _by_size(size), f"{size:,} bytes announced"
    if (rows := row_count(input)) is not None:
        yield _by_size(rows * ROW_CHARACTERS), f"{rows:,} rows"
    if (rows := hint(input, "rows")) is not None:
        yield _by_size(rows * ROW_CHARACTERS), f"{rows:,} rows announced"
    paths = input.get("paths") if isinstance(input, Mapping) else None
    if isinstance(paths, list) and len(paths) > 1:
        yield TaskComplexity.MODERATE if len(paths) == 2 else TaskComplexity.COMPLEX, f"{len(paths)} files"
    yield from _by_parameters(parameters)


def _by_size(size: int) -> TaskComplexity:
    return _LEVELS[sum(size >= limit for limit in LIMITS)]


def _by_parameters(parameters: Mapping[str, Json]) -> Iterator[tuple[TaskComplexity, str]]:
    if parameters.get("partition_rows") is not None:
        yield TaskComplexity.COMPLEX, "partition_rows asks for parts"
    if isinstance(parameters.get("steps"), list):
        yield TaskComplexity.MODERATE, "the steps are given"
    grouped = "group_by" if parameters.get("group_by") and parameters.get("aggregate") else ""
    making = [name for name in ("join", "sql", grouped) if name and parameters.get(name)]
    if len(making) > 1:
        yield TaskComplexity.MODERATE, f"{' and '.join(making)} together"
