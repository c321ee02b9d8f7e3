"""The planner: which form is planned how, and where the faults of a plan that it made are told."""

from __future__ import annotations

from typing import Any

import pytest

from engine.errors import Fault, InvalidInput
from engine.model import Json
from engine.planner import Made, Planner, as_asked
from engine.planning.learned import parametrise, skeleton
from engine.planning.templates import TemplateSet
from engine.planstore import LearnedPlan
from engine.settings import Settings
from engine.tools.registry import ToolRegistry

REGISTRY = ToolRegistry.from_settings(Settings())
SENTENCE = 'Hang up 3 signs that say "open"'


class Memory:
    """A memory that has one plan for whatever is asked, and records the keys."""

    def __init__(self, type: str = "noop") -> None:
        self.asked: list[str] = []
        pattern = parametrise(
            [{"key": "a", "type": type, "input": {"n": 3, "text": "open"}}], skeleton(SENTENCE).literals
        )
        assert pattern is not None
        self._plan = LearnedPlan("k", "sentence", "", "", "", pattern.encode(), "claude", 0, 0)

    async def learned(self, key: str) -> LearnedPlan:
        """The one plan."""
        self.asked.append(key)
        return self._plan


def _planner(memory: Memory, *, model: bool = True, size: int | None = None) -> Planner:
    known: Any = memory
    return Planner(known, REGISTRY.get, REGISTRY.names, TemplateSet(), model, lambda _: size)


def _by(made: Made) -> str:
    return made.origin.by if made.origin else ""


async def test_an_explicit_plan_is_not_looked_at() -> None:
    body = {"plan": 5, "nonsense": True}
    assert await _planner(Memory()).plan(body) == Made(body)


async def test_a_learned_plan_gets_the_literals_of_the_sentence() -> None:
    made = await _planner(Memory()).plan({"description": 'Hang up 8 signs that say "shut"', "user_id": "ada"})
    assert _by(made) == "learned"
    assert made.body == {
        "user_id": "ada",
        "plan": {"subtasks": [{"key": "a", "type": "noop", "input": {"n": 8, "text": "shut"}}]},
    }


@pytest.mark.parametrize(
    "type, more, by",
    [
        ("noop", {"allowed_types": ["noop"]}, "learned"),
        ("noop", {"allowed_types": ["sleep"]}, "model"),
        ("python", {}, "model"),
        ("python", {"allowed_types": ["python"]}, "learned"),
        ("gone", {}, "model"),
        ("noop", {"learned": False}, "model"),
    ],
)
async def test_a_learned_plan_is_used_only_with_types_that_are_there_and_allowed(
    type: str, more: dict[str, Json], by: str
) -> None:
    memory = Memory(type)
    made = await _planner(memory).plan({"description": SENTENCE, **more})
    assert _by(made) == by
    assert made.origin is not None
    assert made.origin.key == (memory.asked[0] if memory.asked else "")


async def test_the_key_tells_apart_what_must_be_equal() -> None:
    memory = Memory()
    planner = _planner(memory)
    bodies: list[dict[str, Json]] = [{}, {"input": [1]}, {"input": {"a": 1}}, {"allowed_types": ["noop"]}]
    for body in [*bodies, {"input": [7, 8]}, {"allowed_types": ["noop", "noop"]}]:
        await planner.plan({"description": SENTENCE, **body})
    assert len(set(memory.asked)) == len(bodies)


async def test_an_unknown_type_without_a_model_is_refused() -> None:
    with pytest.raises(InvalidInput, match="no task type"):
        await _planner(Memory(), model=False).plan({"type": "noopp", "learned": False})


async def test_the_size_of_a_file_tells_how_complex_its_task_is() -> None:
    body = {"type": "data_processing", "input": {"path": "a.csv"}}
    small = await _planner(Memory(), size=10).plan(body)
    large = await _planner(Memory(), size=10**8).plan(body)
    assert (small.origin and small.origin.level) != (large.origin and large.origin.level)
    assert "input" in large.body and "bytes" not in large.body["input"]


@pytest.mark.parametrize(
    "pointer, body, told",
    [
        ("/tags/0", {"type": "a"}, "/tags/0"),
        ("/plan/subtasks/0/input/select", {"type": "a", "parameters": {"select": 5}}, "/parameters/select"),
        ("/plan/subtasks/0/input/data/0", {"type": "a", "input": {"data": [1]}}, "/input/data/0"),
        ("/plan/subtasks/0/input/other", {"type": "a", "input": [1]}, "/type"),
        ("/plan/subtasks/0/input/allowed_types/1", {"description": "s", "allowed_types": ["b"]}, "/allowed_types/1"),
        ("/plan/subtasks", {"template": "t"}, "/template"),
    ],
)
async def test_faults_of_a_made_plan_are_told_where_the_caller_can_mend_them(
    pointer: str, body: dict[str, Json], told: str
) -> None:
    made = await _planner(Memory()).plan({"description": SENTENCE})
    [fault] = as_asked(InvalidInput([Fault(pointer, "is bad")]), made, body).faults
    assert fault.pointer == told
    assert fault.detail.endswith("is bad")


def test_faults_of_an_explicit_plan_stay_where_they_are() -> None:
    error = InvalidInput([Fault("/plan/subtasks/0", "is bad")])
    assert as_asked(error, Made({}), {}) is error
