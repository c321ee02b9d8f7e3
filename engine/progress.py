"""What a running engine writes now and then: the counts that a running task shows, and what was learned meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import structlog

from engine.errors import GraphUnavailable
from engine.estimates.learning import Learner
from engine.model import Progress
from engine.pace import Pace
from engine.ports import Clock
from engine.running import RunningTask

_log = structlog.get_logger("progress")

PROGRESS_SECONDS = 1.0
"""Such things are written at most this often."""


class ProgressKeeper:
    """Says whose counts are to be written now. ``ring`` is called on the event loop when they are due later."""

    def __init__(self, clock: Clock, ring: Callable[[], None]) -> None:
        self._pace = Pace(clock, ring, PROGRESS_SECONDS)

    def due(self, tasks: Iterable[RunningTask], at_once: bool = False) -> list[Progress]:
        """The counts to write now; empty when none changed or it is too early."""
        dirty = [task for task in tasks if task.dirty] if at_once or self._pace.due() else []
        if dirty:
            self._pace.done()
        for task in dirty:
            task.dirty = False
        return [Progress(task.id, task.present(), task.started_at) for task in dirty]

    def close(self) -> None:
        """Rings no more."""
        self._pace.close()


class LessonKeeper:
    """Writes what was learned meanwhile. Experience is worth no failure: what cannot be written waits for the next
    time, and a profile is written whole, so nothing of it is lost. ``learned`` is told the types that it is about.
    """

    def __init__(
        self, learner: Learner, clock: Clock, ring: Callable[[], None], learned: Callable[[set[str]], None]
    ) -> None:
        self._learner = learner
        self._learned = learned
        self._pace = Pace(clock, ring, PROGRESS_SECONDS)

    async def write(self, at_once: bool = False) -> None:
        """Writes the kinds that have changed, if it is time. Raises ``Fenced``."""
        if not self._learner.has_changed or not (at_once or self._pace.due()):
            return
        self._pace.done()
        if not at_once:
            self._learned(self._learner.changed)
        try:
            await self._learner.write()
        except GraphUnavailable as error:
            _log.debug("what was learned is not written yet", reason=str(error))
        if self._learner.has_changed:
            self._pace.due()

    def close(self) -> None:
        """Rings no more."""
        self._pace.close()
