"""What an attempt asks before it works: may its output be reused, has somebody made it, is somebody making it?"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

import msgspec
import structlog

from engine.cachestore import CacheEntry
from engine.caching.flights import Flight, Flights, Living, Place
from engine.caching.keeper import EntryKeeper
from engine.caching.keys import cache_key, canonical, parts_of
from engine.caching.lookup import Hit, Lookups
from engine.caching.service import CacheService
from engine.errors import EngineError
from engine.model import BLOB_BYTES, Effort, Expand, Json, Value
from engine.payloads import Packed, Payloads, pack
from engine.plan.spec import Spec
from engine.ports import Clock
from engine.running import Sharing
from engine.toolport import Tool
from engine.turn import Claim

_log = structlog.get_logger("cache")

LARGE_INPUT = 256 * 1024
"""An input with more bytes of JSON than this is hashed on a thread, so that the event loop goes on."""

Call = Callable[[Living], Awaitable[Json]]
"""Runs the tool; is given whom the tool tells that it is alive."""


class Wish(Value, frozen=True):
    """An output that may be reused: its key, and what to keep with it. ``text`` is what the key was made of.

    ``seconds`` is for how long it is used again; ``own`` says that the subtask asks for it: then no older one is used.
    """

    key: str
    type: str
    version: str
    environment: dict[str, str]
    text: str
    seconds: float
    own: bool
    sharing: Sharing


class Ran(Value, frozen=True):
    """What the work gave: an output with the seconds and US dollars that it took; or subtasks to add, which nobody
    else can use.
    """

    packed: Packed | None = None
    seconds: float = 0.0
    cost: float | None = None
    expand: Expand | None = None


class Taken(Value, frozen=True):
    """What an attempt gets: ``packed``, or subtasks to add. ``origin`` is the id of the subtask that made it, "" when
    it is this one; then ``saved`` is what making it took. ``adopted`` says that it is kept already, by its address;
    ``entry`` is what to leave for others.
    """

    packed: Packed | None = None
    origin: str = ""
    adopted: bool = False
    expand: Expand | None = None
    entry: CacheEntry | None = None
    saved: Effort | None = None


class Reuse:
    """The reuse of outputs in one engine."""

    def __init__(
        self, service: CacheService, lookups: Lookups, keeper: EntryKeeper, payloads: Payloads, clock: Clock
    ) -> None:
        self.service = service
        self.lookups = lookups
        self.keeper = keeper
        self.flights: Flights[Hit | Ran] = Flights()
        self._payloads = payloads
        self._clock = clock

    async def wish(
        self, tool: Tool, spec: Spec, value: Json, sharing: Sharing, stamps: Mapping[str, str] | None = None
    ) -> Wish | None:
        """What is to be reused of an input that may be; None when it has no key. ``stamps`` stand for the secrets that
        are not in the input.
        """
        environment = {**tool.environment(value), **(stamps or {})}
        what = (tool.name, value, tool.version, environment)
        try:
            large = len(msgspec.json.encode(value)) > LARGE_INPUT
            text = await asyncio.to_thread(canonical, *what) if large else canonical(*what)
        except (ValueError, TypeError, RecursionError) as error:
            _log.debug("it has no key", type=tool.name, reason=str(error))
            return None
        return Wish(
            key=cache_key(tool.name, text),
            type=tool.name,
            version=tool.version,
            environment=environment,
            text=text,
            seconds=spec.reuse or float(self.service.ttl_seconds),
            own=spec.reuse is not None,
            sharing=sharing,
        )

    async def take(self, wish: Wish, claim: Claim, watch: Living, call: Call) -> Taken:
        """The output of an attempt: found, or made by this one or by another that wants the same.

        Raises whatever the tool raises.
        """
        place = Place(claim.id, claim.task_id, claim.key)
        group = f"{wish.key} {wish.seconds if wish.own else ''}"

        async def run(flight: Flight[Hit | Ran]) -> Ran:
            return await self._run(call, flight)

        async def find_or_run(flight: Flight[Hit | Ran]) -> Hit | Ran:
            oldest = self._clock.now() - round(1000 * wish.seconds) if wish.own else 0
            return await self.lookups.find(wish.key, oldest) or await self._run(call, flight)

        if wish.sharing.afresh:
            got, origin = await self.flights.join(f"{group} {claim.id}", place, watch, run)
        else:
            got, origin = await self.flights.join(group, place, watch, find_or_run)
        if isinstance(got, Hit):
            taken = await self._adopted(got, claim)
            if taken is not None:
                return taken
            got, origin = await self.flights.join(f"{group} gone", place, watch, run)
        assert isinstance(got, Ran)
        if got.expand is not None and origin:
            got, origin = await self._run(call, watch), ""
        return self._made(wish, claim, got, origin)

    async def _run(self, call: Call, living: Living) -> Ran:
        begun = self._clock.monotonic()
        output = await call(living)
        if isinstance(output, Expand):
            return Ran(expand=output)
        return Ran(pack(output), self._clock.monotonic() - begun, cost_of(output))

    def _made(self, wish: Wish, claim: Claim, ran: Ran, origin: str) -> Taken:
        """What an attempt gets of work that was done now."""
        if ran.packed is None:
            return Taken(expand=ran.expand)
        entry = _entry(wish, claim, ran, self._clock.now())
        if origin:
            self.service.count_hit(entry)
            return Taken(ran.packed, origin, saved=_saved(entry))
        self.service.count_miss()
        return Taken(ran.packed, entry=entry)

    async def _adopted(self, hit: Hit, claim: Claim) -> Taken | None:
        """What was found, kept for this attempt too; None when it is gone, and the entry with it."""
        entry = hit.entry
        packed = Packed(hit.text or "", entry.output_hash, entry.output_bytes)
        if hit.text is None:
            try:
                there = await self._payloads.adopt(claim.id, entry.output_hash, entry.output_bytes)
            except EngineError as error:
                _log.debug("an output cannot be looked at", reason=str(error))
                return None
            if not there:
                await self.forget(entry.key)
                return None
        self.service.count_hit(entry)
        return Taken(packed, entry.subtask_id or claim.id, adopted=hit.text is None, saved=_saved(entry))

    async def forget(self, key: str) -> None:
        """Removes an entry whose output is gone."""
        try:
            await self.lookups.drop([key])
        except EngineError as error:
            _log.debug("an entry without output stays", key=key, reason=str(error))

    def leave(self, entry: CacheEntry) -> None:
        """Leaves an output for others, in both levels; nobody waits for that."""
        self.service.put_soon(entry, (entry.expires_at - entry.created_at) / 1000)
        self.keeper.add(entry)


def allowed(tool: Tool, spec: Spec, value: Json, sharing: Sharing | None) -> bool:
    """Whether an output may be reused at all: the task allows it, and the subtask asks for it or the tool says so."""
    if sharing is None or spec.reuse == 0:
        return False
    return spec.reuse is not None or tool.cacheable(value)


def cost_of(output: Json) -> float | None:
    """US dollars that an output says it took: what the tools that ask a model write under ``usage``."""
    usage = output.get("usage") if isinstance(output, dict) else None
    cost = usage.get("cost") if isinstance(usage, dict) else None
    return float(cost) if isinstance(cost, (int, float)) and not isinstance(cost, bool) else None


def _saved(entry: CacheEntry) -> Effort:
    return Effort(saved_seconds=entry.seconds, saved_cost=entry.cost)


def _entry(wish: Wish, claim: Claim, ran: Ran, now: int) -> CacheEntry:
    assert ran.packed is not None
    packed = ran.packed
    return CacheEntry(
        key=wish.key,
        type=wish.type,
        version=wish.version,
        output=packed.text if packed.size <= BLOB_BYTES else None,
        output_hash=packed.digest,
        output_bytes=packed.size,
        seconds=ran.seconds,
        task_id=claim.task_id,
        subtask_id=claim.id,
        created_at=now,
        expires_at=now + round(1000 * wish.seconds),
        cost=ran.cost,
        tags=wish.sharing.tags,
        parts=parts_of(wish.version, wish.environment, wish.text),
    )
