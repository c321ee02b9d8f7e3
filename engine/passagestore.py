"""Where the graph keeps passages of outputs and files with their vectors, as a Protocol."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol

from engine.model import Value

DIMENSIONS = 512
"""Numbers of a vector: the stored schema says so."""
Kind = Literal["result", "file"]


class Passage(Value, frozen=True):
    """A piece of an output or a file, and its place among the points of a model.

    ``name`` is the key of a subtask or the path of a file in the task's folder, ``number`` the place among the pieces,
    ``at`` when it was taken down in milliseconds.
    """

    task_id: str
    kind: Kind
    name: str
    number: int
    text: str
    at: int
    model: str
    vector: list[float]

    @property
    def source(self) -> str:
        """What it is a piece of."""
        return f"{self.task_id}/{self.kind}/{self.name}"


class Near(Value, frozen=True):
    """A passage that was found, without its vector. ``score`` is the cosine: 1 is the same, 0 has nothing in common."""

    task_id: str
    kind: Kind
    name: str
    number: int
    text: str
    at: int
    score: float


class NearWish(Value, frozen=True):
    """What is looked for: near ``vector``, among passages of the same ``model``; an empty text stands for any."""

    vector: list[float]
    model: str
    kind: str = ""
    task_id: str = ""
    limit: int = 10


class PassageStore(Protocol):
    """The passages of a namespace. Nothing here is fenced: they can be made again."""

    async def put_passages(self, sources: Sequence[str], passages: Sequence[Passage]) -> None:
        """Keeps passages in place of all that there are of ``sources``; safe to repeat."""

    async def near_passages(self, wish: NearWish) -> list[Near]:
        """The nearest ones, the nearest first."""

    async def passages_number(self) -> int:
        """How many there are."""

    async def shorten_passages(self, limit: int) -> None:
        """Removes up to ``limit``, the oldest ones."""
