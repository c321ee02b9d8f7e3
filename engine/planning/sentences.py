"""Plans for sentences that can be understood safely without a model.

A rule answers only when every part of the sentence is understood; a word left over, an address that nothing is done
with, or a pronoun that may mean two things, and the answer is None: somebody else has to plan it. Never a guess.
"""

from __future__ import annotations

from engine.errors import InvalidInput
from engine.model import Json
from engine.planning.complexity import TaskComplexity
from engine.planning.rules.arithmetic import aggregate_of, expression_of
from engine.planning.rules.clauses import Clause, clauses
from engine.planning.rules.flow import Flow, NotUnderstood
from engine.planning.rules.marks import mark
from engine.planning.sources import Source, source_of
from engine.planning.subtasks import Planned, SubTask

LONGEST = 5_000
"""Characters of a sentence."""
_NAMES = {"get": "fetch"}


def understand(sentence: str, data: Json = None) -> Planned | None:
    """The plan for a sentence; None when not all of it is understood.

    Args:
        sentence: what somebody wants, in English.
        data: the task's input, which "it", "the data" and "these numbers" may mean; None when there is none.

    Returns:
        A plan whose ``strategy`` is the name of the rule: "rules.arithmetic", "rules.convert", and for several steps
        "rules.steps".
    """
    if not sentence.strip() or len(sentence) > LONGEST:
        return None
    return _arithmetic(sentence, data) or _phrases(sentence, data)


def _arithmetic(sentence: str, data: Json) -> Planned | None:
    if expression := expression_of(sentence):
        return _planned([SubTask("calculate", "calculate", {"expression": expression})], "arithmetic")
    expression, values = aggregate_of(sentence), _numbers(data)
    if expression and values:
        fields: dict[str, Json] = {"expression": expression, "variables": {"values": values}}
        return _planned([SubTask("calculate", "calculate", fields)], "arithmetic")
    return None


def _numbers(data: Json) -> str:
    """The reference to a list of numbers in the input; "" when there is none."""
    values, reference = (data.get("data"), "{{input.data}}") if isinstance(data, dict) else (data, "{{input}}")
    numbers = isinstance(values, list) and values and all(type(value) in (int, float) for value in values)
    return reference if numbers else ""


def _phrases(sentence: str, data: Json) -> Planned | None:
    marked = mark(sentence)
    found = clauses(marked.text) if marked else None
    if not marked or not found:
        return None
    try:
        flow = Flow(marked.things, _source(data))
        for clause in found:
            flow.add(clause)
        return _planned(flow.finish(), _name(found))
    except (NotUnderstood, InvalidInput):
        return None


def _source(data: Json) -> Source | None:
    return None if data is None or data == {} else source_of(data)


def _name(found: list[Clause]) -> str:
    return _NAMES.get(found[0].does, found[0].does) if len(found) == 1 else "steps"


def _planned(subtasks: list[SubTask], rule: str) -> Planned:
    level = TaskComplexity.SIMPLE if len(subtasks) == 1 else TaskComplexity.MODERATE
    return Planned(subtasks, f"rules.{rule}", level, [f"every part of the sentence is understood ({rule})"])
