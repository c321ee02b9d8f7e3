"""Looks at the machine now and then, and lets less run while it is short; beside the work, never on its way.

What is to be done is decided in ``limits/pressure.py``. The reading comes from outside (``Gauge``) and is taken in a
thread: a disk that hangs holds up nobody.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import msgspec
import structlog

from engine.adapters.machine import Machine
from engine.beside import Beside
from engine.estimates.learning import Learner
from engine.estimates.profile import Profile
from engine.gauge import Gauge, Reading
from engine.ledger import Ledger
from engine.limits.pressure import MIB, Bounds, State, Strain, Weight, looked, strains
from engine.model import Json
from engine.settings import Settings
from engine.toolport import Resources, Tool

_log = structlog.get_logger("pressure")
TICK_SECONDS = 0.5
"""Between two glances at how late the event loop is."""


class Easing:
    """Lowers what an engine lets run while the machine is short, and raises it again.

    Args:
        gauge: what is left.
        bounds: from when on that is too little.
        every: seconds between two looks; 0 for none at all.
        ledger: what runs, and how much may.
        weigh: what a run of a type takes.
        wake: has the scheduler look again.
    """

    def __init__(
        self,
        gauge: Gauge,
        bounds: Bounds,
        every: float,
        ledger: Ledger,
        weigh: Callable[[str], Weight],
        wake: Callable[[], None],
    ) -> None:
        self._gauge = gauge
        self._bounds = bounds
        self._every = every
        self._ledger = ledger
        self._weigh = weigh
        self._wake = wake
        self._state = State()
        self._reading = Reading()
        self._found: list[Strain] = []
        self._reasons: list[str] = []
        self._beside = Beside(lambda error: _log.error("nobody looks at the machine any more", exc_info=error))

    def begin(self) -> None:
        """Looks from now on."""
        if self._every:
            self._beside.start(self._run())

    async def stop(self) -> None:
        """Looks no more."""
        await self._beside.end()

    @property
    def reasons(self) -> list[str]:
        """What was short when the concurrency was lowered last; empty while it is not lowered."""
        return self._reasons

    def health(self) -> dict[str, Json]:
        """For people: what is short, what is lowered, what was seen."""
        return {
            "ok": not self._state.steps,
            "reasons": [*self._reasons],
            "slots": self._ledger.open_slots,
            "limits": {**self._state.limits},
            "seen": msgspec.to_builtins(self._reading),
        }

    def levels(self) -> dict[str, Json]:
        """How near each thing is to its bound, for metrics."""
        return {strain.kind: round(strain.ratio, 4) for strain in self._found}

    async def _run(self) -> None:
        while True:
            lag = await _lag(self._every)
            reading = await asyncio.to_thread(self._gauge.read)
            self.look(msgspec.structs.replace(reading, lag=lag))

    def look(self, reading: Reading) -> None:
        """Takes one reading in, and does what it asks for."""
        self._reading, before = reading, self._state
        self._found = strains(reading, self._bounds)
        running = {type_: count for type_, count in self._ledger.running_by_type.items() if count}
        self._state = looked(before, self._found, self._ledger.slots, running, self._weigh)
        if self._state.steps == before.steps:
            return
        if len(self._state.steps) > len(before.steps):
            self._reasons = [strain.words for strain in self._found if strain.ratio >= 1]
        self._ledger.ease(self._state.slots(self._ledger.slots), self._state.limits)
        self._tell(before)
        self._wake()

    def _tell(self, before: State) -> None:
        less = len(self._state.steps) > len(before.steps)
        said = {"slots": self._ledger.open_slots, "of": self._ledger.slots, "limits": self._state.limits}
        if less:
            _log.warning("the machine is short, so less runs at the same time", reasons=self._reasons, **said)
            return
        if not self._state.steps:
            self._reasons = []
        words = "more may run again" if self._state.steps else "the machine has room again: all slots are open"
        _log.info(words, **said)


async def _lag(seconds: float) -> float:
    """Waits so long; returns by how many seconds the event loop was late at worst meanwhile."""
    loop, worst = asyncio.get_running_loop(), 0.0
    end = loop.time() + seconds
    while (left := end - loop.time()) > 0:
        due = loop.time() + min(left, TICK_SECONDS)
        await asyncio.sleep(due - loop.time())
        worst = max(worst, loop.time() - due)
    return worst


def weight_of(profile: Profile | None, resources: Resources) -> Weight:
    """What a run of a type takes: as learned, else as its tool declares."""
    memory, cpu, output = float((resources.memory_mb or 0) * MIB), 0.0, float(resources.output_bytes or 0)
    if profile is None or not profile.count:
        return Weight(memory, 1.0 if memory else 0.0, output)
    if profile.measured:
        memory = profile.memories.quantile(0.9)
        cpu = profile.cpu / profile.measured / max(profile.seconds.quantile(0.5), 0.001)
    return Weight(memory, cpu, profile.output_bytes / profile.count)


def build_easing(
    settings: Settings,
    ledger: Ledger,
    learner: Learner,
    tools: Callable[[str], Tool | None],
    wake: Callable[[], None],
) -> Easing:
    """What keeps an engine from taking more than the machine has."""
    bounds = Bounds(
        memory=settings.pressure_memory,
        own=(settings.pressure_own_mb or 0) * MIB,
        load=settings.pressure_load,
        disk=settings.pressure_disk_mb * MIB,
        lag=settings.pressure_lag_seconds,
    )

    def weigh(type_: str) -> Weight:
        tool = tools(type_)
        return weight_of(learner.of_kind(type_), Resources() if tool is None else tool.resources)

    gauge = Machine([settings.data_path, *([settings.blob_folder] if settings.blob_folder else [])])
    return Easing(gauge, bounds, settings.pressure_look_seconds, ledger, weigh, wake)
