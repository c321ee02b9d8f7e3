"""The plan that a language model answers with: the schema that holds the answer, how it is read and what is checked.

The schema is smaller than that of a plan: what it leaves out is a matter of policy and none of the model. An input is
JSON text in it, because the API takes no object whose fields are not listed.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

import msgspec

from engine.errors import InvalidInput
from engine.model import Json, Value
from engine.plan.checks import Limits
from engine.plan.validate import validate
from engine.toolport import Tool

RUNS_CODE = frozenset({"agent", "python", "shell"})
"""Types that a plan by a model has only where the caller allows them."""
_CONDITIONS = ("all_succeeded", "all_settled", "any_succeeded", "any_failed")
_FIELDS = frozenset({"key", "type", "input", "dependencies", "priority", "map", "run_if", "reason"})


class Bounds(Value, frozen=True):
    """How large a plan of a model may be: subtasks, dependencies, and subtasks one after another."""

    subtasks: int = 500
    edges: int = 5_000
    depth: int = 50


class ModelPlan(Value, frozen=True):
    """A plan as read from an answer. ``subtasks`` are written like those of an explicit plan; ``faults`` is what kept
    some of it from being read.
    """

    subtasks: list[dict[str, Json]]
    reason: str
    faults: list[str] = msgspec.field(default_factory=list)


def answer_schema(types: Collection[str]) -> dict[str, Json]:
    """The JSON Schema of an answer that uses these types."""
    text = {"type": "string"}
    subtask = {
        "type": "object",
        "properties": {
            "key": text,
            "type": {"enum": sorted(types)},
            "input": {"type": "string", "description": "The JSON text of the input object."},
            "dependencies": {"type": "array", "items": text},
            "priority": {"type": "integer", "description": "0 to 10, 10 first; 5 unless it matters."},
            "map": {"type": "object", "properties": {"over": text}, "required": ["over"]},
            "run_if": {"enum": list(_CONDITIONS)},
            "reason": {"type": "string", "description": "What it is for, in a few words."},
        },
        "required": ["key", "type", "input", "dependencies"],
    }
    return {
        "type": "object",
        "properties": {"reason": text, "subtasks": {"type": "array", "items": subtask}},
        "required": ["reason", "subtasks"],
    }


def read_answer(answer: Json) -> ModelPlan:
    """The plan in an answer, as far as it can be read."""
    raw = answer.get("subtasks") if isinstance(answer, dict) else None
    if not isinstance(raw, list):
        return ModelPlan([], "", ["/subtasks: should be a list of subtasks"])
    reason = answer.get("reason")
    faults: list[str] = []
    subtasks = [_subtask(part, f"/subtasks/{index}", faults) for index, part in enumerate(raw)]
    return ModelPlan(subtasks, reason if isinstance(reason, str) else "", faults)


def plan_faults(
    subtasks: list[dict[str, Json]], tools: Callable[[str], Tool | None], allowed: Collection[str], bounds: Bounds
) -> list[str]:
    """What is wrong with a plan of these types only, each with its place; empty when it is good.

    Args:
        subtasks: written like those of an explicit plan.
        tools: the tool of a type.
        allowed: the types that the plan may use; any other does not exist for it, in a fallback neither.
        bounds: how large it may be.
    """
    limits = Limits(bounds.subtasks, bounds.edges)
    try:
        plan = validate(
            {"plan": {"subtasks": subtasks}}, lambda name: tools(name) if name in allowed else None, allowed, limits
        )
    except InvalidInput as error:
        return [f"{fault.pointer.removeprefix('/plan')}: {fault.detail}" for fault in error.faults]
    depth = max(plan.order.generation) + 1
    if depth > bounds.depth:
        return [f"/subtasks: {depth} subtasks come one after another, more than {bounds.depth}; do more side by side"]
    return []


def _subtask(raw: Json, place: str, faults: list[str]) -> dict[str, Json]:
    """One subtask; whatever is wrong with it beside its input is for the validation to say."""
    if not isinstance(raw, dict):
        faults.append(f"{place}: should be an object")
        return {}
    faults += [f"{place}/{name}: there is no such field" for name in raw if name not in _FIELDS]
    kept = {name: value for name, value in raw.items() if name in _FIELDS - {"reason"} and value is not None}
    if isinstance(kept.get("input"), str):
        try:
            kept["input"] = msgspec.json.decode(kept["input"])
        except (msgspec.DecodeError, RecursionError, UnicodeEncodeError) as error:
            faults.append(f"{place}/input: is no JSON text: {error}")
            kept["input"] = {}
    return kept
