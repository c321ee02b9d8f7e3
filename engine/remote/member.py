"""One agent as this engine knows it at this moment."""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec

from engine.remote.choosing import Fitness
from engine.remoteport import AGENT, Registration, Running
from engine.remotestore import StoredAgent, Vitals

WEIGHT = 0.3
"""How much the last duration counts in what a type usually takes."""
MOST_TYPES = 500
"""Types of which is known what they take at one agent."""


@dataclass(slots=True, eq=False)
class Member:
    """An agent that is registered with this engine.

    ``beaten`` is when it last gave a sign of life, in monotonic seconds; ``held`` the subtasks that it has by id, with
    their tokens; ``running`` what it says itself that it works on, None while it has not said. ``shut`` says why it
    gets nothing until its next heartbeat.
    """

    registration: Registration
    registered_at: int
    seen_at: int
    beaten: float
    vitals: Vitals = field(default_factory=Vitals)
    held: dict[str, int] = field(default_factory=dict)
    running: frozenset[Running] | None = None
    shut: str = ""
    used: float = 0.0
    dirty: bool = False
    seconds: dict[str, float] = field(default_factory=dict)
    able: frozenset[str] = frozenset()
    """What it can do, being itself included."""

    def __post_init__(self) -> None:
        self.enrol(self.registration)

    def enrol(self, registration: Registration) -> None:
        """It has registered (again)."""
        self.registration = registration
        self.able = frozenset((*registration.capabilities, AGENT + registration.agent_id))

    @property
    def id(self) -> str:
        """Its name."""
        return self.registration.agent_id

    @property
    def free(self) -> int:
        """How many more it takes, as far as is known."""
        if self.shut or not self.vitals.is_available:
            return 0
        return max(0, self.registration.slots - len(self.held))

    def fitness(self, type_: str, known: bool) -> Fitness:
        """What counts of it for a subtask of a type; ``known`` to its task."""
        slots = self.registration.slots
        return Fitness(self.id, self.able, self.free, slots, self.seconds.get(type_), known, self.used)

    def took(self, type_: str, seconds: float) -> None:
        """A subtask of a type has ended there."""
        before = self.seconds.pop(type_, seconds)
        self.seconds[type_] = before + WEIGHT * (seconds - before)
        if len(self.seconds) > MOST_TYPES:
            del self.seconds[next(iter(self.seconds))]

    def stored(self, engine: str) -> StoredAgent:
        """What the graph keeps of it."""
        return StoredAgent(
            **msgspec.structs.asdict(self.registration),
            engine=engine,
            registered_at=self.registered_at,
            seen_at=self.seen_at,
            vitals=self.vitals,
        )


def remembered(agent: StoredAgent, now: float) -> Member:
    """An agent of this engine's earlier life: it has the usual time to give a sign of life."""
    names = Registration.__struct_fields__
    registration = Registration(**{name: getattr(agent, name) for name in names})
    return Member(registration, agent.registered_at, agent.seen_at, now, agent.vitals)
