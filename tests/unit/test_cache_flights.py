"""One run for all who want the same: who makes it, who gets it, and what a cancellation or a failure takes away."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from engine.caching.flights import MOST_FAILED, Flight, Flights, Place


class Watcher:
    def __init__(self) -> None:
        self.seen = 0

    def alive(self) -> None:
        self.seen += 1


class Work:
    """Work that a test lets end; it counts its runs."""

    def __init__(self) -> None:
        self.runs = 0
        self.stopped = 0
        self.outcomes: list[asyncio.Future[str]] = []

    async def __call__(self, flight: Flight[str]) -> str:
        self.runs += 1
        flight.alive()
        self.outcomes.append(asyncio.get_running_loop().create_future())
        try:
            return await self.outcomes[-1]
        except asyncio.CancelledError:
            self.stopped += 1
            raise


def place(number: int) -> Place:
    return Place(f"T{number}.0", f"T{number}", "k")


async def steps() -> None:
    """Lets everything happen that can."""
    for _ in range(10):
        await asyncio.sleep(0)


def joined(
    flights: Flights[str], work: Callable[[Flight[str]], Awaitable[str]], number: int, watch: Watcher | None = None
) -> asyncio.Task[tuple[str, str]]:
    return asyncio.create_task(flights.join("key", place(number), watch or Watcher(), work))


async def test_all_get_what_one_run_gives() -> None:
    flights, work = Flights[str](), Work()
    tasks = [joined(flights, work, number) for number in range(3)]
    await steps()
    assert [flights.leader_of(place(number).id) for number in range(3)] == [None, place(0), place(0)]

    work.outcomes[0].set_result("done")

    assert await asyncio.gather(*tasks) == [("done", ""), ("done", "T0.0"), ("done", "T0.0")]
    assert (work.runs, flights.leader_of("T1.0")) == (1, None)


async def test_the_run_goes_on_without_the_first_and_the_next_is_its_maker() -> None:
    flights, work = Flights[str](), Work()
    tasks = [joined(flights, work, number) for number in range(3)]
    await steps()

    tasks[0].cancel()
    await steps()
    assert tasks[0].cancelled() and work.stopped == 0
    work.outcomes[0].set_result("done")

    assert await asyncio.gather(*tasks[1:]) == [("done", ""), ("done", "T1.0")]


async def test_with_the_last_one_the_run_is_stopped_and_can_begin_anew() -> None:
    flights, work = Flights[str](), Work()
    tasks = [joined(flights, work, number) for number in range(2)]
    await steps()

    for task in tasks:
        task.cancel()
    await steps()
    assert (work.stopped, all(task.cancelled() for task in tasks)) == (1, True)

    again = joined(flights, work, 5)
    await steps()
    work.outcomes[1].set_result("done")
    assert await again == ("done", "")


async def test_a_failure_is_that_of_the_first_and_the_next_begins_anew() -> None:
    flights, work = Flights[str](), Work()
    tasks = [joined(flights, work, number) for number in range(3)]
    await steps()

    work.outcomes[0].set_exception(ValueError("not yet"))
    await steps()
    with pytest.raises(ValueError, match="not yet"):
        await tasks[0]
    assert work.runs == 2
    work.outcomes[1].set_result("done")

    assert await asyncio.gather(*tasks[1:]) == [("done", ""), ("done", "T1.0")]


async def test_nobody_waits_for_more_than_a_few_that_fail() -> None:
    flights, work = Flights[str](), Work()
    tasks = [joined(flights, work, number) for number in range(6)]
    await steps()

    for turn in range(MOST_FAILED):
        work.outcomes[turn].set_exception(ValueError(str(turn)))
        await steps()

    left = 6 - MOST_FAILED
    assert work.runs == MOST_FAILED + left, "each of the others runs by itself"
    for outcome in work.outcomes[MOST_FAILED:]:
        outcome.set_result("done")
    ends = await asyncio.gather(*tasks, return_exceptions=True)
    assert ends[MOST_FAILED:] == [("done", "")] * left


async def test_a_sign_of_life_reaches_everybody() -> None:
    flights, watches = Flights[str](), [Watcher(), Watcher()]
    gate = asyncio.Event()

    async def work(flight: Flight[str]) -> str:
        await gate.wait()
        flight.alive()
        return "done"

    tasks = [joined(flights, work, number, watch) for number, watch in enumerate(watches)]
    await steps()
    gate.set()
    await asyncio.gather(*tasks)

    assert [watch.seen for watch in watches] == [1, 1]
