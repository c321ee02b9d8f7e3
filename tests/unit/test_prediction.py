"""When a plan will have ended: intervals, what runs already, what a run has shown, and what if."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.estimates.drift import COMMON, FARTHEST, Drift
from engine.estimates.estimate import Z90, Estimate
from engine.estimates.prediction import COARSE, NOTHING_LEFT, Change, Workload, changed, predict
from engine.estimates.sampling import Sampler
from engine.estimates.shape import Shape
from engine.estimates.simulator import network

CERTAIN = Estimate(1.0, 1.0, 1.0, 9, "subtask")
ROUGH = Estimate(10.0, 5.0, 20.0, 9, "kind")


def workload(
    dependencies: Sequence[Sequence[int]],
    estimates: Sequence[Estimate],
    slots: int = 2,
    types: Sequence[str] = (),
    elapsed: Mapping[int, float] | None = None,
    limits: Mapping[str, int] | None = None,
) -> Workload:
    kinds = list(types) or ["t"] * len(estimates)
    graph = network(dependencies, range(len(estimates)), kinds if limits else ())
    return Workload(graph, estimates, kinds, slots, limits or {}, elapsed or {})


def test_certain_durations_give_a_certain_end() -> None:
    found = predict(workload([[], [], [0, 1]], [CERTAIN] * 3))

    assert (found.seconds, found.low, found.high) == pytest.approx((2.0, 2.0, 2.0))
    assert (found.work_seconds, found.critical_path_seconds) == pytest.approx((3.0, 2.0))
    assert found.evidence == {"subtask": 3}


def test_nothing_left_takes_no_time() -> None:
    assert predict(workload([], [])) == NOTHING_LEFT


def test_one_subtask_ends_when_its_estimate_says() -> None:
    found = predict(workload([[]], [ROUGH]))

    assert (found.low, found.seconds, found.high) == pytest.approx((5.0, 10.0, 20.0), rel=0.25)


@pytest.mark.parametrize("estimate", [ROUGH, Estimate(1.0, 0.1, 1.5), Estimate(2.0, 2.0, 2.0)])
def test_a_shape_keeps_its_quantiles_and_knows_its_mean(estimate: Estimate) -> None:
    shape = Shape.of(estimate)
    chance = Random(1)

    assert [shape.at(z) for z in (-Z90, 0.0, Z90)] == pytest.approx([estimate.low, estimate.seconds, estimate.high])
    assert shape.mean == pytest.approx(statistics.fmean(shape.at(chance.gauss(0, 1)) for _ in range(40_000)), rel=0.02)
    for seconds in (estimate.seconds / 3, estimate.seconds * 1.2):
        if (off := shape.deviations(seconds)) is not None:
            assert shape.at(off) == pytest.approx(seconds)


def test_the_same_question_gets_the_same_answer() -> None:
    asked = workload([[], [0], [0]], [ROUGH] * 3)

    assert predict(asked) == predict(asked)


def test_many_subtasks_are_surer_than_one_but_not_as_sure_as_if_they_had_nothing_in_common() -> None:
    width = {
        count: math.log(found.high / found.low)
        for count in (1, 400)
        if (found := predict(workload([[] for _ in range(count)], [ROUGH] * count)))
    }

    assert width[400] < width[1]
    assert width[400] > math.sqrt(COMMON) * width[1] * 0.7


def test_a_limit_of_a_type_lengthens_the_run() -> None:
    estimates = [CERTAIN] * 4

    assert predict(workload([[]] * 4, estimates, 4)).seconds == pytest.approx(1.0)
    assert predict(workload([[]] * 4, estimates, 4, "aaab", limits={"a": 1})).seconds == pytest.approx(3.0)


@pytest.mark.parametrize("gone", [1.0, 9.0, 30.0])
def test_what_runs_is_longer_than_it_has_run(gone: float) -> None:
    sampler = Sampler([ROUGH], ["t"], {0: gone}, Drift())
    left = [running[0] for _, running in sampler.draws(200)]

    assert min(left) >= 0
    drawn = (Shape.of(ROUGH).at(Random(seed).gauss(0.0, 1.0)) for seed in range(20_000))
    longer = [draw for draw in drawn if draw > gone]
    assert statistics.median(left) == pytest.approx(statistics.median(longer) - gone, rel=0.4, abs=0.5)


def test_what_has_refuted_its_estimate_may_take_a_good_while_longer() -> None:
    sampler = Sampler([Estimate(1.0, 0.9, 1.1)], ["t"], {0: 100.0}, Drift())

    assert statistics.fmean(running[0] for _, running in sampler.draws(400)) == pytest.approx(20.0, rel=0.3)


def test_a_slow_run_is_foretold_to_stay_slow_for_the_kinds_that_were() -> None:
    slow = Drift()
    for _ in range(50):
        slow.add("t", ROUGH, 20.0)
    asked = workload([[] for _ in range(20)], [ROUGH] * 20)
    other = workload([[] for _ in range(20)], [ROUGH] * 20, types=["u"] * 20)

    assert predict(asked, slow).seconds > predict(asked).seconds * 1.2
    assert predict(other, slow).seconds == pytest.approx(predict(other).seconds)


def test_the_first_to_end_do_not_make_a_run_look_fast() -> None:
    """Of sixteen that began together the four shortest have ended: as one would expect."""
    off = [statistics.NormalDist().inv_cdf((place + 0.5) / 16) for place in range(16)]
    drift = Drift()
    for z in off[:4]:
        drift.add("t", ROUGH, 10.0 * math.exp(z * math.log(2) / Z90))
    reached = [off[3]] * 12

    assert drift.belief("t")[0] < -1.0
    assert abs(drift.belief("t", reached)[0]) < 0.2


@given(st.lists(st.floats(1e-3, 1e3), max_size=60), st.lists(st.floats(-10, 10), max_size=20))
def test_a_belief_stays_within_reason(seconds: list[float], running: list[float]) -> None:
    drift = Drift()
    for value in seconds:
        drift.add("t", ROUGH, value)
    mean, deviation = drift.belief("t", running)

    assert abs(mean) <= FARTHEST / math.sqrt(COMMON)
    assert 0 < deviation <= 1.1


def test_estimates_without_width_or_length_say_nothing_about_a_run() -> None:
    drift = Drift()
    drift.add("t", CERTAIN, 5.0)
    drift.add("t", Estimate(0.0, 0.0, 0.0), 5.0)
    drift.add("t", ROUGH, 0.0)

    assert not drift


def test_a_large_plan_gets_a_coarse_answer_that_is_close_to_the_fine_one() -> None:
    asked = {count: workload([[] for _ in range(count)], [ROUGH] * count, 16) for count in (COARSE, COARSE + 1)}
    fine, coarse = (predict(asked[count]) for count in (COARSE, COARSE + 1))

    assert coarse.seconds == pytest.approx(fine.seconds, rel=0.05)
    assert (coarse.low, coarse.high) == pytest.approx((fine.low, fine.high), rel=0.1)


def test_what_if_there_were_more_slots_or_a_slower_tool() -> None:
    needs: list[list[int]] = [[], [], [], []]
    asked = workload(needs, [CERTAIN] * 4, 2, "aabb")

    assert predict(asked).seconds == pytest.approx(2.0)
    assert predict(changed(asked, needs, Change(slots=4))).seconds == pytest.approx(1.0)
    assert predict(changed(asked, needs, Change(factors={"a": 3.0}))).seconds == pytest.approx(4.0)


def test_a_branch_that_is_not_there_takes_along_what_depends_on_it_alone() -> None:
    """0 -> 1 -> 2, 3 -> 2, 1 -> 4: without 1 there is no 4, but there is a 2."""
    needs: list[list[int]] = [[], [0], [1, 3], [], [1]]
    asked = workload(needs, [CERTAIN] * 5, 1, "abcde", {0: 0.25})

    left = changed(asked, needs, Change(without=[1]))

    assert left.types == ["a", "c", "d"]
    assert left.network.unmet == [0, 1, 0]
    assert left.elapsed == {0: 0.25}
    assert predict(left).seconds == pytest.approx(2.75)


def test_what_runs_already_keeps_its_tool() -> None:
    asked = workload([[]], [CERTAIN], 1, "a", {0: 0.5})

    assert predict(changed(asked, [[]], Change(factors={"a": 10.0}))).seconds == pytest.approx(0.5)
