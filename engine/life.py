"""The life of an engine: opening what it leans on, driving the work, and letting go in the right order."""

from __future__ import annotations

import asyncio

import structlog

from engine.caching.service import CacheService
from engine.delivery import patiently
from engine.easing import Easing
from engine.embedding.indexer import Indexer
from engine.errors import Fenced, GraphRefused, SettingsError
from engine.estimates.learning import Learner
from engine.identity import Identity
from engine.keys.ring import Keyring
from engine.limits.turnstile import Turnstile
from engine.logbook import Logbook
from engine.offer import Offer
from engine.ownership import Ownership
from engine.pools.carriers import Carriers
from engine.ports import Blobs, Health
from engine.remote.dispatcher import Dispatcher
from engine.removal import Removal
from engine.retention import Retention
from engine.routing.router import Router
from engine.scheduler import Scheduler
from engine.settings import Settings
from engine.toolhealth import ToolWatch
from engine.verbs import Verbs
from engine.vitals import Vitals
from engine.webhooks.teller import Teller

_log = structlog.get_logger("engine")


class Life(Verbs):
    """``start`` before use, ``stop`` at the end."""

    settings: Settings
    cache: CacheService
    callbacks: Teller
    easing: Easing
    keyring: Keyring
    logbook: Logbook
    router: Router
    turnstile: Turnstile
    _blobs: Blobs
    _carriers: Carriers
    _identity: Identity
    _indexer: Indexer
    _learner: Learner
    _loops: list[asyncio.Task[None]]
    _offer: Offer
    _ownership: Ownership
    _redis: Health | None
    _remote: Dispatcher
    _removal: Removal
    _retention: Retention | None
    _scheduler: Scheduler
    _tool_watch: ToolWatch
    _vitals: Vitals

    @property
    def id(self) -> str:
        """The engine's id; empty before it has started."""
        return self._identity.id

    async def start(self) -> None:
        """Opens the graph, enters this engine, takes its tasks up again, and begins to work.

        Raises ``GraphUnavailable``, ``GraphLocked``, ``GraphRefused`` or ``SettingsError`` with one line that says what
        to do.
        """
        if not self.settings.runs_tasks and self._graph.kind == "embedded":
            raise SettingsError(
                "the embedded graph has one engine, and that runs its tasks: set NEO4J_URL or RUNS_TASKS=yes"
            )
        self.router.open()
        self._identity.take(self._clock.now())
        try:
            await self._carriers.begin()
            if self._redis is not None:
                await self._redis.open()
            await self.vault.begin()
            await self._graph.open()
            await self._check_blobs()
            await self.keyring.load()
            await self._learner.begin(self.id)
            await self.turnstile.breakers.begin()
            await self._remote.crew.begin()
            await self._ownership.begin(self.id)
            await self.callbacks.begin()
            if self._retention is not None:
                await self._retention.begin(self.id)
        except BaseException:
            await self._carriers.close()
            await self._graph.close()
            self._identity.release()
            raise
        self._loops = [asyncio.create_task(self._drive()), asyncio.create_task(self._ownership.beat())]
        self._looking = [asyncio.create_task(self._removal.run())]
        if self._retention is not None:
            self._looking.append(asyncio.create_task(self._retention.run()))
        self._tool_watch.begin()
        self._tools.begin(self._offer.meet)
        self.easing.begin()
        self.turnstile.share(self.id)
        _log.info("engine started", engine=self.id, graph=self._graph.location, open_tasks=len(self._ledger.tasks))

    async def _check_blobs(self) -> None:
        """All engines of a namespace share one blob store; another one would not have what the graph refers to."""
        own = await self._blobs.identity()
        entered = await self._graph.enter_blobs(own)
        if entered != own:
            namespace = self.settings.namespace
            raise GraphRefused(
                f"{self.settings.blobs} is not the blob store of namespace {namespace!r}: set BLOB_PATH to the place "
                "that its other engines use; if that one is lost, delete its entry: "
                f"MATCH (b:BlobStore {{namespace: '{namespace}'}}) DELETE b"
            )

    async def stop(self) -> None:
        """Takes nothing more, lets what runs end within the grace time, puts the rest back, and lets go."""
        if self._loops:
            for looking in self._looking:
                looking.cancel()
            await asyncio.wait(self._looking)
            await self._removal.stop()
            await self._tool_watch.stop()
            await self.easing.stop()
            await self._indexer.stop()
            driver, beat = self._loops
            if not driver.done():
                await self._scheduler.drain(self.settings.shutdown_grace_seconds)
            beat.cancel()
            await asyncio.wait([driver, beat], timeout=self.settings.shutdown_grace_seconds + 10)
            driver.cancel()
            self._loops = []
            await self.turnstile.stop()
            await self._remote.crew.stop()
            await self.callbacks.stop()
            await self.logbook.stop()
            await self._ownership.leave()
        await self._remote.close()
        await self._carriers.close()
        self._scheduler.tracing.close()
        self._stopped.set()
        self._forecasts.close()
        self._bus.close_all()
        await self._tools.close()
        await self.cache.close()
        if self._redis is not None:
            await self._redis.close()
        await self._graph.close()
        self._identity.release()
        _log.info("engine stopped", engine=self.id)

    async def _drive(self) -> None:
        try:
            while True:
                try:
                    await self._scheduler.run()
                    return
                except Fenced:
                    await self.callbacks.abandon()
                    await self._ownership.begin_anew()
                    await patiently(self.callbacks.begin)
        except asyncio.CancelledError:
            raise
        except BaseException as error:
            self._vitals.failure = error
            self._ledger.draining = True
            _log.error("the scheduler has ended", exc_info=error)
            for task in self._ledger.tasks.values():
                for runner in list(task.running.values()):
                    runner.cancel()
                task.ended.set()
            self._stopped.set()
            self._bus.close_all()

    async def broken(self) -> str:
        """Waits until this engine works no more, and says why; empty when it was stopped."""
        await self._stopped.wait()
        return "" if self._vitals.failure is None else repr(self._vitals.failure)
