"""Blocking work in threads: results, errors, and stopping for real."""

from __future__ import annotations

import asyncio
import contextvars
import threading

import pytest

from engine.tools.threads import ThreadStopped, in_thread, to_the_end
from tests.support.tools_context import until


async def test_it_returns_the_result_and_sees_the_callers_context() -> None:
    variable = contextvars.ContextVar[str]("variable")
    variable.set("here")
    assert await in_thread(variable.get, grace=0) == "here"


async def test_an_error_comes_through() -> None:
    def fail() -> None:
        raise KeyError("gone")

    with pytest.raises(KeyError, match="gone"):
        await in_thread(fail, grace=0)


async def test_stop_iteration_cannot_hang_the_waiter() -> None:
    with pytest.raises(RuntimeError, match="StopIteration"):
        await in_thread(lambda: next(iter([])), grace=0)


async def test_a_cancelled_function_is_stopped_before_the_cancellation_goes_on() -> None:
    started, ended = threading.Event(), threading.Event()

    def spin() -> None:
        try:
            started.set()
            while True:
                pass
        except ThreadStopped:
            ended.set()
            raise

    task = asyncio.create_task(in_thread(spin, grace=5, interrupt=True))
    await until(started.is_set)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended.is_set()


async def test_without_interrupt_a_cancellation_waits_for_the_end() -> None:
    started, release, ended = threading.Event(), threading.Event(), threading.Event()

    def work() -> None:
        started.set()
        release.wait(5)
        ended.set()

    task = asyncio.create_task(in_thread(work, grace=5))
    await until(started.is_set)
    task.cancel()
    done, _ = await asyncio.wait([task], timeout=0.02)
    assert not done
    release.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended.is_set()


async def test_a_function_that_blocks_outside_python_is_given_up_after_the_grace() -> None:
    started, release = threading.Event(), threading.Event()

    def block() -> None:
        started.set()
        release.wait(20)

    task = asyncio.create_task(in_thread(block, grace=-0.99, interrupt=True))
    await until(started.is_set)
    task.cancel()
    try:
        async with asyncio.timeout(2):
            with pytest.raises(asyncio.CancelledError):
                await task
    finally:
        release.set()


async def test_cleaning_up_survives_further_cancellations() -> None:
    release, finished = asyncio.Event(), asyncio.Event()

    async def clean() -> str:
        await release.wait()
        finished.set()
        return "clean"

    task = asyncio.create_task(to_the_end(clean()))
    for _ in range(3):
        await asyncio.wait([task], timeout=0)
        task.cancel()
    release.set()
    assert await task == "clean"
    assert finished.is_set()
