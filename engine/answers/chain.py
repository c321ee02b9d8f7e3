"""The chain of causes above a subtask, and when its members are expected to start and to end. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Set

import msgspec

from engine.answers import causes as of
from engine.answers.facts import Facts
from engine.answers.holds import Cause
from engine.model import Subtask
from engine.states import SETTLED, SubtaskStatus
from engine.times import iso

Status = SubtaskStatus
TIME = frozenset({"dependency", "starting", "paused", "backoff", "undecided"})
"""Causes that pass when it is time."""
TURN = frozenset({"slot", "type_limit", "max_parallel", "pressure"})
"""Causes that pass when it is its turn: when that is only a forecast tells."""


class Step(msgspec.Struct, frozen=True):
    """One subtask of a chain: its causes, and which of the chain's subtasks they lie in."""

    key: str
    status: str
    type: str
    causes: list[Cause]
    because_of: list[str] = []
    expected_end: int | None = None


def members_of(asked: Subtask, facts: Facts) -> list[Subtask]:
    """The subtask and what was read above it, as far as it explains something, level by level."""
    found, level = {asked.id: asked}, [asked]
    while level:
        above = [other for member in level for other in explaining(member, facts) if other.id not in found]
        level = list({other.id: other for other in above}.values())
        found |= {other.id: other for other in level}
    return list(found.values())


def explaining(subtask: Subtask, facts: Facts) -> list[Subtask]:
    """The dependencies that a subtask waits for, or that decided about it."""
    others = facts.needed.get(subtask.id, ())
    if subtask.status is Status.PENDING:
        return [other for other in others if other.status not in SETTLED]
    if subtask.status in (Status.BLOCKED, Status.SKIPPED) and subtask.reason != of.BY_PERSON:
        return [other for other in others if other.status in of.UNSUCCESSFUL]
    return []


def step_of(member: Subtask, facts: Facts) -> Step:
    """A subtask with its causes, and which others these lie in."""
    above = [other.key for other in explaining(member, facts)]
    return Step(member.key, member.status.value, member.type, of.causes(member, facts), above)


def foretold(step: Step, ends: Mapping[str, int | None]) -> Step:
    """The step with the expected end of each dependency that it waits for."""
    return msgspec.structs.replace(step, causes=[_with_end(cause, ends) for cause in step.causes])


def _with_end(cause: Cause, ends: Mapping[str, int | None]) -> Cause:
    if cause.code != "dependency" or cause.key is None:
        return cause
    end = ends.get(cause.key)
    text = cause.words if end is None else f"{cause.words} and is expected to be done at {iso(end)}"
    return msgspec.structs.replace(cause, words=text, data={**cause.data, "expected_end": end})


class Times:
    """When subtasks are expected to start and to end, by what is known: milliseconds, or None.

    What is foretold goes first; else only what waits for nothing but time and its dependencies can be reckoned.
    """

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self._ends: dict[str, int | None] = {}

    def end(self, subtask: Subtask) -> int | None:
        """When it is expected to end."""
        if subtask.id not in self._ends:
            self._ends[subtask.id] = None  # whoever asks again on the way up gets no answer
            self._ends[subtask.id] = self._end(subtask)
        return self._ends[subtask.id]

    def _end(self, subtask: Subtask) -> int | None:
        now, start = self._facts.now, self.start(subtask)
        if start is None:
            return None
        begin, end, seconds = self._foretold(subtask)
        if end is not None and begin is not None:  # it may have started since, or start later than was foretold
            return max(start + end - begin, now)
        if end is not None and subtask.status is Status.PROCESSING:
            return max(end, now)
        return None if seconds is None else max(start + round(1000 * seconds), now)

    def _foretold(self, subtask: Subtask) -> tuple[int | None, int | None, float | None]:
        """Start, end and seconds; the seconds by what was expected when it came in where nothing is foretold."""
        foresight = self._facts.foresight
        return (None, None, subtask.expected) if foresight is None else foresight.of(subtask.key)

    def start(self, subtask: Subtask) -> int | None:
        """When it is expected to start; of one that runs, when it did."""
        if subtask.status is Status.PROCESSING:
            return subtask.started_at
        foretold, _, _ = self._foretold(subtask)
        held = self._held_until(subtask, TIME if foretold is None else TIME | TURN)
        earliest = self._reckoned(subtask) if foretold is None else max(foretold, *self._ends_above(subtask))
        return None if held is None or earliest is None else max(held, earliest)

    def _ends_above(self, subtask: Subtask) -> list[int]:
        """When what it waits for is expected to end, as far as that is known, and now: no end is earlier."""
        ends = [self.end(other) for other in explaining(subtask, self._facts)]
        return [self._facts.now, *(end for end in ends if end is not None)]

    def _held_until(self, subtask: Subtask, passing: Set[str]) -> int | None:
        """When causes that pass by themselves let it start; None when there are others, or it cannot be known."""
        now, pause = self._facts.now, self._facts.task.pause
        others = [cause.code for cause in of.causes(subtask, self._facts)]
        if set(others) - passing:
            return None
        if "paused" in others and (pause is None or pause.until is None or pause.then != "resume"):
            return None
        return max(now, pause.until) if pause is not None and pause.until is not None else now

    def _reckoned(self, subtask: Subtask) -> int | None:
        """When a back-off or its dependencies let it start, should there be a slot for it, as there is now."""
        now, here = self._facts.now, self._facts.here
        if here.running >= here.slots:
            return None
        if subtask.status is Status.RETRYING:
            return max(now, subtask.wake_at or now)
        if subtask.status is not Status.PENDING:
            return now if subtask.status is Status.READY else None
        waits = explaining(subtask, self._facts)
        ends = [self.end(other) for other in waits]
        if len(waits) < subtask.unmet or None in ends:
            return None
        return max([now, *(end for end in ends if end is not None)])
