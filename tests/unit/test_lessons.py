"""What the end of a task teaches, and what is said of a learned plan."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from engine.errors import GraphUnavailable
from engine.lessons import Lessons, shown
from engine.plan.stored import Origin, StoredBody
from engine.planstore import LearnedPlan
from engine.states import TaskStatus

COMPLETED, FAILED, CANCELLED = TaskStatus.COMPLETED, TaskStatus.FAILED, TaskStatus.CANCELLED


@pytest.mark.parametrize(
    "origin, status, concerned",
    [
        (None, COMPLETED, False),
        (Origin("model"), COMPLETED, False),
        (Origin("model", key="k"), COMPLETED, True),
        (Origin("model", key="k"), FAILED, False),
        (Origin("learned", key="k"), COMPLETED, True),
        (Origin("learned", key="k"), FAILED, True),
        (Origin("learned", key="k"), CANCELLED, False),
        (Origin("none", key="k"), COMPLETED, False),
    ],
)
def test_who_teaches(origin: Origin | None, status: TaskStatus, concerned: bool) -> None:
    task: Any = SimpleNamespace(body=StoredBody(origin=origin))
    nothing: Any = None
    assert Lessons(nothing, nothing).concerns(task, status) is concerned


async def test_learning_is_worth_no_failure() -> None:
    class Down:
        async def task(self, _: str) -> None:
            raise GraphUnavailable("gone")

    graph: Any = Down()
    nothing: Any = None
    await Lessons(graph, nothing).learn("T")


def test_what_is_shown_of_a_learned_plan_has_no_pattern() -> None:
    plan = LearnedPlan("k", "sentence", "h", "say <quoted>", "{}", "{}", "claude", 1, 2, seconds=(1.0, 3.0))
    told = shown(plan)
    assert (told["text"], told["median_seconds"], told["successes"]) == ("say <quoted>", 2.0, 1)
    assert "pattern" not in told
