"""How many subtasks of a type may run at once: the settings' limits, and lower ones where resources ran short.

Additive increase, multiplicative decrease, as TCP finds the capacity of a path: a shortage halves what may run of the
type, every so many ends without one let one more run, until the limit is what the settings say again.
(Jacobson: "Congestion Avoidance and Control", SIGCOMM 1988.)
"""

from __future__ import annotations

from collections.abc import Mapping

from engine.errors import Category

ENOUGH = 2
"""Ends without a shortage, per slot of the present limit, after which one more may run."""


class Throttle:
    """The limits by type. ``limits`` are those of the settings."""

    def __init__(self, limits: Mapping[str, int]) -> None:
        self._settings = dict(limits)
        self._lowered: dict[str, int] = {}
        self._peak: dict[str, int] = {}
        self._good: dict[str, int] = {}
        self._caps: dict[str, int] = {}
        self.eased: Mapping[str, int] = {}
        """Limits that hold while the machine is short."""

    def cap(self, type_: str, limit: int | None) -> None:
        """A type may not run more than so many for now, whatever else is said of it; None ends that."""
        if limit is None:
            self._caps.pop(type_, None)
        else:
            self._caps[type_] = limit

    def meet(self, type_: str, limit: int | None) -> None:
        """A type that was not there at the beginning may run so many at once, unless the settings say otherwise."""
        if limit is not None:
            self._settings.setdefault(type_, limit)

    @property
    def caps(self) -> Mapping[str, int]:
        """The caps in force."""
        return self._caps

    def ended(self, type_: str, category: str | None, running: int) -> None:
        """An attempt of a type has ended while ``running`` others of it go on."""
        if category == Category.RESOURCE:
            limit = max(1, (self._lowered.get(type_, running + 1)) // 2)
            self._peak.setdefault(type_, running + 1)
            self._lowered[type_] = limit
            self._good[type_] = 0
        elif type_ in self._lowered and category is None:
            self._good[type_] += 1
            if self._good[type_] >= ENOUGH * self._lowered[type_]:
                self._raise(type_)

    def _raise(self, type_: str) -> None:
        self._good[type_] = 0
        self._lowered[type_] += 1
        if self._lowered[type_] > self._peak[type_]:
            del self._lowered[type_], self._peak[type_], self._good[type_]

    def limit(self, type_: str) -> int | None:
        """How many of a type may run at once; None for no limit."""
        found = [limits[type_] for limits in (self._settings, self._lowered, self._caps, self.eased) if type_ in limits]
        return min(found) if found else None

    def limits(self) -> dict[str, int]:
        """The limit of every type that has one."""
        return {type_: self.limit(type_) or 0 for type_ in sorted(self._types())}

    def free(self, running: Mapping[str, int]) -> dict[str, int]:
        """The free slots of every type that has a limit, by what runs of each."""
        return {type_: max(0, (self.limit(type_) or 0) - running.get(type_, 0)) for type_ in sorted(self._types())}

    def _types(self) -> set[str]:
        return self._settings.keys() | self._lowered.keys() | self._caps.keys() | self.eased.keys()

    @property
    def lowered(self) -> Mapping[str, int]:
        """The limits that are lower than the settings', for people."""
        return self._lowered
