"""The engine's time: the database's, whatever the machine's own clock says."""

from __future__ import annotations

from engine.clock import SystemClock

MINUTES = 600_000


class Machine(SystemClock):
    """Its two clocks are the test's."""

    wall, seconds = 1_000_000, 50.0

    def _wall(self) -> int:
        return self.wall

    def monotonic(self) -> float:
        return self.seconds


def test_before_a_correction_it_is_the_wall_clock_and_never_goes_back() -> None:
    clock = Machine()
    assert clock.now() == 1_000_000
    clock.wall = 900_000
    assert clock.now() == 1_000_000


def test_a_clock_that_was_fast_does_not_stand_still_until_the_time_has_caught_up() -> None:
    clock = Machine()
    assert clock.now() == 1_000_000
    clock.correct(1_000_000 - MINUTES)
    assert clock.now() == 1_000_000 - MINUTES
    clock.seconds += 2.0
    assert clock.now() == 1_002_000 - MINUTES


def test_between_corrections_the_wall_clock_may_jump() -> None:
    clock = Machine()
    clock.correct(5_000_000)
    clock.wall += MINUTES
    clock.seconds += 1.0
    assert clock.now() == 5_001_000


def test_after_the_first_correction_it_never_goes_back() -> None:
    clock = Machine()
    clock.correct(5_000_000)
    assert clock.now() == 5_000_000
    clock.correct(4_999_500)
    assert clock.now() == 5_000_000
    clock.seconds += 1.0
    assert clock.now() == 5_000_500
