"""When tools are asked how they are, and what is known of them."""

from __future__ import annotations

from typing import Any

import pytest

from engine.toolhealth import FIRST_SECONDS, ILL_SECONDS, WELL_SECONDS, Checked, ToolWatch, next_interval
from engine.toolport import Declared, ToolHealth
from tests.support.clock import FakeClock, settle_down


class Patient(Declared):
    """A tool that is as it is told."""

    def __init__(self) -> None:
        self.asked = 0
        self.state: ToolHealth | Exception = ToolHealth()

    async def health_check(self) -> ToolHealth:
        self.asked += 1
        if isinstance(self.state, Exception):
            raise self.state
        return self.state


def watch(clock: FakeClock, **tools: Any) -> ToolWatch:
    return ToolWatch(lambda: list(tools), tools.get, clock)


@pytest.mark.parametrize(
    ("before", "now", "seconds"),
    [
        (None, True, 30.0),
        (None, False, 5.0),
        ((True, 30.0), True, 60.0),
        ((True, 800.0), True, 900.0),
        ((True, 900.0), False, 5.0),
        ((False, 5.0), False, 10.0),
        ((False, 300.0), False, 300.0),
        ((False, 40.0), True, 30.0),
    ],
)
def test_the_interval_backs_off_and_begins_anew_with_a_change(
    before: tuple[bool, float] | None, now: bool, seconds: float
) -> None:
    earlier = None if before is None else Checked(ToolHealth(before[0]), 0, before[1])
    assert next_interval(earlier, ToolHealth(now)) == seconds


async def test_a_tool_is_asked_soon_then_ever_more_seldom_and_not_after_the_end() -> None:
    clock, patient = FakeClock(), Patient()
    found = watch(clock, patient=patient)
    assert found.of("patient")["ok"] is None and found.healthy("patient")
    found.begin()
    assert patient.asked == 0
    asked = []
    for seconds in (FIRST_SECONDS, WELL_SECONDS[0], 2 * WELL_SECONDS[0], 4 * WELL_SECONDS[0]):
        clock.advance(seconds - 0.001)
        await settle_down()
        asked.append(patient.asked)
        clock.advance(0.001)
        await settle_down()
    assert asked == [0, 1, 2, 3]
    assert found.of("patient") == {
        "ok": True,
        "detail": "",
        "suggestion": "",
        "checked_at": clock.now(),
        "next_at": clock.now() + 240_000,
    }
    await found.stop()
    clock.advance(10_000)
    await settle_down()
    assert patient.asked == 4 and clock.waiting == 0


async def test_one_that_raises_is_ill_and_is_asked_sooner() -> None:
    clock, patient = FakeClock(), Patient()
    found = watch(clock, patient=patient)
    patient.state = OSError("no such host")
    found.begin()
    clock.advance(FIRST_SECONDS)
    await settle_down()
    assert not found.healthy("patient")
    assert found.of("patient")["detail"] == "OSError: no such host"
    patient.state = ToolHealth()
    clock.advance(ILL_SECONDS[0])
    await settle_down()
    assert found.healthy("patient") and patient.asked == 2
    await found.stop()
