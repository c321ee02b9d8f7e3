"""How late the event loop is: what waits on it waits so long before anything is done for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager

LOOK_SECONDS = 0.5
"""Time between two looks; a look takes a few microseconds."""


@contextmanager
def watched(note: Callable[[float], None]) -> Iterator[None]:
    """Notes now and then by how many seconds a timer of the running loop came late."""
    loop = asyncio.get_running_loop()
    timer: asyncio.TimerHandle

    def look(due: float) -> None:
        nonlocal timer
        note(max(0.0, loop.time() - due))
        timer = plan()

    def plan() -> asyncio.TimerHandle:
        due = loop.time() + LOOK_SECONDS
        return loop.call_at(due, look, due)

    timer = plan()
    try:
        yield
    finally:
        timer.cancel()
