"""The estimator: from the same subtask down to nothing known, narrow where it may be, honest where it may not."""

from __future__ import annotations

import math
from collections.abc import Iterable
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from engine.estimates.estimate import UNKNOWN
from engine.estimates.estimator import Estimator
from engine.estimates.precedents import Precedent, Precedents
from engine.estimates.profile import Kind, Observation, Profile, size_class


def profiles(*seen: tuple[Kind, Iterable[float]]) -> dict[Kind, Profile]:
    found = {}
    for kind, values in seen:
        found[kind] = Profile(kind)
        for value in values:
            found[kind].add(Observation(value), 0)
    return found


def lognormal(seed: int, number: int, middle: float = 10.0, width: float = 0.5) -> list[float]:
    chance = Random(seed)
    return [middle * math.exp(chance.gauss(0, width)) for _ in range(number)]


def runs(*each: dict[str, float], type_: str = "t") -> Precedents:
    return Precedents([[Precedent(key, type_, value) for key, value in run.items()] for run in each])


def test_nothing_known_is_said_so() -> None:
    assert Estimator({}).estimate("k", "t") == UNKNOWN


def test_a_kind_is_estimated_from_its_own() -> None:
    found = Estimator(profiles((Kind("t", "1"), lognormal(1, 200)))).estimate("k", "t", "1")

    assert (found.basis, found.count) == ("kind", 200)
    assert 9 < found.seconds < 11
    assert 4.5 < found.low < 6 and 17 < found.high < 21  # exp(±1.28 · 0.5)


def test_few_observations_make_a_wide_interval() -> None:
    def width(number: int) -> float:
        found = Estimator(profiles((Kind("t"), lognormal(1, number)))).estimate("k", "t")
        return math.log(found.high / found.low)

    assert width(1) > width(3) > width(200)


def test_intervals_cover_four_of_five_also_for_few() -> None:
    for number in (2, 3, 5, 10, 30):
        covered = 0
        for seed in range(400):
            values = lognormal(seed, number + 1, width=0.3)
            found = Estimator(profiles((Kind("t"), values[:-1]))).estimate("k", "t")
            covered += found.low <= values[-1] <= found.high
        assert 0.74 < covered / 400 < 0.92, number


def test_another_version_is_evidence_of_the_type_only() -> None:
    known = profiles((Kind("t", "1"), lognormal(1, 200)), (Kind("other"), [0.1] * 50))

    same, next_ = (Estimator(known).estimate("k", "t", version) for version in ("1", "2"))

    assert (same.basis, next_.basis) == ("kind", "type")
    assert 9 < next_.seconds < 11
    assert next_.low < same.low and next_.high > same.high


def test_a_new_version_soon_counts_more_than_the_old_one() -> None:
    known = profiles((Kind("t", "1"), lognormal(1, 200)), (Kind("t", "2"), lognormal(2, 5, middle=30.0, width=0.1)))

    found = Estimator(known).estimate("k", "t", "2")

    assert (found.basis, found.count) == ("kind", 5)
    assert 27 < found.seconds < 34


def test_an_unknown_type_is_like_all_the_others_and_that_is_not_sure() -> None:
    found = Estimator(profiles((Kind("a"), [5.0] * 30), (Kind("b"), [5.0] * 30))).estimate("k", "new")

    assert found.basis == "any"
    assert 4.5 < found.seconds < 5.5 and found.high / found.low > 20


def sized(factor: float) -> dict[Kind, Profile]:
    """Inputs of four sizes; with each doubling it takes ``factor`` times as long."""
    seen: dict[Kind, list[float]] = {Kind("t"): []}
    for number in range(160):
        bytes_ = 1000 * 2 ** (number % 4)
        value = lognormal(number, 1, width=0.2)[0] * factor ** (number % 4)
        seen[Kind("t")].append(value)
        seen.setdefault(Kind("t", "", size_class(bytes_)), []).append(value)
    return profiles(*seen.items())


def test_the_size_counts_where_it_explains_the_durations() -> None:
    estimator = Estimator(sized(factor=3.0))

    small, large = (estimator.estimate("k", "t", "", bytes_) for bytes_ in (1000, 8000))
    whole = estimator.estimate("k", "t")

    assert 9 < small.seconds < 11 and 240 < large.seconds < 300
    assert large.high / large.low < whole.high / whole.low / 4


def test_the_size_is_left_out_where_it_says_nothing() -> None:
    estimator = Estimator(sized(factor=1.0))

    assert estimator.estimate("k", "t", "", 8000) == estimator.estimate("k", "t")


def test_a_size_never_seen_is_not_extrapolated() -> None:
    estimator = Estimator(sized(factor=3.0))

    assert estimator.estimate("k", "t", "", 10**9) == estimator.estimate("k", "t")


def test_the_same_subtask_counts_where_subtasks_really_differ() -> None:
    known = profiles((Kind("t"), [1.0, 100.0] * 6))
    each = [{"short": 1.0 + number / 10, "long": 100.0 - number, "other": 10.0} for number in range(3)]

    estimator = Estimator(known, runs(*each))

    short, long = estimator.estimate("short", "t"), estimator.estimate("long", "t")
    assert short.basis == long.basis == "subtask" and long.count == 3
    assert 0.9 < short.seconds < 1.5 and 80 < long.seconds < 110


def test_the_same_subtask_counts_little_where_the_differences_are_chance() -> None:
    each = [{f"k{number}": value for number, value in enumerate(lognormal(seed, 60, width=0.8))} for seed in range(3)]
    each = [run | {"k0": 60.0} for run in each[:1]] + each[1:]

    found = Estimator({}, runs(*each)).estimate("k0", "t")

    assert 7 < found.seconds < 16


def test_one_earlier_run_is_half_believed() -> None:
    values = {f"k{number}": value for number, value in enumerate(lognormal(1, 60, width=0.8))}
    longest = max(values, key=values.__getitem__)

    found = Estimator({}, runs(values)).estimate(longest, "t")

    assert 10 < found.seconds < values[longest]


def test_a_subtask_that_grew_for_the_first_time_is_like_its_siblings() -> None:
    found = Estimator({}, runs({"a": 5.0, "b": 5.2}, {"a": 5.1, "b": 4.9})).estimate("new", "t")

    assert (found.basis, found.count) == ("subtask", 0)
    assert 4.5 < found.seconds < 5.5


def test_durations_of_nothing_are_nothing_with_room_above() -> None:
    found = Estimator(profiles((Kind("noop"), [0.0] * 50))).estimate("k", "noop")

    assert found.seconds <= 0.001 and found.low == 0.0 < found.high and found.high < 0.01


seconds = st.one_of(st.just(0.0), st.sampled_from([0.001, 1.0, 1.0]), st.floats(min_value=0.0, max_value=1e7))
earlier = st.lists(st.dictionaries(st.sampled_from(["a", "b", "c", "d"]), seconds), max_size=3)


@given(earlier, st.lists(seconds, max_size=30), st.lists(seconds, max_size=30))
def test_whatever_was_seen_an_estimate_is_in_order(
    each: list[dict[str, float]], own: list[float], other: list[float]
) -> None:
    known = profiles((Kind("t", "1"), own), (Kind("t", "0"), other), (Kind("u"), other))

    found = Estimator(known, runs(*each)).estimate("a", "t", "1")

    assert 0 <= found.low <= found.seconds <= found.high and found.seconds > 0
    assert math.isfinite(found.high) or found.high > 1e6
