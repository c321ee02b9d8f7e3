"""What several engines write on and read from so that they keep limits together: a port.

Everything on it is forgotten by itself: a place in a rate when its period is over, a place among those at a time when
its engine does not renew it. So an engine that is killed holds nothing up for longer than its lease.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Literal, Protocol

import msgspec

from engine.model import Value


class BoardAway(Exception):
    """The board does not answer: whoever asked keeps its limits by itself until it does."""


class Limit(Value, frozen=True, array_like=True):
    """One limit: ``key`` is the same for all engines, ``period`` in microseconds (0 for so many at a time)."""

    key: str
    period: int
    most: int


class Take(Value, frozen=True, tag_field="op", tag="take"):
    """One place in each limit or in none.

    ``names`` are what the places are called, ``kept`` the places that were set aside for it before, by their name.
    """

    lines: list[Limit]
    names: list[str]
    kept: list[str]


class Reserve(Value, frozen=True, tag_field="op", tag="reserve"):
    """Up to ``asked`` places of one limit are set aside for ``milliseconds``; they are called ``name:1`` and so on."""

    line: Limit
    asked: int
    name: str
    milliseconds: int


class Leave(Value, frozen=True, tag_field="op", tag="leave"):
    """Places that are free again: what they are called, and in which limit."""

    keys: list[str]
    names: list[str]


class Renew(Value, frozen=True, tag_field="op", tag="renew"):
    """Places that are still taken, among so many at a time: their lease begins anew, or they are entered again."""

    key: str
    names: list[str]


class Enter(Value, frozen=True, tag_field="op", tag="enter"):
    """Places in a rate that were taken ``ages`` microseconds ago, and that the board may not know."""

    line: Limit
    names: list[str]
    ages: list[int]


class Probe(Value, frozen=True, tag_field="op", tag="probe"):
    """The right to try what a breaker guards, for so many milliseconds."""

    key: str
    milliseconds: int


class Unprobe(Value, frozen=True, tag_field="op", tag="unprobe"):
    """Lets go of that right."""

    key: str


Operation = Take | Reserve | Leave | Renew | Enter | Probe | Unprobe
Answer = tuple[int, int]
"""Of ``Take``: 0, or the number (from 1) of the limit without room, and the microseconds until it has some. Of
``Reserve``: how many were set aside, and the microseconds until more can be. Of ``Probe``: 0, and the milliseconds for
which another engine has the right, 0 when it is the one who asked. Of the others: 0 and 0."""


class Said(Value, frozen=True, omit_defaults=True):
    """What engines tell each other.

    ``what`` is "room" (there may be room in the limit ``key``), "rest" (the endpoint ``key`` wants to be left alone for
    so many ``seconds``) or "breaker" (that of ``key`` stands as ``data`` says, which is JSON; empty when it is closed).
    "wake" tells the engine ``key``, or all, that there is something for it in the graph. ``by`` is who says it.
    """

    what: Literal["room", "rest", "breaker", "wake"]
    key: str
    by: str = ""
    seconds: float = 0.0
    data: str = ""


class Board(Protocol):
    """What engines of one namespace share. Every method raises ``BoardAway``."""

    async def run(self, operations: Sequence[Operation], me: str, lease: int) -> list[Answer]:
        """Carries out operations in their order, in one round trip; ``lease`` is in milliseconds."""

    async def say(self, said: Said) -> None:
        """Tells the other engines; what is said of a breaker stays."""

    async def breakers(self) -> dict[str, str]:
        """What was said last of each breaker that is open: ``data`` by key."""

    async def listen(self, began: Callable[[], Awaitable[None]], heard: Callable[[Said], None]) -> None:
        """Calls ``began`` once it hears, then ``heard`` for whatever is said; ends only by raising."""


encode = msgspec.json.Encoder().encode
"""JSON of operations, and of what is said."""
