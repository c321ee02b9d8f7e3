"""The executor of threads: each call in a thread with an event loop of its own.

A function that is not async has a thread anyway. This is for one that is, and holds its loop up all the same: the
engine's stays quick.
"""

from __future__ import annotations

import asyncio

from engine.executors import Place, Work
from engine.model import Json
from engine.toolport import RunContext, Tool
from engine.tools.threads import in_thread


class ThreadExecutor:
    """Carries calls out in threads of this process. It has room for as many as the engine has slots."""

    def __init__(self, grace: float) -> None:
        self._grace = grace

    async def enter(self, work: Work) -> Place:
        """A place."""
        return _Seat(work.tool, self._grace)


class _Seat:
    """See ``engine.executors.Place``."""

    agent_id = ""
    under_way = False

    def __init__(self, tool: Tool, grace: float) -> None:
        self._tool, self._grace = tool, grace

    async def run(self, value: Json, context: RunContext) -> Json:
        """Calls the tool; cancelled, it raises an exception inside the thread, which ends what is Python."""

        def call() -> Json:
            return asyncio.run(_given(self._tool, value, context))

        return await in_thread(call, grace=self._grace, interrupt=True)

    def leave(self) -> None:
        """Nothing was kept."""


async def _given(tool: Tool, value: Json, context: RunContext) -> Json:
    return await tool.run(value, context)
