"""What is told of the attempts of some days: sums, rates and means, and where time is lost."""

from __future__ import annotations

import math

from engine.estimates.profile import Kind, Regression
from engine.estimates.trends import Sums, Trend, bottlenecks, by_day, by_type
from engine.model import Json


def trend(type_: str = "a", day: int = 1, outcome: str = "completed", attempts: int = 10, **fields: Json) -> Trend:
    values: dict[str, Json] = {"seconds": 1.0 * attempts, "longest": 2.0, "wait": 0.0, "error": None, "expected": 0}
    return Trend(type_, day, outcome, attempts, bytes=0, **(values | fields))


def test_rates_are_of_the_attempts_that_did_work() -> None:
    rows = [trend(attempts=6), trend(outcome="failed", attempts=2), trend(outcome="cached", attempts=6, seconds=0.0)]

    told = Sums([*rows, trend(outcome="interrupted", attempts=5)]).shown()

    assert (told["attempts"], told["success_rate"], told["failure_rate"], told["cache_hit_rate"]) == (
        19,
        0.75,
        0.25,
        0.5,
    )
    assert (told["seconds"], told["mean_seconds"], told["longest_seconds"]) == (8.0, 1.0, 2.0)


def test_nothing_has_no_rates() -> None:
    told = Sums([]).shown()

    assert (told["attempts"], told["seconds"]) == (0, 0.0)
    assert {told[name] for name in ("success_rate", "cache_hit_rate", "mean_seconds", "estimate_error")} == {None}


def test_means_count_each_attempt_the_same() -> None:
    rows = [trend(attempts=30, wait=1.0, error=0.1, expected=10), trend(attempts=10, wait=5.0, error=0.4, expected=5)]

    told = Sums([*rows, trend(outcome="failed", wait=None)]).shown()

    assert (told["mean_wait_seconds"], round(told["estimate_error"], 3)) == (2.0, 0.2)
    assert math.isclose(told["estimate_factor"], math.exp(0.2))


def test_rows_are_put_together_by_type_and_by_day() -> None:
    rows = [trend("b", 2), trend("a", 2), trend("a", 1), trend("a", 1, "failed")]

    assert {type_: sums.attempts() for type_, sums in by_type(rows).items()} == {"a": 30, "b": 10}
    assert [(place, sums.attempts()) for place, sums in by_day(rows).items()] == [
        ((1, "a"), 20),
        ((2, "a"), 10),
        ((2, "b"), 10),
    ]


def named(*rows: Trend, slower: tuple[Regression, ...] = ()) -> list[tuple[str, str]]:
    return [(found["type"], found["reason"]) for found in bottlenecks(by_type(rows), slower)]


def test_what_takes_the_time_waits_or_fails_is_named() -> None:
    assert named() == []
    assert named(trend("a", seconds=95.0), trend("b", seconds=5.0)) == [("a", "time")]
    assert named(trend("a", wait=3.0)) == [("a", "time"), ("a", "waiting")]
    assert named(trend("a", wait=0.5)) == [("a", "time")]
    assert named(trend("a"), trend("a", outcome="failed", attempts=2)) == [("a", "time"), ("a", "failures")]
    assert named(trend("a", attempts=1), trend("a", outcome="failed", attempts=2)) == [("a", "time")]  # too few to say


def test_a_kind_that_became_slower_is_named_in_words() -> None:
    found = bottlenecks({}, [Regression(Kind("fetch", "2"), 3.0, 1.5)])

    assert found == [
        {
            "type": "fetch",
            "reason": "regressed",
            "detail": "fetch: takes 3 s lately; nine of ten took at most 1.5 s before",
            "value": 2.0,
        }
    ]
