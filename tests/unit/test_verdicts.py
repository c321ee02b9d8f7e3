"""The verdict on a subtask whose dependencies are all settled, exactly as the contract's semantics."""

from __future__ import annotations

import itertools

import pytest

from engine.plan.spec import Condition
from engine.states import SETTLED, SubtaskStatus
from engine.turn import Undecided
from engine.verdicts import Dependency, by_condition, by_counters

READY, SKIPPED, BLOCKED = SubtaskStatus.READY, SubtaskStatus.SKIPPED, SubtaskStatus.BLOCKED


def _undecided(bad: int, skips: int, optional: bool = False) -> Undecided:
    return Undecided("T", "T.1", "k", bad, skips, False, optional, True)


def _ended(*statuses: str, optional: bool = False) -> list[Dependency]:
    return [Dependency(f"k{n}", SubtaskStatus(status), optional) for n, status in enumerate(statuses)]


def _verdict(name: str, dependencies: list[Dependency]) -> SubtaskStatus:
    return by_condition(Condition(name=name), dependencies, {}).to


@pytest.mark.parametrize(
    "bad, skips, plain, optional",
    [(0, 0, READY, READY), (1, 0, BLOCKED, SKIPPED), (1, 1, SKIPPED, SKIPPED), (3, 2, BLOCKED, SKIPPED)],
)
def test_the_counters_decide_by_default(bad: int, skips: int, plain: SubtaskStatus, optional: SubtaskStatus) -> None:
    """A failure blocks; skipped ones alone skip in turn; an optional subtask is never blocked."""
    assert by_counters(_undecided(bad, skips)) is plain
    assert by_counters(_undecided(bad, skips, optional=True)) is optional


def test_the_counters_and_the_condition_agree_on_success() -> None:
    for statuses in itertools.product(sorted(SETTLED), repeat=2):
        bad = sum(status is not SubtaskStatus.COMPLETED for status in statuses)
        runs = by_counters(_undecided(bad, sum(status is SKIPPED for status in statuses))) is READY
        assert runs is (_verdict("all_succeeded", _ended(*statuses)) is READY)


@pytest.mark.parametrize(
    "statuses, all_settled, any_succeeded, any_failed",
    [
        (["completed", "completed"], True, True, False),
        (["completed", "failed"], True, True, True),
        (["failed", "failed"], True, False, True),
        (["skipped", "skipped"], True, False, False),
        (["blocked"], True, False, True),
        (["cancelled"], True, False, True),
        (["quarantined"], True, False, True),
        ([], True, False, False),
    ],
)
def test_the_named_conditions(statuses: list[str], all_settled: bool, any_succeeded: bool, any_failed: bool) -> None:
    expected = {"all_settled": all_settled, "any_succeeded": any_succeeded, "any_failed": any_failed}

    found = {name: _verdict(name, _ended(*statuses)) for name in expected}

    assert found == {name: READY if holds else SKIPPED for name, holds in expected.items()}


def test_a_skipped_optional_one_counts_as_a_success() -> None:
    assert _verdict("any_succeeded", _ended("skipped", optional=True)) is READY
    assert _verdict("any_succeeded", _ended("failed", optional=True)) is SKIPPED


def test_what_a_map_gave_is_what_its_items_gave() -> None:
    """The mapped subtask itself completes when its items are there: that is no success of any of them."""
    mapped = [
        Dependency("m", SubtaskStatus.COMPLETED, False),
        Dependency("m[0]", SubtaskStatus.FAILED, False),
        Dependency("m[1]", SubtaskStatus.FAILED, False),
    ]

    assert _verdict("any_succeeded", mapped) is SKIPPED
    assert _verdict("any_failed", mapped) is READY
    assert _verdict("any_succeeded", [*mapped, Dependency("m[2]", SubtaskStatus.COMPLETED, False)]) is READY
    assert _verdict("any_succeeded", mapped[:1]) is READY, "an empty list is done"


def test_why_is_said_in_words() -> None:
    assert by_condition(Condition(name="any_failed"), _ended("completed"), {}).why == "run_if any_failed does not hold"


def test_an_expression_sees_its_dependencies_and_the_task() -> None:
    dependencies = [
        Dependency("a", SubtaskStatus.COMPLETED, False, output={"n": 3}),
        Dependency("b", SubtaskStatus.FAILED, False, error={"category": "timeout"}),
    ]
    scope = {"input": {"least": 2}, "task": {"name": "nightly"}}

    def verdict(expression: str) -> SubtaskStatus:
        return by_condition(Condition(expression=expression), dependencies, scope).to

    assert verdict('subtasks.a.output.n > input.least && task.name == "nightly"') is READY
    assert verdict('subtasks.b.error.category == "logic"') is SKIPPED
    assert verdict('subtasks["b"].status == "failed" && subtasks.b.output == null') is READY


def test_an_expression_that_cannot_be_evaluated_fails_the_subtask() -> None:
    verdict = by_condition(Condition(expression="subtasks.a.output.gone > 1"), _ended("completed"), {})

    assert verdict.to is SubtaskStatus.FAILED
    assert verdict.error is not None
    assert "cannot be evaluated" in verdict.why
