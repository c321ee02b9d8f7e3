"""An attempt is stopped at its limits, and by nothing else; the clock is moved by hand."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from engine.errors import Category, Retryable, ToolError
from engine.watch import OutOfTime, Watch
from tests.support.clock import FakeClock, settle_down


class Attempt:
    """Waits under a watch until it is stopped or told to end."""

    def __init__(self, limit: float = 10.0, idle: float | None = None, total: float | None = None) -> None:
        self.clock = FakeClock()
        self.watch = Watch(self.clock, limit, idle, total)
        self.go = asyncio.Event()
        self.task: asyncio.Task[str] = asyncio.create_task(self._run())

    async def _run(self) -> str:
        async with self.watch:
            await self.go.wait()
        return "done"

    async def pass_(self, seconds: float) -> None:
        await settle_down()
        self.clock.advance(seconds)
        await settle_down()

    def error(self) -> ToolError:
        found = self.task.exception()
        assert isinstance(found, ToolError)
        return found


async def test_what_ends_in_time_is_left_alone_and_leaves_no_alarm() -> None:
    attempt = Attempt(limit=10, idle=5, total=20)
    await attempt.pass_(4.9)
    attempt.go.set()

    assert await attempt.task == "done"
    assert attempt.clock.waiting == 0


async def test_the_limit_of_one_attempt() -> None:
    attempt = Attempt(limit=10)
    await attempt.pass_(9.9)
    assert not attempt.task.done()
    await attempt.pass_(0.1)

    error = attempt.error()
    assert (error.category, error.repeat) == (Category.TIMEOUT, None)
    assert "its limit of 10 s" in str(error)
    assert "timeout_seconds" in error.suggestion


async def test_the_time_for_all_attempts_is_over_and_so_are_repeats() -> None:
    attempt = Attempt(limit=10, total=3)
    await attempt.pass_(3)

    error = attempt.error()
    assert isinstance(error, OutOfTime)
    assert error.category is Category.TIMEOUT
    assert "total_seconds" in error.suggestion


async def test_the_attempt_s_own_limit_comes_first_where_it_is_shorter() -> None:
    attempt = Attempt(limit=3, total=10)
    await attempt.pass_(3)

    assert attempt.error().repeat is None


async def test_no_time_left_at_all() -> None:
    attempt = Attempt(limit=3, total=-5)
    await attempt.pass_(0)

    assert isinstance(attempt.error(), OutOfTime)


async def test_without_a_sign_of_life_it_is_stopped() -> None:
    attempt = Attempt(limit=100, idle=5)
    await attempt.pass_(5)

    error = attempt.error()
    assert "no sign of life for 5 s" in str(error)
    assert "idle_seconds" in error.suggestion


async def test_a_sign_of_life_pushes_the_idle_limit_on_but_not_the_others() -> None:
    attempt = Attempt(limit=20, idle=5)
    for _ in range(6):
        await attempt.pass_(3)
        assert not attempt.task.done()
        attempt.watch.alive()
    await attempt.pass_(2)

    assert "its limit of 20 s" in str(attempt.error())


async def test_the_idle_limit_counts_from_the_last_sign() -> None:
    attempt = Attempt(limit=100, idle=5)
    await attempt.pass_(4)
    attempt.watch.alive()
    await attempt.pass_(4.9)
    assert not attempt.task.done()
    await attempt.pass_(0.1)

    assert "no sign of life" in str(attempt.error())


async def test_a_cancellation_from_outside_stays_one() -> None:
    attempt = Attempt(limit=10)
    await settle_down()
    attempt.task.cancel()
    await settle_down()

    assert attempt.task.cancelled()
    assert attempt.clock.waiting == 0


async def test_a_cancellation_from_outside_wins_over_a_limit_at_the_same_moment() -> None:
    attempt = Attempt(limit=10)
    await settle_down()
    attempt.clock.advance(10)
    attempt.task.cancel()
    await settle_down()

    assert attempt.task.cancelled()


async def _raises(error: BaseException) -> None:
    raise error


@pytest.mark.parametrize(
    "work, expected",
    [(lambda: _raises(Retryable("mine")), "mine"), (lambda: _raises(ValueError("bug")), "bug")],
    ids=["tool", "bug"],
)
async def test_an_error_of_the_tool_s_own_passes(work: Callable[[], Awaitable[None]], expected: str) -> None:
    clock = FakeClock()
    with pytest.raises(Exception, match=expected):
        async with Watch(clock, 10, 5):
            await work()

    assert clock.waiting == 0


async def test_what_a_tool_says_while_it_is_stopped_is_kept() -> None:
    """It may have cleaned up and know better why; and the task around it is not cancelled by that."""
    clock = FakeClock()
    stopped = asyncio.Event()

    async def stubborn() -> str:
        with pytest.raises(ToolError, match="cleaned up"):
            async with Watch(clock, 10):
                try:
                    await asyncio.Event().wait()
                except asyncio.CancelledError:
                    raise ToolError("cleaned up") from None
        stopped.set()
        await asyncio.sleep(0)
        return "goes on"

    task = asyncio.create_task(stubborn())
    await settle_down()
    clock.advance(10)

    assert await task == "goes on"
    assert stopped.is_set()
