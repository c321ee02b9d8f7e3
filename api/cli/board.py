"""A task as rows by generation: what a live display shows of it, and what it leaves out where the screen is too small.

A row is a subtask, or like ones together: those whose keys differ in their numbers only, and where even these are too
many, all of a type. What grows while the task runs stands below the subtask that it grew from. No terminal is known
here: ``api.cli.progress`` draws the rows.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from api.drawings.looks import worst
from engine.states import SETTLED, UNSUCCESSFUL

ROWS_PER_GENERATION = 50
ROWS = 1_000
"""Rows above which all of a type become one, in their generation, then everywhere."""
_BUSY = ("processing", "retrying", "awaiting_approval")


class Node(NamedTuple):
    """A subtask that is known before anything of it has happened."""

    key: str
    type: str
    generation: int


@dataclass(slots=True)
class Row:
    """One subtask or like ones; ``place`` orders the rows, ``running`` says since when (ms) which run."""

    pattern: str
    type: str
    generation: int
    place: tuple[int, ...]
    statuses: dict[str, str] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    running: dict[str, int] = field(default_factory=dict)
    seconds: float | None = None
    """How long the last one that ended took."""

    @property
    def name(self) -> str:
        """The key of a single one, else what the keys have in common."""
        return next(iter(self.statuses)) if len(self.statuses) == 1 else self.pattern

    @property
    def depth(self) -> int:
        """How many it stands below."""
        return len(self.place) - 2

    @property
    def status(self) -> str:
        """The state that it is shown in."""
        return worst(self.counts)

    @property
    def settled(self) -> int:
        """How many of it are settled."""
        return sum(self.counts[status] for status in SETTLED)

    def move(self, key: str, status: str, at: int) -> None:
        """One of it is in another state since ``at``, in milliseconds."""
        if before := self.statuses.get(key):
            self.counts[before] -= 1
        self.statuses[key] = status
        self.counts[status] += 1
        since = self.running.pop(key, None)
        if status == "processing":
            self.running[key] = at
        elif since is not None:
            self.seconds = max(0, at - since) / 1000


class Gap(NamedTuple):
    """Rows that are not shown: how many, and their subtasks by state."""

    rows: int
    counts: Counter[str]


class Board:
    """The rows of one task, kept up to date by its events."""

    def __init__(self, nodes: Sequence[Node] = ()) -> None:
        self._rows: dict[str, Row] = {}
        self._row_of: dict[str, str] = {}
        self._sorted: list[Row] = []
        for node, name in zip(nodes, _names(nodes), strict=True):
            self._enter(node, name)

    def see(self, key: str, status: str, at: int) -> None:
        """A subtask is in a state since ``at``, in milliseconds."""
        if key not in self._row_of:
            self._enter(Node(key, "", 0), _pattern(key))
        self._rows[self._row_of[key]].move(key, status, at)

    def settle(self, key: str, status: str, seconds: float | None) -> None:
        """A subtask stands so since ``seconds``, or took them."""
        row = self._rows[self._row_of[key]]
        row.move(key, status, -round(1000 * (seconds or 0.0)))
        row.seconds = seconds

    @property
    def rows(self) -> list[Row]:
        """All of them, in order."""
        if len(self._sorted) != len(self._rows):
            self._sorted = sorted(self._rows.values(), key=lambda row: row.place)
        return self._sorted

    def window(self, height: int) -> list[Row | Gap]:
        """At most ``height`` rows: first what runs and what failed, then what comes next; gaps stand for the rest."""
        rows = self.rows
        ranked = sorted(range(len(rows)), key=lambda number: _interest(rows[number]))
        kept = min(len(rows), height)
        shown = _with_gaps(rows, ranked[:kept])
        while len(shown) > height and kept > 1:
            kept -= max(1, (len(shown) - height) // 2)
            shown = _with_gaps(rows, ranked[:kept])
        return shown[:height]

    def _enter(self, node: Node, name: str) -> None:
        above = self._row_of.get(node.key[: node.key.rindex("[")], "") if node.key.endswith("]") else ""
        parent = self._rows.get(above)
        number = len(self._rows)
        if parent is None:
            made = Row(_pattern(node.key), node.type, node.generation, (node.generation, number))
        else:
            name = f"{above} {_pattern(node.key)}"
            made = Row(_pattern(node.key), node.type or parent.type, parent.generation, (*parent.place, number))
        row = self._rows.setdefault(name, made)
        if row.pattern != made.pattern:
            row.pattern = f"{row.type} …"
        row.statuses[node.key] = "pending"
        row.counts["pending"] += 1
        self._row_of[node.key] = name


def _names(nodes: Sequence[Node]) -> list[str]:
    """The row of each: by what its key looks like, by type where that makes too many rows, by type alone at last."""
    names = [f"{node.generation} {node.type} {_pattern(node.key)}" for node in nodes]
    distinct = {(node.generation, name) for node, name in zip(nodes, names, strict=True)}
    rows = Counter(generation for generation, _ in distinct)
    names = [
        name if rows[node.generation] <= ROWS_PER_GENERATION else f"{node.generation} {node.type}"
        for node, name in zip(nodes, names, strict=True)
    ]
    return names if len(set(names)) <= ROWS else [node.type for node in nodes]


def _pattern(key: str) -> str:
    return re.sub(r"\d+", "#", key)


def _interest(row: Row) -> int:
    """What a person wants to see first has the lowest number."""
    if any(row.counts[status] for status in _BUSY):
        return 0
    if any(row.counts[status] for status in UNSUCCESSFUL):
        return 1
    if row.counts["ready"]:
        return 2
    return 4 if row.settled == len(row.statuses) else 3


def _with_gaps(rows: Sequence[Row], kept: Iterable[int]) -> list[Row | Gap]:
    """The rows with these numbers, in order; a gap wherever several are left out: it takes a line too."""
    shown: list[Row | Gap] = []
    start = 0
    for number in [*sorted(kept), len(rows)]:
        left_out = rows[start:number]
        if len(left_out) > 1:
            shown.append(Gap(len(left_out), sum((row.counts for row in left_out), Counter())))
        else:
            shown += left_out
        shown += rows[number : number + 1]
        start = number + 1
    return shown
