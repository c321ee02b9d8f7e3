"""What becomes of a learned plan when its tasks end."""

from __future__ import annotations

import msgspec

from engine.model import Json
from engine.planning.memory import KEPT_SECONDS, after, merged
from engine.planstore import LearnedPlan

PLAN = LearnedPlan("k", "t", "s", "", "{}", "{}", "rules", 10, 10, seconds=(1.0,))


def plan(**fields: Json) -> LearnedPlan:
    return msgspec.structs.replace(PLAN, **fields)


def test_a_success_counts_and_ends_a_row_of_failures() -> None:
    before = plan(failures=3, failures_in_a_row=1)

    assert after(before, True, 3.0, 20) == plan(failures=3, successes=2, seconds=(1.0, 3.0), used_at=20)


def test_a_failure_counts_and_tells_nothing_about_the_duration() -> None:
    assert after(PLAN, False, 99.0, 20) == plan(failures=1, failures_in_a_row=1, used_at=20)


def test_two_failures_in_a_row_are_one_too_many() -> None:
    first = after(PLAN, False, 1.0, 20)
    assert first is not None

    assert after(first, False, 1.0, 30) is None


def test_failures_with_a_success_between_them_are_no_row() -> None:
    found: LearnedPlan | None = PLAN
    for success in (False, True, False, True, False):
        assert found is not None
        found = after(found, success, 1.0, 20)

    assert found is not None and (found.failures, found.successes) == (3, 3)


def test_only_the_last_durations_are_kept() -> None:
    found = plan(seconds=tuple(float(number) for number in range(KEPT_SECONDS)))

    once = after(found, True, 100.0, 20)

    assert once is not None and once.seconds == (*map(float, range(1, KEPT_SECONDS)), 100.0)
    assert once.median_seconds == 10.5


def test_an_older_end_does_not_turn_the_time_back() -> None:
    found = after(plan(used_at=50), True, 1.0, 20)

    assert found is not None and found.used_at == 50


def test_learning_what_is_not_known_keeps_it_as_it_is() -> None:
    assert merged(None, PLAN) == PLAN


def test_learning_the_same_pattern_again_counts_a_success() -> None:
    old = plan(successes=4, failures=1, failures_in_a_row=1)
    new = plan(created_at=90, used_at=90, seconds=(5.0,), source="claude")

    assert merged(old, new) == plan(successes=5, failures=1, seconds=(1.0, 5.0), used_at=90)


def test_another_pattern_begins_with_counts_of_its_own() -> None:
    new = plan(pattern='{"subtasks": []}', created_at=90)

    assert merged(plan(successes=4, failures_in_a_row=1), new) == new


def test_a_plan_that_nobody_has_timed_has_no_median() -> None:
    assert plan(seconds=()).median_seconds is None
