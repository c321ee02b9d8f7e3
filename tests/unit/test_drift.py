"""What the soak calls a drift."""

from __future__ import annotations

import random

import pytest

from tests.bench.drift import Tolerance, judged, quantile, slope

TEN_PERCENT = Tolerance(0.10, 1.0)


def test_what_grows_steadily_drifts() -> None:
    verdict = judged("memory", "MiB", [(t, 100 + 0.1 * t) for t in range(0, 1000, 5)], TEN_PERCENT)
    assert verdict.growth == pytest.approx(74.5, abs=1.0)
    assert verdict.drifts


def test_what_swings_and_has_peaks_does_not() -> None:
    chance = random.Random(1)
    points = [(float(t), 100 + chance.uniform(-5, 5) + (200 if t % 97 == 0 else 0)) for t in range(0, 1000, 5)]
    assert not judged("memory", "MiB", points, TEN_PERCENT).drifts


def test_what_grows_only_while_it_settles_does_not() -> None:
    points = [(float(t), min(100.0, 10 + t)) for t in range(0, 1000, 5)]
    assert not judged("memory", "MiB", points, TEN_PERCENT).drifts


def test_what_falls_does_not() -> None:
    assert not judged("threads", "", [(t, 100 - 0.05 * t) for t in range(0, 1000, 5)], TEN_PERCENT).drifts


def test_a_slope_of_one_point_is_none() -> None:
    assert slope([(1.0, 5.0)]) == 0.0


def test_a_quantile_lies_between_the_bounds_of_its_bucket() -> None:
    buckets = [(0.01, 90.0), (0.1, 98.0), (1.0, 100.0), (float("inf"), 100.0)]
    assert quantile(buckets, 0.99) == pytest.approx(0.55)
    assert quantile(buckets, 0.5) == pytest.approx(0.01 * 50 / 90)
    assert quantile([(0.1, 0.0), (float("inf"), 5.0)], 0.99) == 0.1
    assert quantile([(0.1, 0.0)], 0.99) is None
