"""Profiles of kinds: what they count, how they merge, come back from text, and see that a kind has become slower."""

from __future__ import annotations

import math
from random import Random

import msgspec
import pytest

from engine.estimates.profile import BLOCK, ENOUGH, NEW_NORMAL, Kind, Observation, Profile, Regression, size_class

KIND = Kind("fetch", "2")


def profile(*seconds: float, kind: Kind = KIND) -> Profile:
    made = Profile(kind)
    for value in seconds:
        made.add(Observation(value, output_bytes=10), 5)
    return made


def regressions(made: Profile, *seconds: float) -> list[Regression]:
    found = [made.add(Observation(value), 9) for value in seconds]
    return [one for one in found if one is not None]


def test_a_kind_has_one_text() -> None:
    assert (KIND.text, Kind("fetch", "2", 12).text) == ("fetch@2", "fetch@2#12")
    assert Kind("fetch", "2", 12).plain == KIND
    assert [size_class(size) for size in (0, 1, 2, 1023, 1024)] == [0, 1, 2, 10, 11]


def test_attempts_are_counted() -> None:
    made = profile(1.0, 2.0)
    made.add(Observation(None, retry=True, cost=0.5), 7)
    made.add(Observation(3.0, output_bytes=7, memory=9, cost=0.25, cpu=0.5), 8)

    assert (made.count, made.failures, made.retries, made.attempts) == (3, 1, 1, 4)
    assert (made.output_bytes, made.memory, made.cost, made.updated_at) == (27, 9, 0.75, 8)
    assert (made.measured, made.cpu, made.memories.quantile(0.5)) == (1, 0.5, pytest.approx(9, rel=0.04))
    assert 1.9 < made.seconds.quantile(0.5) < 2.1
    assert math.isclose(math.exp(made.logs.mean), 6 ** (1 / 3), rel_tol=0.01)


def test_a_profile_comes_back_from_its_text() -> None:
    made = profile(*(0.5 + number / 10 for number in range(40)), kind=Kind("f", "1", 7))

    back = Profile.decode(made.encode())

    assert (back.kind, back.count, back.recent, back.bar) == (made.kind, made.count, made.recent, made.bar)
    assert back.seconds.quantiles([0.1, 0.5, 0.9]) == pytest.approx(made.seconds.quantiles([0.1, 0.5, 0.9]), rel=0.01)
    assert Profile.decode(back.encode()) == back
    with pytest.raises(msgspec.DecodeError):
        Profile.decode('{"count": "many"}')


def test_a_copy_is_not_changed_any_more() -> None:
    made = profile(1.0)
    still = made.copy()

    made.add(Observation(8.0), 9)

    assert (still.count, still.logs.mean, still.recent) == (1, 0.0, [1.0])


def test_two_engines_together_know_what_one_would() -> None:
    values = [Random(3).lognormvariate(0, 1) for _ in range(80)]
    one, first, second = profile(*values), profile(*values[::2]), profile(*values[1::2])

    both, turned = first.merged(second), second.merged(first)

    assert (both.count, both.output_bytes) == (one.count, one.output_bytes)
    assert math.isclose(both.logs.mean, one.logs.mean, abs_tol=0.05)
    assert math.isclose(both.logs.variance, one.logs.variance, rel_tol=0.1)
    assert both.seconds.quantiles([0.1, 0.5, 0.9]) == pytest.approx(turned.seconds.quantiles([0.1, 0.5, 0.9]))


def test_a_kind_that_becomes_slower_is_told_once() -> None:
    made = profile(*(1.0 + (number % 5) / 10 for number in range(5 * BLOCK)))

    found = regressions(made, *[2.0] * 3 * BLOCK)

    assert [(one.kind, one.now) for one in found] == [(KIND, 2.0)]
    assert 1.3 < found[0].before < 1.5
    assert made.regression is not None and made.regression.before == found[0].before


def test_one_that_comes_back_is_told_again_the_next_time() -> None:
    made = profile(*[1.0] * 5 * BLOCK)

    assert len(regressions(made, *[2.0] * BLOCK)) == 1
    regressions(made, *[0.9] * BLOCK)
    assert made.regression is None
    assert regressions(made, *[1.0] * 40 * BLOCK) == []
    assert len(regressions(made, *[2.0] * BLOCK)) == 1


def test_what_stays_slow_becomes_normal() -> None:
    made = profile(*[1.0] * 5 * BLOCK)

    found = regressions(made, *[2.0] * (NEW_NORMAL + 2 * BLOCK))

    assert (len(found), made.regression) == (1, None)
    assert made.bar is not None and made.bar > 1.9


def test_milliseconds_are_no_regression() -> None:
    assert regressions(profile(*[0.0] * 5 * BLOCK), *[0.002] * BLOCK) == []
    assert regressions(profile(*[0.001] * 5 * BLOCK), *[0.009] * BLOCK) == []
    assert len(regressions(profile(*[0.001] * 5 * BLOCK), *[0.02] * BLOCK)) == 1


def test_few_observations_are_no_past_to_compare_with() -> None:
    made = profile(*[1.0] * (ENOUGH - 1 - BLOCK))

    assert regressions(made, *[9.0] * BLOCK) == []


def test_chance_alone_is_rarely_a_regression() -> None:
    chance = Random(11)
    made = profile(*(chance.lognormvariate(0, 1) for _ in range(200)))

    found = regressions(made, *(chance.lognormvariate(0, 1) for _ in range(6_000)))

    assert len(found) <= 1
