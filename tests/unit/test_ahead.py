"""How many subtasks are claimed before there is a slot for them."""

from __future__ import annotations

import pytest

from engine.ahead import Ahead

SLOTS = 4


def steadily(mean_seconds: float, turn_seconds: float, slots: int = SLOTS) -> int:
    """What is wanted after ten seconds in which every slot ends an attempt each ``mean_seconds``."""
    ahead = Ahead(slots)
    now, every = 0.0, mean_seconds / slots
    while now < 10.0:
        now += every
        ahead.turned(now, turn_seconds, 1)
    return ahead.wanted(now)


@pytest.mark.parametrize(
    ("mean", "turn", "wanted"),
    [
        (10.0, 0.005, 0),
        (2.0, 0.005, 0),
        (0.5, 0.005, 2),
        (0.05, 0.005, 4),
        (0.01, 0.005, 4),
        (0.001, 0.005, 4),
    ],
)
def test_as_many_are_at_hand_as_end_while_a_turn_is_written(mean: float, turn: float, wanted: int) -> None:
    assert steadily(mean, turn) == wanted


def test_many_slots_need_fewer_each() -> None:
    assert steadily(0.05, 0.005, slots=64) == 20


def test_nothing_is_claimed_ahead_before_anything_has_ended() -> None:
    ahead = Ahead(SLOTS)
    ahead.turned(1.0, 0.005, 0)

    assert ahead.wanted(1.0) == 0


def test_what_ended_long_ago_is_forgotten_without_a_further_turn() -> None:
    ahead = Ahead(SLOTS)
    for step in range(100):
        ahead.turned(step / 20, 0.005, 1)

    assert ahead.wanted(5.0) == 3
    assert ahead.wanted(20.0) == 0


def test_nothing_more_is_claimed_ahead_once_one_has_waited_in_vain_until_some_have_ended() -> None:
    ahead = Ahead(SLOTS)
    for step in range(100):
        ahead.turned(step / 20, 0.005, 1)
    ahead.stalled()
    assert ahead.wanted(5.0) == 0
    for step in range(100, 110):
        ahead.turned(step / 20, 0.005, 1)
    assert ahead.wanted(5.5) > 0
