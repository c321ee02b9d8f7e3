"""The sketch: quantiles close to those of the values, forgetful, mergeable in any order, small."""

from __future__ import annotations

import math
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from engine.estimates.sketch import GAMMA, HALF_LIFE, MOST_BUCKETS, SMALLEST, Sketch

durations = st.floats(min_value=0.001, max_value=1e6)


def sketch(*values: float) -> Sketch:
    made = Sketch()
    for value in values:
        made.add(value)
    return made


def test_an_empty_one_knows_nothing() -> None:
    assert (Sketch().weight, Sketch().quantiles([0.1, 0.9])) == (0.0, [0.0, 0.0])


@given(st.lists(durations, min_size=1, max_size=60), st.floats(min_value=0.01, max_value=1.0))
def test_a_quantile_is_between_the_neighbours_of_its_place(values: list[float], share: float) -> None:
    ordered = sorted(values)
    place = share * len(ordered)
    low, high = ordered[max(math.floor(place) - 2, 0)], ordered[min(math.ceil(place) + 1, len(ordered) - 1)]

    found = sketch(*values).quantile(share)

    assert low / GAMMA <= found * 1.0001 and found <= high * GAMMA * 1.0001


@given(st.lists(durations, max_size=40), st.lists(durations, max_size=40))
def test_merging_is_the_same_in_either_order(first: list[float], second: list[float]) -> None:
    one, other = sketch(*first), sketch(*second)

    together, turned = one.merged(other), other.merged(one)

    assert together.buckets.keys() == turned.buckets.keys()
    assert all(math.isclose(weight, turned.buckets[index], rel_tol=0.01) for index, weight in together.buckets.items())
    assert math.isclose(together.weight, one.weight + other.weight, rel_tol=0.01, abs_tol=0.01)


@given(st.lists(st.floats(min_value=0.0, max_value=1e300), max_size=2_000))
def test_it_stays_small(values: list[float]) -> None:
    made = sketch(*values)

    assert len(made.buckets) <= MOST_BUCKETS
    assert len(made.merged(sketch(*(value / 7 for value in values))).buckets) <= MOST_BUCKETS


def test_zeros_count_and_are_zero() -> None:
    made = sketch(*[0.0] * 60, *[SMALLEST / 2] * 20, *[3.0] * 20)

    assert made.quantiles([0.5, 0.7]) == [0.0, 0.0]
    assert abs(made.quantile(0.9) - 3.0) < 3.0 * (GAMMA - 1)


def test_what_is_recent_counts_more() -> None:
    made = sketch(*[1.0] * 4 * HALF_LIFE, *[10.0] * HALF_LIFE)

    assert 1 / GAMMA < made.quantile(0.45) < GAMMA
    assert 10 / GAMMA < made.quantile(0.55) < 10 * GAMMA  # a fifth of the values, half of the weight


def test_what_is_old_goes_away() -> None:
    made = sketch(*[1.0] * 10, *[10.0] * 20 * HALF_LIFE)

    assert len(made.scaled().buckets) == 1
    assert math.isclose(made.weight, 1 / (1 - 2 ** (-1 / HALF_LIFE)), rel_tol=0.01)


def test_a_distribution_is_told_from_a_thousand_values() -> None:
    chance = Random(5)
    made = sketch(*(chance.lognormvariate(2.0, 0.8) for _ in range(1_000)))

    for share, z in ((0.1, -1.2816), (0.5, 0.0), (0.9, 1.2816)):
        assert abs(math.log(made.quantile(share)) - (2.0 + 0.8 * z)) < 0.15
