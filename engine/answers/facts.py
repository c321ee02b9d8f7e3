"""What answers rest on, and how far they look."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import msgspec

from engine.forecasts import Forecast, Foresight
from engine.limits.breakers import Shown
from engine.limits.lines import Held
from engine.lookups import Sign
from engine.model import Subtask, Task

LEVELS = 50
"""How far up and down the edges an answer looks."""
NODES_ABOVE = 200
"""Subtasks above it that the chain of one subtask may hold."""
NODES_BELOW = 1_000
"""Subtasks below it that are counted."""
NEEDED_EACH = 20
"""Dependencies of one subtask that an answer looks at, the most telling first."""


class Behind(msgspec.Struct, frozen=True):
    """What waits behind a subtask, directly or not: how many, and some keys. ``more``: there are more than that."""

    count: int = 0
    keys: list[str] = []
    more: bool = False


def _nothing(_: str) -> None:
    return None


class Here(msgspec.Struct, frozen=True):
    """What the engine that is asked knows at this moment.

    ``owned``: the task is this engine's. ``sign`` is the last sign of life of the one that has it, else. ``of_task``
    counts running attempts of the task, ``others`` further tasks of this engine with something ready. ``limits`` are
    the limits by type that hold now, ``lowered`` the types whose limit is lower than the settings', ``broken`` those
    whose breaker is open, ``eased`` those whose limit is lower because the machine is short, ``short`` says of what;
    ``slots`` are those that may be taken now; ``waits`` says by its id what limit a subtask waits for.
    """

    engine: str
    owned: bool
    slots: int
    running: int
    of_task: int = 0
    others: int = 0
    of_type: Mapping[str, int] = {}
    limits: Mapping[str, int] = {}
    lowered: frozenset[str] = frozenset()
    eased: frozenset[str] = frozenset()
    short: tuple[str, ...] = ()
    held: Mapping[str, int] = {}
    broken: Mapping[str, Shown] = {}
    waits: Callable[[str], Held | None] = _nothing
    tools: frozenset[str] = frozenset()
    draining: bool = False
    unavailable: str = ""
    failure: str = ""
    sign: Sign | None = None
    timeout: int = 15_000


class Facts(msgspec.Struct, frozen=True):
    """All that an answer about one subtask, or about a task, rests on.

    ``needed`` holds by subtask id its dependencies that did not complete, as far as they were read; ``cut`` are ids
    whose dependencies were not. ``ahead`` counts by id what is ready in the same task and goes first; ``told`` says by
    id, also of the task, who decided something about it, and why. ``foresight`` has the expected moments of subtasks,
    ``end`` what is foretold of the task, None where nothing is known; ``lacking`` says by id what no agent offers that
    a ready one needs.
    """

    now: int
    task: Task
    here: Here
    needed: Mapping[str, Sequence[Subtask]] = {}
    cut: frozenset[str] = frozenset()
    ahead: Mapping[str, int] = {}
    told: Mapping[str, str] = {}
    foresight: Foresight | None = None
    end: Forecast | None = None
    lacking: Mapping[str, str] = {}
    behind: Behind = Behind()
