"""One callback on its way through the events of its task, and the task whose callbacks these are.

It keeps no event: what it hears moves its place on, or tells it that the graph has something for it. So ten thousand of
them cost little, and one that is away for a day needs no room.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from engine.model import Event
from engine.plan.happenings import is_last, name_of
from engine.ports import Alarm
from engine.webhooks.place import Place, receiver_of


@dataclass(slots=True, eq=False)
class Course:
    """``behind`` says that events wait for it in the graph; ``heard`` is the last number that it knows of."""

    task_id: str
    place: Place
    wake: Callable[[Course], None]
    heard: int = 0
    behind: bool = False
    alarm: Alarm | None = None

    @property
    def receiver(self) -> str:
        """Which calls share its line."""
        return receiver_of(self.place.url)

    def hear(self, events: list[Event]) -> None:
        """Passes what it does not want; for anything else, or a gap, it has to look into the graph."""
        if self.place.done or not events:
            return
        self.heard = max(self.heard, events[-1].seq)
        if self.behind:
            return
        for event in events:
            if event.seq <= self.place.after:
                continue
            if event.seq > self.place.after + 1 or is_last(event) or self.place.wants(name_of(event)):
                self.look()
                return
            self.place.after = event.seq

    def look(self) -> None:
        """There is something for it in the graph."""
        self.behind = True
        self.wake(self)

    def idle(self) -> bool:
        """Says that the graph had nothing more; False when something has come meanwhile."""
        self.behind = self.heard > self.place.after
        return not self.behind

    def later(self, alarm: Alarm) -> None:
        """It goes on when the alarm goes off."""
        self.alarm = alarm

    def stop(self) -> None:
        """It does not go on."""
        if self.alarm is not None:
            self.alarm.cancel()


@dataclass(slots=True, eq=False)
class Told:
    """The callbacks of one task; a listener of the bus."""

    task_id: str
    created_at: int
    courses: list[Course] = field(default_factory=list)

    @property
    def places(self) -> list[Place]:
        """How far each is."""
        return [course.place for course in self.courses]

    @property
    def done(self) -> bool:
        """Whether nothing is left to tell."""
        return all(place.done for place in self.places)

    def offer(self, events: list[Event]) -> None:
        """Hears of events."""
        for course in self.courses:
            course.hear(events)

    def close(self) -> None:
        """Nothing more comes over the bus; what is left to tell is in the graph."""
