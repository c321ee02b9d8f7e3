"""The values of provenance: what attempts made, and what they were made from.

A subtask's id stands for its output. That of a mapped subtask, or of one that has grown others, stands for what all of
these produced: whoever took it as a whole has one edge, to the Result of the subtask itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Protocol

from engine.model import Task, Value
from engine.states import SubtaskStatus

CACHED, REUSED = "cached", "reused"
TAKEN_OVER = frozenset({CACHED, REUSED})
"""Outcomes of an attempt that took its output over instead of making one."""
PAGE = 1_000
"""Ids that one read takes."""
MOST_CONSUMED = 1_000
"""Subtasks that one attempt notes; an input that refers to more of them notes the first ones."""


class Made(Value, frozen=True):
    """The output of one attempt: ``output`` is JSON text, None where a Result has it already.

    ``origin`` is the id of the subtask that it was taken over from. ``sure`` says that its edge is surely not written
    yet: it may be created without a look. ``cache_key`` is what it may be cached under.
    """

    id: str
    token: int
    hash: str
    bytes: int
    output: str | None
    origin: str = ""
    sure: bool = False
    cache_key: str = ""

    @property
    def maker(self) -> str:
        """The subtask that really made it."""
        return self.origin or self.id


class Use(Value, frozen=True):
    """An attempt that had the Result of that hash in its input; ``sure`` as in ``Made``."""

    id: str
    token: int
    hash: str
    sure: bool = False


class Unlinked(Value, frozen=True):
    """A settled attempt whose edges are still to be written. ``own`` says that its output needs one too."""

    id: str
    token: int
    consumed: tuple[str, ...]
    own: Made | None
    sure: bool = False

    @property
    def task_id(self) -> str:
        """Its task's id."""
        return self.id.partition(".")[0]


class Taken(Value, frozen=True):
    """An attempt at the other end of a Result: ``consumed`` and ``origin`` are what it has noted."""

    id: str
    hash: str
    consumed: tuple[str, ...]
    origin: str
    outcome: str

    @property
    def stands_by_itself(self) -> bool:
        """Whether it took an output over after its own inputs had come out the same: then these say what it is from."""
        return self.outcome == REUSED and bool(self.consumed)


class Named(Value, frozen=True):
    """A subtask as a recall shows it."""

    id: str
    key: str
    type: str
    status: SubtaskStatus
    generation: int

    @property
    def task_id(self) -> str:
        """Its task's id."""
        return self.id.partition(".")[0]


def pages(ids: Iterable[str], size: int = PAGE) -> Iterator[list[str]]:
    """Ids in lists that one read takes."""
    rest = iter(ids)
    while page := list(islice(rest, size)):
        yield page


class Provenance(Protocol):
    """What was made from what. Edges are written after the turn; none of these writes is fenced, and each is safe to
    repeat, for it says again what the attempts say.
    """

    async def link(self, made: Sequence[Made], uses: Sequence[Use]) -> None:
        """Writes edges from attempts to what they made, whose Results are stored where they are missing, and then to
        what they used; all in one transaction.
        """

    async def made(self, ids: Sequence[str]) -> list[Made]:
        """The current outputs of subtasks that have one, in no promised order."""

    async def unlinked(self, task_id: str, after: str, limit: int) -> list[Unlinked]:
        """Up to ``limit`` attempts of a task without the edges that they should have, of subtasks with an id from
        ``after`` on, in that order.
        """

    async def users(self, hashes: Sequence[str]) -> list[Taken]:
        """The attempts that had one of these Results in their input."""

    async def takers(self, hashes: Sequence[str]) -> list[Taken]:
        """The attempts that took one of these Results over."""

    async def children(self, ids: Sequence[str]) -> list[str]:
        """The ids of what these subtasks have grown."""

    async def made_by(
        self, limit: int, *, hash: str = "", type: str = "", version: str = "", since: int = 0, until: int = 0
    ) -> list[str]:
        """The ids of up to ``limit`` subtasks with an attempt that gave that output, was of that type and version, or
        ended in that time (milliseconds, ``until`` excluded); what is empty or 0 is any. Looks at every attempt.
        """

    async def named(self, ids: Sequence[str]) -> list[Named]:
        """Subtasks by id, as far as they are there."""

    async def tasks_of(self, ids: Sequence[str]) -> list[Task]:
        """Tasks by id, as far as they are there and not being removed, in no promised order."""
