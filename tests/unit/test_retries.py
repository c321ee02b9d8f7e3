"""How often an error is repeated, and after how long."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import Category
from engine.plan.spec import RetrySpec
from engine.retries import LONGEST_WISH_SECONDS, Defaults, attempts_allowed, delay_seconds

DEFAULTS = Defaults(max_retries=3, backoff_seconds=2.0, max_backoff_seconds=60.0)
NEVER = Defaults(max_retries=0)


def _delay(attempt: int, retry: RetrySpec | None = None, wish: float | None = None, seed: int = 1) -> float:
    return delay_seconds(attempt, retry, wish, DEFAULTS, random.Random(seed))


@pytest.mark.parametrize(
    "category, attempts",
    [("transient", 4), ("resource", 4), ("permission", 2), ("timeout", 2), ("configuration", 1), ("logic", 1)],
)
def test_without_a_policy_the_category_decides(category: str, attempts: int) -> None:
    assert attempts_allowed(Category(category), None, None, DEFAULTS) == attempts
    assert attempts_allowed(Category(category), None, None, NEVER) == 1


def test_a_policy_covers_every_category_but_cancelled_unless_it_lists_some() -> None:
    every, some = RetrySpec(max_attempts=5), RetrySpec(max_attempts=5, on=["logic"])

    covered = {category for category in Category if attempts_allowed(category, every, None, DEFAULTS) == 5}
    assert covered == set(Category) - {Category.CANCELLED}
    assert attempts_allowed(Category.LOGIC, some, None, DEFAULTS) == 5
    assert attempts_allowed(Category.TRANSIENT, some, None, DEFAULTS) == 1
    assert attempts_allowed(Category.CANCELLED, RetrySpec(5, on=["cancelled"]), None, DEFAULTS) == 1
    assert attempts_allowed(Category.TRANSIENT, RetrySpec(5, on=[]), None, DEFAULTS) == 1


def test_the_error_itself_has_the_last_word_but_not_on_how_often() -> None:
    some = RetrySpec(max_attempts=5, on=["transient"])

    assert attempts_allowed(Category.TRANSIENT, some, False, DEFAULTS) == 1
    assert attempts_allowed(Category.LOGIC, some, True, DEFAULTS) == 5
    assert attempts_allowed(Category.LOGIC, None, True, DEFAULTS) == 4
    assert attempts_allowed(Category.TRANSIENT, None, False, DEFAULTS) == 1
    assert attempts_allowed(Category.CANCELLED, None, True, DEFAULTS) == 1


def test_the_wait_doubles_up_to_the_longest() -> None:
    plain = RetrySpec(backoff=1.0, max_backoff=10.0, jitter=False)

    assert [_delay(attempt, plain) for attempt in range(1, 7)] == [1, 2, 4, 8, 10, 10]
    assert _delay(5_000, plain) == 10


def test_what_a_policy_leaves_open_is_the_settings() -> None:
    assert _delay(1, RetrySpec(jitter=False)) == 2
    assert _delay(99, RetrySpec(jitter=False)) == 60
    assert _delay(1, RetrySpec(backoff=500.0, jitter=False)) == 500, "a first wait above the settings' longest stands"
    assert _delay(1, RetrySpec(backoff=0.0, jitter=False)) == 0


@given(attempt=st.integers(1, 100), seed=st.integers())
def test_jitter_spreads_over_the_whole_wait(attempt: int, seed: int) -> None:
    assert 0 <= _delay(attempt, seed=seed) <= min(60, 2 * 2 ** (attempt - 1))


def test_two_that_failed_together_do_not_come_back_together() -> None:
    waits = sorted(_delay(4, seed=seed) for seed in range(200))

    assert (waits[0] < 2, waits[-1] > 14, len(set(waits))) == (True, True, 200)


def test_a_service_s_wish_is_never_undercut_and_obeyed_within_a_bound() -> None:
    plain = RetrySpec(backoff=2.0, jitter=False)

    assert _delay(1, plain, wish=30.0) == 30
    assert _delay(1, plain, wish=0.5) == 2
    assert _delay(1, plain, wish=1e9) == LONGEST_WISH_SECONDS
