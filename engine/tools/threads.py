"""Blocking work off the event loop, in a thread of its own that is stopped when the waiting task is cancelled.

The loop's shared pool is not used: it has few threads, name resolution needs them, and a handful of slow functions
would hold up everything else. Python cannot kill a thread, but it can raise an exception inside one: that ends any
Python code at its next step. Only a call that blocks outside Python outlives it; such work belongs in a process.
"""

from __future__ import annotations

import asyncio
import contextvars
import ctypes
import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class ThreadStopped(BaseException):
    """Raised inside a thread whose work is no longer wanted. Not an ``Exception``, so that no handler keeps it."""


async def to_the_end(work: Coroutine[Any, Any, T]) -> T:
    """Awaits ``work`` to its end even while the awaiting task is cancelled again: for cleaning up."""
    task = asyncio.ensure_future(work)
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            if task.cancelled():
                raise
    return task.result()


async def in_thread(
    function: Callable[[], T], *, grace: float, interrupt: bool = False, stop: Callable[[], None] | None = None
) -> T:
    """Runs ``function`` in a thread and returns what it returns.

    When cancelled it waits for the thread, ``grace`` + 1 seconds at most, before the cancellation goes on.

    Args:
        function: takes no arguments; it sees the context variables of the caller.
        grace: seconds.
        interrupt: raise ``ThreadStopped`` inside the function instead of only waiting for its end.
        stop: called when cancelled: ends a call outside Python that the function waits for.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()
    thread = threading.Thread(target=_body, args=(function, contextvars.copy_context(), loop, future), daemon=True)
    thread.start()
    try:
        return await asyncio.shield(future)
    except asyncio.CancelledError:
        if stop is not None and not future.done():
            stop()
        if interrupt and not future.done():
            _raise_inside(thread)
        future.add_done_callback(_look_at)
        await to_the_end(_settled(future, grace + 1.0))
        raise


def _body(
    function: Callable[[], T],
    context: contextvars.Context,
    loop: asyncio.AbstractEventLoop,
    future: asyncio.Future[T],
) -> None:
    settle: Callable[[], None]
    try:
        result = context.run(function)
    except StopIteration as error:  # a future refuses it
        settle = _failing(future, RuntimeError(f"the function raised StopIteration: {error}"))
    except BaseException as error:
        settle = _failing(future, error)
    else:
        settle = _succeeding(future, result)
    if not loop.is_closed():
        loop.call_soon_threadsafe(settle)


def _failing(future: asyncio.Future[T], error: BaseException) -> Callable[[], None]:
    return lambda: None if future.done() else future.set_exception(error)


def _succeeding(future: asyncio.Future[T], result: T) -> Callable[[], None]:
    return lambda: None if future.done() else future.set_result(result)


def _raise_inside(thread: threading.Thread) -> None:
    if thread.ident is not None:
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident), ctypes.py_object(ThreadStopped))


async def _settled(future: asyncio.Future[Any], seconds: float) -> None:
    """Waits for the end, whatever it is."""
    await asyncio.wait([future], timeout=seconds)


def _look_at(future: asyncio.Future[Any]) -> None:
    """Nobody waits for this outcome any more: asyncio need not complain that nobody looked."""
    if not future.cancelled():
        future.exception()
