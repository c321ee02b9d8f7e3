"""Rates as people write them, and windows that hold for every stretch of their length."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.limits.window import LocalLimiter
from engine.rates import Rate, Want, parse_rate, parse_rates, per_minute
from tests.support.clock import FakeClock


@pytest.mark.parametrize(("text", "rate"), [("10/minute", Rate(10, 60.0)), (" 1/day ", Rate(1, 86_400.0))])
def test_a_rate_is_read(text: str, rate: Rate) -> None:
    assert parse_rate(text) == rate
    assert str(rate) == text.strip()


@pytest.mark.parametrize("text", ["", "0/second", "10", "10/week", "-1/minute", "1.5/second", "10000/second"])
def test_anything_else_is_refused_with_what_would_be_right(text: str) -> None:
    with pytest.raises(ValueError, match='write a rate as "10/minute"'):
        parse_rate(text)


def test_the_settings_name_types_hosts_and_users() -> None:
    rates = parse_rates({"http_request": "5/second", "host=API.example.com:8443": "1/minute", "user": "9/hour"})

    assert rates.types == {"http_request": Rate(5, 1.0)}
    assert rates.hosts == {"api.example.com:8443": Rate(1, 60.0)}
    assert rates.user == Rate(9, 3600.0)


def test_what_a_tool_says_of_itself_may_be_less_than_one_in_a_minute() -> None:
    assert per_minute(30.0) == Rate(30, 60.0)
    assert per_minute(0.5) == Rate(1, 120.0)


async def test_all_limits_are_taken_or_none() -> None:
    limiter = LocalLimiter(FakeClock())
    rate, room = Want("r", "r", Rate(5, 1.0)), Want("c", "c", None, 1)

    assert await limiter.take([rate, room], "a") is None
    denied = await limiter.take([rate, room], "b")
    assert denied is not None and denied.want is room
    assert await limiter.free(rate, 9) == (4, 0.0)
    await limiter.release([rate, room], "a")
    assert await limiter.take([rate, room], "b") is None


@given(st.integers(1, 6), st.lists(st.floats(0.0, 3.0), max_size=60))
async def test_no_stretch_of_a_window_holds_more_than_the_rate(count: int, waits: list[float]) -> None:
    clock = FakeClock()
    limiter, want = LocalLimiter(clock), Want("k", "k", Rate(count, 2.0))
    taken: list[float] = []
    for wait in waits:
        clock.advance(wait)
        denied = await limiter.take([want], "s")
        if denied is None:
            taken.append(clock.monotonic())
            continue
        assert denied.wait is not None and 0 < denied.wait <= 2.0 + 1e-5
        clock.advance(denied.wait)
        assert await limiter.take([want], "s") is None
        taken.append(clock.monotonic())
    for begin in taken:
        assert sum(begin <= at < begin + 2.0 - 1e-6 for at in taken) <= count
