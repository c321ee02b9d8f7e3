"""Brings what the loop has decided to a graph that may be away: it waits, and sends nothing twice.

After a lost connection nobody knows whether the last turn was written. So it is read back before anything else is sent.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import structlog

from engine.errors import GraphUnavailable
from engine.ledger import Ledger
from engine.payloads import Payloads
from engine.ports import Graph
from engine.turn import Turn, TurnResult, Undecided

_log = structlog.get_logger("scheduler")
T = TypeVar("T")

RECONNECT_SECONDS = (0.05, 2.0)
"""First and longest pause between attempts to reach the graph again; they grow until a turn is written."""


class Delivery:
    """The way of one engine's writes to the graph.

    Args:
        graph: takes them.
        ledger: forgets what the answer to a turn would have told.
        payloads: has the Results that a turn refers to.
        undecided: is told of subtasks without a verdict, when the answer that named them was lost.
    """

    def __init__(
        self, graph: Graph, ledger: Ledger, payloads: Payloads, undecided: Callable[[Sequence[Undecided]], None]
    ) -> None:
        self._graph = graph
        self._ledger = ledger
        self._payloads = payloads
        self._undecided = undecided
        self._pause = RECONNECT_SECONDS[0]
        self.unavailable: str = ""
        """Why the graph does not answer; empty while it does."""
        self.outages = 0
        """How often the graph was lost in the middle of a write."""

    async def commit(self, turn: Turn) -> TurnResult:
        """Writes a turn; after a lost connection it finds out what happened before it sends anything again."""
        try:
            result = await self._send(turn)
        except GraphUnavailable as error:
            await self.reconnect(error)
            result = await self._send_again(turn)
        self._pause = RECONNECT_SECONDS[0]
        return result

    async def _send(self, turn: Turn) -> TurnResult:
        await self.put_results()
        return await self._graph.turn(turn)

    async def _send_again(self, turn: Turn) -> TurnResult:
        while True:
            try:
                known = await self._graph.read_back(turn)
                if known is None:
                    return await self._send(turn)
                await self._recount(turn, known)
                return known
            except GraphUnavailable as error:
                await self.reconnect(error)

    async def _recount(self, turn: Turn, known: TurnResult) -> None:
        """After an unclear outcome the answer of the turn is lost in part: holds and verdicts are read again."""
        self._ledger.forget_answer(turn)
        for task_id in turn.sequences:
            await self._graph.release_holds(task_id)
            self._undecided(await self._graph.undecided(task_id))
        _log.info("a turn of unclear outcome was committed", turn=turn.id, claims=len(known.claims))

    async def put_results(self) -> None:
        """Writes the Results that wait, before the write that refers to them."""
        results = self._payloads.take_pending()
        if not results:
            return
        try:
            await self._graph.put_results(results)
        except BaseException:
            self._payloads.give_back(results)
            raise
        self._payloads.written(results)

    async def reconnect(self, error: GraphUnavailable) -> None:
        """Waits until the graph answers again."""
        self.unavailable = str(error)
        self.outages += 1
        _log.warning("the graph does not answer; waiting for it", reason=str(error))
        while True:
            await asyncio.sleep(self._pause)
            self._pause = min(self._pause * 2, RECONNECT_SECONDS[1])
            with contextlib.suppress(GraphUnavailable):
                await self._graph.ping()
                self.unavailable = ""
                _log.info("the graph answers again")
                return


async def patiently(work: Callable[[], Awaitable[T]]) -> T:
    """Reads something beside the loop, as often as it takes until the graph answers."""
    pause, longest = RECONNECT_SECONDS
    while True:
        try:
            return await work()
        except GraphUnavailable:
            await asyncio.sleep(pause)
            pause = min(pause * 2, longest)
