"""What a machine has left, and whoever knows it."""

from __future__ import annotations

from typing import Protocol

from engine.model import Value


class Reading(Value, frozen=True):
    """What was seen at one look; None where the system does not tell.

    ``memory`` is the used part of the memory of the machine, or of the container where that has a limit; ``own`` what
    the engine's process holds, bytes; ``load`` the processes that run or want to, per processor, mean of a minute;
    ``disk`` the bytes that are free in the fullest of the places where the engine writes, ``place``; ``lag`` by how
    many seconds the event loop was late at worst since the look before.
    """

    memory: float | None = None
    own: int | None = None
    load: float | None = None
    disk: int | None = None
    place: str = ""
    lag: float | None = None


class Gauge(Protocol):
    """Whoever knows what the machine has left."""

    def read(self) -> Reading:
        """One look, in a thread."""
