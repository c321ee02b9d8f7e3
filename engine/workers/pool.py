"""A pool of workers in one process: as many as wanted, each started again when it fails, and what is known of them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress

import msgspec
import structlog

from engine.adapters.agent_streams import AgentStreams
from engine.adapters.redis import RedisUnavailable
from engine.model import Json
from engine.workers.config import (
    ANNOUNCED_SECONDS,
    BACKOFF_SECONDS,
    LONGEST_BACKOFF_SECONDS,
    LOOK_SECONDS,
    WorkerConfig,
)
from engine.workers.worker import Worker

_log = structlog.get_logger("pool")


class _Place:
    """One place in the pool: the worker that is there now, and how often one of its workers has failed in a row."""

    def __init__(self, worker: Worker) -> None:
        self.worker = worker
        self.failures, self.trouble = 0, ""
        self.leaving = asyncio.Event()
        self.task: asyncio.Task[None] | None = None

    def state(self) -> str:
        """In a word."""
        if self.leaving.is_set():
            return "stopping"
        return "restarting" if self.trouble else "working" if self.worker.current else "idle"


class WorkerPool:
    """The workers of one process.

    Args:
        config: how it is set up.
        make: a new worker of that name.
        streams: by which it says how it is.
    """

    def __init__(self, config: WorkerConfig, make: Callable[[str], Worker], streams: AgentStreams) -> None:
        self.config = config
        self.wanted = 0
        self._make, self._streams = make, streams
        self._places: list[_Place] = []
        self._leaving: set[_Place] = set()
        self._number = 0
        self._done = self._failed = self._restarts = 0
        self._telling: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Starts as many workers as were asked for, and begins to say how it is."""
        await self.scale(self.config.count)
        self._telling = asyncio.create_task(self._tell())

    async def scale(self, count: int) -> None:
        """Has so many workers from now on. Those that go end their turn first and hand back what they run."""
        if count < 0:
            raise ValueError("a pool has 0 workers or more")
        self.wanted = count
        while len(self._places) < count:
            self._number += 1
            place = _Place(self._make(f"{self.config.name}-{self._number}"))
            place.task = asyncio.create_task(self._keep(place))
            self._places.append(place)
        idle_last = sorted(self._places, key=lambda place: place.worker.current is None)
        for place in idle_last[count:]:
            self._places.remove(place)
            self._leaving.add(place)
            place.leaving.set()
            place.worker.stop()
        _log.info("pool scaled", pool=self.config.name, workers=count)

    async def stop(self) -> None:
        """Lets every worker end its turn, within the grace, and says good-bye."""
        await self.scale(0)
        running = [place.task for place in self._leaving if place.task is not None]
        if running:
            await asyncio.wait(running)
        if self._telling is not None:
            self._telling.cancel()
            await asyncio.gather(self._telling, return_exceptions=True)
        with suppress(RedisUnavailable):
            await self._streams.leave(self.config.name)

    def health(self) -> dict[str, Json]:
        """How it is, for people and probes: ``status`` is healthy, or degraded while a worker is down."""
        places = [*self._places, *self._leaving]
        down = [place for place in self._places if place.trouble]
        return {
            "status": "degraded" if down else "healthy",
            "pool": self.config.name,
            "roles": list(self.config.roles) or ["*"],
            "wanted": self.wanted,
            "busy": sum(place.worker.current is not None for place in places),
            "done": self._done + sum(place.worker.done for place in places),
            "failed": self._failed + sum(place.worker.failed for place in places),
            "restarts": self._restarts,
            "workers": [_seen(place) for place in places],
        }

    async def _keep(self, place: _Place) -> None:
        """Runs the workers of one place: a new one for each that fails, after a wait that doubles."""
        try:
            while not place.leaving.is_set():
                begun = time.monotonic()
                try:
                    await place.worker.run()
                    return
                except Exception as error:
                    place.failures = place.failures + 1 if time.monotonic() - begun < LONGEST_BACKOFF_SECONDS else 1
                    place.trouble = str(error) if isinstance(error, RedisUnavailable) else type(error).__name__
                    wait = min(LONGEST_BACKOFF_SECONDS, BACKOFF_SECONDS * 2 ** (place.failures - 1))
                    loud = {} if isinstance(error, RedisUnavailable) else {"exc_info": error}
                    _log.warning(
                        "a worker failed", worker=place.worker.name, again_in=wait, reason=place.trouble, **loud
                    )
                with suppress(TimeoutError):
                    await asyncio.wait_for(place.leaving.wait(), wait)
                self._retire(place)
                self._restarts += 1
                self._number += 1
                if not place.leaving.is_set():
                    place.worker = self._make(f"{self.config.name}-{self._number}")
                    place.trouble = ""
        finally:
            self._retire(place)
            self._leaving.discard(place)

    def _retire(self, place: _Place) -> None:
        """What a worker has done counts on."""
        worker = place.worker
        self._done, self._failed = self._done + worker.done, self._failed + worker.failed
        worker.done = worker.failed = 0

    async def _tell(self) -> None:
        """Says now and then how it is, and at once that it has another size; that may be wanted of it in between."""
        told, size = -ANNOUNCED_SECONDS, -1
        while True:
            with suppress(RedisUnavailable):
                wanted = await self._streams.wanted(self.config.name)
                if wanted is not None:
                    _log.info("another size is wanted", pool=self.config.name, workers=wanted)
                    await self.scale(wanted)
                if size != self.wanted or time.monotonic() - told >= ANNOUNCED_SECONDS:
                    text = msgspec.json.encode(self.health()).decode()
                    await self._streams.announce(self.config.name, text, round(3 * ANNOUNCED_SECONDS))
                    told, size = time.monotonic(), self.wanted
            await asyncio.sleep(LOOK_SECONDS)


def _seen(place: _Place) -> dict[str, Json]:
    current = place.worker.current
    found: dict[str, Json] = {"worker": place.worker.name, "state": place.state()}
    if current is not None:
        found["current"] = {"task_id": current.task_id, "subtask": current.key, "role": current.role}
    return found | ({"trouble": place.trouble} if place.trouble else {})
