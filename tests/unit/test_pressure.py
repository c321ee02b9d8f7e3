"""Under pressure less runs, the heaviest first; with room again all of it comes back, and nothing swings."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.easing import Easing, weight_of
from engine.errors import Category
from engine.estimates.profile import Kind, Observation, Profile
from engine.gauge import Reading
from engine.ledger import Ledger
from engine.limits.pressure import (
    LOOKS_ABOVE,
    LOOKS_BELOW,
    MIB,
    Bounds,
    State,
    Step,
    Strain,
    Weight,
    looked,
    strains,
)
from engine.toolport import Resources

BOUNDS = Bounds(memory=0.9, own=100 * MIB, load=8.0, disk=200 * MIB, lag=1.0)
HEAVY = {"render": Weight(4e9, 1.0, 10.0), "convert": Weight(1e9, 3.0, 1e9)}
RUNNING = {"render": 4, "convert": 4, "noop": 2}


def _strain(ratio: float, kind: str = "memory") -> list[Strain]:
    return [Strain(kind, ratio, "much")]  # type: ignore[arg-type]


def _weigh(type_: str) -> Weight:
    return HEAVY.get(type_, Weight())


def _after(looks: int, ratio: float, state: State | None = None, kind: str = "memory", slots: int = 10) -> State:
    state = state or State()
    for _ in range(looks):
        state = looked(state, _strain(ratio, kind), slots, RUNNING, _weigh)
    return state


@pytest.mark.parametrize(
    ("reading", "kind", "ratio", "words"),
    [
        (Reading(memory=0.45), "memory", 0.5, "45% of the memory"),
        (Reading(own=50 * MIB), "own_memory", 0.5, "the engine holds 50 MiB"),
        (Reading(load=16.0), "load", 2.0, "16.0 processes"),
        (Reading(disk=100 * MIB, place="/data"), "disk", 2.0, "100 MiB are free in /data"),
        (Reading(lag=0.25), "lag", 0.25, "0.25 s late"),
    ],
)
def test_each_reading_is_compared_with_its_bound(reading: Reading, kind: str, ratio: float, words: str) -> None:
    (found,) = strains(reading, BOUNDS)
    assert (found.kind, found.ratio) == (kind, pytest.approx(ratio))
    assert words in found.words


def test_what_is_not_known_or_has_no_bound_is_no_strain() -> None:
    assert strains(Reading(), BOUNDS) == []
    assert strains(Reading(memory=1.0, own=1 << 40, load=99.0, disk=0, lag=9.0), Bounds()) == []


def test_a_disk_without_any_room_is_the_worst_strain() -> None:
    found = strains(Reading(memory=0.95, disk=0, place="/data"), BOUNDS)
    assert [strain.kind for strain in found] == ["disk", "memory"]


def test_one_look_above_the_bound_lowers_nothing() -> None:
    assert _after(LOOKS_ABOVE - 1, 2.0).steps == ()
    assert _after(1, 0.5, _after(1, 2.0)) == State((), 0, 1)


def test_the_type_that_takes_most_of_what_is_short_is_halved_first() -> None:
    assert _after(LOOKS_ABOVE, 1.0).limits == {"render": 2}
    assert _after(LOOKS_ABOVE, 1.0, kind="load").limits == {"convert": 2}
    assert _after(LOOKS_ABOVE, 1.0, kind="disk").limits == {"convert": 2}


def test_each_heavy_type_keeps_one_and_then_the_slots_are_halved() -> None:
    steps = _after(LOOKS_ABOVE * 20, 1.5).steps
    assert [(step.type, step.limit) for step in steps] == [
        ("render", 2),
        ("render", 1),
        ("convert", 2),
        ("convert", 1),
        (None, 5),
        (None, 2),
        (None, 1),
    ]


def test_the_first_step_lets_no_more_start_than_run() -> None:
    state = _after(LOOKS_ABOVE, 1.0, slots=100)
    assert (state.slots(100), state.limits) == (50, {"render": 2})
    unknown = looked(State(above=LOOKS_ABOVE - 1), _strain(1.0), 100, {"noop": 90}, _weigh)
    assert (unknown.slots(100), unknown.limits) == (90, {})
    idle = looked(State(above=LOOKS_ABOVE - 1), _strain(1.0), 100, {}, _weigh)
    assert idle.slots(100) == 50


def test_below_the_bound_steps_are_taken_back_one_by_one_the_last_first() -> None:
    state = _after(LOOKS_ABOVE * 3, 1.0)
    assert state.limits == {"render": 1, "convert": 2}
    state = _after(LOOKS_BELOW, 0.5, state)
    assert state.limits == {"render": 1}
    assert _after(LOOKS_BELOW - 1, 0.5, state).limits == {"render": 1}
    assert _after(2 * LOOKS_BELOW, 0.5, state).steps == ()


def test_near_the_bound_nothing_moves() -> None:
    lowered = _after(LOOKS_ABOVE, 1.0)
    assert _after(100, 0.95, lowered).steps == lowered.steps
    assert _after(100, 0.95).steps == ()


@given(st.lists(st.floats(0, 3), max_size=200), st.integers(1, 50))
def test_one_may_always_run_and_room_always_brings_everything_back(ratios: list[float], slots: int) -> None:
    state = State()
    for ratio in ratios:
        state = looked(state, _strain(ratio), slots, RUNNING, _weigh)
        assert 1 <= state.slots(slots) <= slots
        assert all(limit >= 1 for limit in state.limits.values())
    for _ in range(LOOKS_BELOW * (len(state.steps) + 1)):
        state = looked(state, _strain(0.0), slots, RUNNING, _weigh)
    assert (state.slots(slots), state.limits) == (slots, {})


def test_what_was_learned_goes_before_what_is_declared() -> None:
    declared = Resources(memory_mb=2048, output_bytes=100)
    assert weight_of(None, declared) == Weight(2048.0 * MIB, 1.0, 100.0)
    assert weight_of(None, Resources()) == Weight()
    profile = Profile(Kind("render"))
    assert weight_of(profile, declared).memory == 2048 * MIB
    profile.add(Observation(2.0, output_bytes=7, memory=64 * MIB, cpu=4.0), 1)
    learned = weight_of(profile, declared)
    assert learned.memory == pytest.approx(64 * MIB, rel=0.1)
    assert (learned.cpu, learned.output) == (pytest.approx(2.0, rel=0.1), 7.0)


class _NoGauge:
    def read(self) -> Reading:
        raise AssertionError("this test hands its readings in")


def _easing(ledger: Ledger, woken: list[int]) -> Easing:
    return Easing(_NoGauge(), BOUNDS, 0.0, ledger, _weigh, lambda: woken.append(1))


def test_the_ledger_is_told_and_the_health_says_why() -> None:
    ledger, woken = Ledger(10, {"render": 9}), list[int]()
    easing = _easing(ledger, woken)
    assert easing.health()["ok"] is True
    ledger._running_by_type.update({"render": 6})

    for _ in range(LOOKS_ABOVE):
        easing.look(Reading(memory=0.99))

    health = easing.health()
    assert (health["ok"], health["slots"], health["limits"]) == (False, 6, {"render": 3})
    assert health["reasons"] == ["99% of the memory is taken, and 90% may be"] == easing.reasons
    assert ledger.throttle.limits() == {"render": 3}
    assert (ledger.open_slots, ledger.slots, len(woken)) == (6, 10, 1)
    assert easing.levels() == {"memory": 1.1}

    for _ in range(2 * LOOKS_BELOW):
        easing.look(Reading(memory=0.5))

    assert (easing.health()["ok"], easing.reasons, ledger.open_slots) == (True, [], 10)
    assert ledger.throttle.limits() == {"render": 9}
    assert len(woken) == 3


def test_a_shortage_that_a_tool_meets_lowers_its_type_besides() -> None:
    ledger = Ledger(10, {})
    ledger.ease(5, {"render": 3})
    ledger.throttle.ended("render", Category.RESOURCE, 3)
    assert ledger.throttle.limit("render") == 2
    ledger.ease(10, {})
    assert ledger.throttle.limit("render") == 2


def test_a_step_says_of_whom_it_is() -> None:
    assert State((Step("a", 3), Step(None, 4), Step("a", 1))).limits == {"a": 1}
