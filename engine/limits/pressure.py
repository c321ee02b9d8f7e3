"""When the machine runs short: how much less is to run, which types first, and when more again. Pure.

Each look compares what was read with its bounds. Two looks in a row above one lower the concurrency by a step, and so
does every second look after that: attempts have to end before a step can help. The first step also keeps more from
starting than runs. The heaviest type is halved, by what it takes of that which is short, until none that is known to be
heavy runs twice; then the slots are halved. One subtask always runs, so that an engine goes on where somebody else
takes the machine. Well below all bounds, three looks in a row take the last step back. In between all stays as it is,
so that nothing swings.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Literal

from engine.gauge import Reading
from engine.model import Value

Kind = Literal["memory", "own_memory", "load", "disk", "lag"]
MIB = 1024 * 1024
RELEASED = 0.9
"""Part of a bound below which there is no strain any more."""
LOOKS_ABOVE = 2
"""Looks in a row above a bound that lower the concurrency by a step."""
LOOKS_BELOW = 3
"""Looks in a row below all of them that take a step back."""


class Bounds(Value, frozen=True):
    """From when on something is short, in the units of ``Reading``; 0 is no bound."""

    memory: float = 0.0
    own: int = 0
    load: float = 0.0
    disk: int = 0
    lag: float = 0.0


class Strain(Value, frozen=True):
    """How near one thing is to its bound: 1 is on it. ``words`` say what was seen, for people."""

    kind: Kind
    ratio: float
    words: str


class Weight(Value, frozen=True):
    """What one run of a type takes: bytes of memory, processors, bytes of output; 0 where nothing is known."""

    memory: float = 0.0
    cpu: float = 0.0
    output: float = 0.0

    def of(self, kind: Kind) -> float:
        """What it takes of that which is short."""
        return {"load": self.cpu, "lag": self.cpu, "disk": self.output}.get(kind, self.memory)


class Step(Value, frozen=True):
    """One lowering: so many of a type, or of all where ``type`` is None, may run."""

    type: str | None
    limit: int


class State(Value, frozen=True):
    """What is lowered now, the last step last, and how many looks in a row were above and below."""

    steps: tuple[Step, ...] = ()
    above: int = 0
    below: int = 0

    def slots(self, full: int) -> int:
        """How many subtasks may run."""
        return min([full, *(step.limit for step in self.steps if step.type is None)])

    @property
    def limits(self) -> dict[str, int]:
        """The same by type, for those that are lowered."""
        return {step.type: step.limit for step in self.steps if step.type is not None}


def strains(reading: Reading, bounds: Bounds) -> list[Strain]:
    """How near everything that is known is to its bound, the nearest first."""
    found: list[Strain] = []
    if reading.memory is not None and bounds.memory:
        words = f"{reading.memory:.0%} of the memory is taken, and {bounds.memory:.0%} may be"
        found.append(Strain("memory", reading.memory / bounds.memory, words))
    if reading.own is not None and bounds.own:
        words = f"the engine holds {reading.own // MIB} MiB, and {bounds.own // MIB} may be"
        found.append(Strain("own_memory", reading.own / bounds.own, words))
    if reading.load is not None and bounds.load:
        words = f"{reading.load:.1f} processes want each processor, and {bounds.load:g} may"
        found.append(Strain("load", reading.load / bounds.load, words))
    if reading.disk is not None and bounds.disk:
        words = f"{reading.disk // MIB} MiB are free in {reading.place}, and {bounds.disk // MIB} should be"
        found.append(Strain("disk", bounds.disk / max(reading.disk, 1), words))
    if reading.lag is not None and bounds.lag:
        words = f"the event loop was {reading.lag:.2f} s late, and {bounds.lag:g} may be"
        found.append(Strain("lag", reading.lag / bounds.lag, words))
    return sorted(found, key=lambda strain: -strain.ratio)


def looked(
    state: State,
    found: Sequence[Strain],
    slots: int,
    running: Mapping[str, int],
    weigh: Callable[[str], Weight],
) -> State:
    """The state after one more look.

    Args:
        state: before it.
        found: what ``strains`` found, the worst first.
        slots: subtasks that may run when nothing is lowered.
        running: by type.
        weigh: what a run of a type takes; asked only when something is lowered.
    """
    worst = found[0].ratio if found else 0.0
    if worst >= 1:
        above = state.above + 1
        steps = state.steps
        if above % LOOKS_ABOVE == 0:
            steps += _lower(state, found[0].kind, slots, running, weigh)
        return State(steps, above)
    if worst >= RELEASED:
        return State(state.steps)
    below = state.below + 1
    return State(state.steps[:-1] if below % LOOKS_BELOW == 0 else state.steps, 0, below)


def _lower(
    state: State, kind: Kind, slots: int, running: Mapping[str, int], weigh: Callable[[str], Weight]
) -> tuple[Step, ...]:
    """What is lowered next; nothing when one subtask runs at a time already."""
    begun: tuple[Step, ...] = ()
    now = state.slots(slots)
    if not state.steps:
        kept = max(1, slots // 2, min(slots, sum(running.values())))
        begun = (Step(None, kept),) if kept < slots else ()
        now = kept
    allowed = {type_: min(count, state.limits.get(type_, count)) for type_, count in running.items()}
    heavy = [(weigh(type_).of(kind), type_) for type_, count in allowed.items() if count > 1]
    weight, heaviest = max(heavy, default=(0.0, ""))
    if weight > 0:
        return (*begun, Step(heaviest, allowed[heaviest] // 2))
    return (*begun, Step(None, now // 2)) if now > 1 and not begun else begun
