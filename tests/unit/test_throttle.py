"""A shortage halves what may run of a type; quiet ends let it grow back to where it was."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from engine.throttle import ENOUGH, Throttle


def _good(throttle: Throttle, number: int) -> None:
    for _ in range(number):
        throttle.ended("x", None, 1)


def test_without_a_shortage_only_the_settings_limit() -> None:
    throttle = Throttle({"shell": 2})
    throttle.ended("x", None, 5)
    throttle.ended("x", "transient", 5)

    assert (throttle.limit("shell"), throttle.limit("x")) == (2, None)
    assert throttle.free({"shell": 3, "x": 9}) == {"shell": 0}


def test_a_shortage_halves_what_was_running() -> None:
    throttle = Throttle({})
    throttle.ended("x", "resource", 7)

    assert (throttle.limit("x"), dict(throttle.lowered)) == (4, {"x": 4})
    throttle.ended("x", "resource", 3)
    assert throttle.limit("x") == 2
    assert throttle.free({"x": 1}) == {"x": 1}


def test_one_may_always_run() -> None:
    throttle = Throttle({})
    for running in (0, 0, 0):
        throttle.ended("x", "resource", running)

    assert throttle.limit("x") == 1


def test_quiet_ends_raise_it_one_by_one_until_the_limit_is_gone() -> None:
    throttle = Throttle({})
    throttle.ended("x", "resource", 3)  # 4 ran, so 2 may
    limits = []
    for limit in (2, 3, 4):
        _good(throttle, ENOUGH * limit - 1)
        limits.append(throttle.limit("x"))
        _good(throttle, 1)

    assert limits == [2, 3, 4]
    assert (throttle.limit("x"), dict(throttle.lowered), throttle.free({})) == (None, {}, {})


def test_a_further_shortage_forgets_the_quiet_ends_before_it() -> None:
    throttle = Throttle({})
    throttle.ended("x", "resource", 7)
    _good(throttle, ENOUGH * 4 - 1)
    throttle.ended("x", "resource", 3)
    _good(throttle, 1)

    assert throttle.limit("x") == 2


def test_other_failures_are_no_good_ends() -> None:
    throttle = Throttle({})
    throttle.ended("x", "resource", 1)
    for _ in range(20):
        throttle.ended("x", "logic", 1)

    assert throttle.limit("x") == 1


def test_the_settings_are_never_exceeded_and_types_do_not_share() -> None:
    throttle = Throttle({"x": 3, "y": 3})
    throttle.ended("x", "resource", 9)

    assert (throttle.limit("x"), throttle.limit("y")) == (3, 3)
    throttle.ended("x", "resource", 2)
    assert (throttle.limit("x"), throttle.limit("y")) == (2, 3)


@given(st.lists(st.tuples(st.sampled_from(["resource", None, "logic"]), st.integers(0, 20)), max_size=200))
def test_a_limit_is_at_least_one_and_always_ends(ends: list[tuple[str | None, int]]) -> None:
    throttle = Throttle({})
    for category, running in ends:
        throttle.ended("x", category, running)
        limit = throttle.limit("x")
        assert limit is None or 1 <= limit <= 21
    _good(throttle, ENOUGH * 21 * 21)
    assert throttle.limit("x") is None
