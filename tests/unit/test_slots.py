"""Slots of an engine: first come first served, and nobody waits for one for long."""

from __future__ import annotations

import asyncio

import pytest

from engine.slots import BEGIN_AT_ONCE, PATIENCE_SECONDS, Slots
from tests.support.clock import FakeClock


class Runs:
    """Attempts that end when they are told to."""

    def __init__(self, slots: int) -> None:
        self.clock = FakeClock()
        self.stalled = 0
        self.slots = Slots(slots, self.clock, self._stalled)
        self.begun: list[str] = []
        self.ends: dict[str, asyncio.Event] = {}

    def _stalled(self) -> None:
        self.stalled += 1

    def start(self, name: str) -> asyncio.Task[str]:
        self.ends[name] = asyncio.Event()

        async def attempt() -> str:
            self.begun.append(name)
            await self.ends[name].wait()
            return name

        return asyncio.create_task(self.slots.run(attempt))


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_a_slot_that_comes_free_goes_to_who_waited_longest() -> None:
    runs = Runs(1)
    first, second, third = (runs.start(name) for name in "abc")
    await settle()
    assert runs.begun == ["a"]
    runs.ends["a"].set()
    runs.ends["b"].set()
    await settle()
    assert (await first, await second, runs.begun) == ("a", "b", ["a", "b", "c"])
    runs.ends["c"].set()
    assert (await third, runs.stalled) == ("c", 0)
    runs.clock.advance(2 * PATIENCE_SECONDS)
    assert runs.stalled == 0, "who got a slot waits no more"


async def test_who_has_no_slot_in_time_is_given_back_and_the_slot_goes_to_the_next() -> None:
    runs = Runs(1)
    first, late = runs.start("a"), runs.start("b")
    await settle()
    runs.clock.advance(PATIENCE_SECONDS - 0.01)
    await settle()
    assert not late.done()
    runs.clock.advance(0.01)
    await settle()
    assert (late.cancelled(), runs.stalled, runs.begun) == (True, 1, ["a"])
    after = runs.start("c")
    await settle()
    runs.ends["a"].set()
    runs.ends["c"].set()
    assert [await first, await after] == ["a", "c"]


async def test_one_that_is_given_back_while_a_slot_comes_free_loses_no_slot() -> None:
    runs = Runs(1)
    first, late = runs.start("a"), runs.start("b")
    await settle()
    runs.ends["a"].set()
    await first
    late.cancel()  # the slot may have been handed to it a moment ago
    with pytest.raises(asyncio.CancelledError):
        await late
    runs.start("c")
    await settle()
    assert runs.begun[-1] == "c"


async def test_all_that_wait_can_be_let_go() -> None:
    runs = Runs(1)
    first, *waiting = (runs.start(name) for name in "abc")
    await settle()
    runs.slots.let_go()
    await settle()
    assert [task.cancelled() for task in waiting] == [True, True]
    assert not first.done()
    runs.ends["a"].set()
    await first


async def test_a_burst_begins_in_small_parts_so_that_others_get_a_word_in_between() -> None:
    runs = Runs(100)
    tasks = [runs.start(str(number)) for number in range(30)]
    seen = []
    for _ in range(8):
        await asyncio.sleep(0)
        seen.append(len(runs.begun))
    steps = [after - before for before, after in zip([0, *seen], seen, strict=False)]
    assert max(steps) <= BEGIN_AT_ONCE
    assert runs.begun == [str(number) for number in range(30)], "all of them, in order"
    late = runs.start("late")
    tasks[3].cancel()
    for end in runs.ends.values():
        end.set()
    assert await late == "late"
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_who_is_cancelled_before_its_turn_never_begins_and_loses_no_slot() -> None:
    runs = Runs(BEGIN_AT_ONCE + 1)
    tasks = [runs.start(str(number)) for number in range(BEGIN_AT_ONCE + 1)]
    await asyncio.sleep(0)
    tasks[-1].cancel()
    await settle()
    assert (tasks[-1].cancelled(), len(runs.begun)) == (True, BEGIN_AT_ONCE)
    after = runs.start("after")
    await settle()
    assert runs.begun[-1] == "after"
    for end in runs.ends.values():
        end.set()
    await asyncio.gather(*tasks, after, return_exceptions=True)
