"""What a strategy is, and what the built-in ones share."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

import msgspec

from engine.model import Json, Value
from engine.planning.complexity import TaskComplexity
from engine.planning.literals import input_reference, literal
from engine.planning.subtasks import SubTask
from engine.planning.words import words_of

SURE = 1_000.0
"""The rating of a word that wins over all others."""


AS_THEY_ARE: dict[str, Json] = {"limit": 10**12}
"""Makes aggregation hand rows on: without any parameter it would give statistics of the columns instead."""


class Wish(Value, frozen=True):
    """A typed task to be planned. ``rows_per_second`` is the learned speed of processing, None when unknown."""

    type: str
    input: Json
    parameters: dict[str, Json]
    level: TaskComplexity
    rows_per_second: float | None = None

    @property
    def simple(self) -> bool:
        """Whether one subtask does it."""
        return self.level is TaskComplexity.SIMPLE

    @property
    def large(self) -> bool:
        """Whether it is worth cutting into parts."""
        return self.level.at_least(TaskComplexity.COMPLEX)

    def given(self, names: Iterable[str]) -> dict[str, Json]:
        """The parameters of these names that are given, as literals of a plan."""
        return {name: _given(name, self.parameters[name]) for name in names if self.parameters.get(name) is not None}

    def others(self, names: Iterable[str]) -> dict[str, Json]:
        """All other parameters that are given; a stage that does not know them refuses them by name."""
        return self.given(name for name in self.parameters if name not in set(names))


def _given(name: str, value: Json) -> Json:
    """A parameter as a literal; only ``join`` may refer to rows, which are then part of the task's input."""
    if name == "join" and isinstance(value, dict) and input_reference(value.get("with")):
        return {**value, **{other: literal(part) for other, part in value.items() if other != "with"}}
    return literal(value)


class Draft(Value, frozen=True):
    """The subtasks of a plan, in an order in which each comes after what it needs, and what is worth telling."""

    subtasks: list[SubTask]
    reasons: list[str] = msgspec.field(default_factory=list)


class Strategy(Protocol):
    """A way to plan the tasks of some types. ``name`` ("reports.v1") is stored with every plan that it makes."""

    name: str

    def rate(self, type: str) -> float:
        """How well a type fits, 0 for not at all; the best of all strategies plans the task."""

    def plan(self, wish: Wish) -> Draft:
        """The subtasks; a single one without dependencies when the wish is simple. Raises ``InvalidInput``."""


def rate_words(type: str, verbs: Iterable[str], nouns: Iterable[str]) -> float:
    """How well a type fits by its words, 0 to 100.

    A verb at the beginning says what is done (``convert_report``). Otherwise the last word counts most, since it says
    what kind of thing the words before it describe (``data_analysis_report``).
    """
    words, first, later = words_of(type), set(verbs), set(nouns)
    if words and words[0] in first:
        return 100.0
    known = first | later
    places = [place for place, word in enumerate(words) if word in known]
    return 1.0 + 50.0 * (places[-1] + 1) / len(words) if places else 0.0
