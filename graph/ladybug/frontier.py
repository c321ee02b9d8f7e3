"""The order of the ready frontier and the adjacency of running tasks, in memory.

The embedded database indexes only primary keys, so the engine that owns a task keeps these two itself and rebuilds them
from the graph at start. What may happen is still the database's to say: its guards check status, counter and token.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Iterable, Mapping

from graph.ladybug.connection import Session

Entry = tuple[str, str, str]
"""(order key, subtask id, type) of a ready subtask."""


class TaskFrontier:
    """Ready subtasks of one task in order, held ones by type, and who depends on whom (by id)."""

    def __init__(self, edges: Iterable[tuple[str, str]], ready: Iterable[Entry]) -> None:
        self.dependants: defaultdict[str, list[str]] = defaultdict(list)
        self.ready = list(ready)
        self.held: defaultdict[str, list[Entry]] = defaultdict(list)
        self._gone: set[str] = set()
        heapq.heapify(self.ready)
        self.link(edges)

    def link(self, edges: Iterable[tuple[str, str]]) -> None:
        """Adds (dependant, dependency) pairs."""
        for dependant, dependency in edges:
            self.dependants[dependency].append(dependant)

    def push(self, entry: Entry) -> None:
        """Adds a subtask that has become ready."""
        if entry[1] in self._gone:
            self._gone.remove(entry[1])  # its old entry is still there
        else:
            heapq.heappush(self.ready, entry)

    def drop(self, id_: str) -> None:
        """A ready subtask is ready no more; its entry is passed over when its turn comes."""
        self._gone.add(id_)

    def take(self, count: int, free: dict[str, int]) -> tuple[list[str], list[str]]:
        """Takes up to ``count`` ids in order; those of a type without a free slot are held instead.

        Args:
            count: how many to look at.
            free: free slots of the limited types; lowered by what is taken.

        Returns:
            the ids taken, and the types of those held.
        """
        taken: list[str] = []
        held: list[str] = []
        while self.ready and len(taken) + len(held) < count:
            entry = heapq.heappop(self.ready)
            if entry[1] in self._gone:
                self._gone.remove(entry[1])
                continue
            type_ = entry[2]
            if type_ in free:
                if free[type_] <= 0:
                    heapq.heappush(self.held[type_], entry)
                    held.append(type_)
                    continue
                free[type_] -= 1
            taken.append(entry[1])
        return taken, held

    def reopen(self, type_: str, count: int) -> None:
        """Makes up to ``count`` held subtasks of a type claimable again, the most urgent first."""
        held = self.held[type_]
        for _ in range(min(count, len(held))):
            heapq.heappush(self.ready, heapq.heappop(held))

    def release(self) -> int:
        """Makes every held subtask claimable again; returns how many."""
        entries = [entry for held in self.held.values() for entry in held]
        self.held.clear()
        for entry in entries:
            heapq.heappush(self.ready, entry)
        return len(entries)

    def reorder(self, keys: Mapping[str, str]) -> None:
        """Gives the ready and held subtasks among these, by id, another order key."""
        for entries in (self.ready, *self.held.values()):
            entries[:] = [(keys.get(id_, key), id_, type_) for key, id_, type_ in entries]
            heapq.heapify(entries)

    def lowered(self, crossed: Iterable[tuple[str, int, int, int]]) -> list[tuple[str, int, int, int]]:
        """Whose counters move, and by how much.

        Args:
            crossed: (id, met, bad, skips) of subtasks that were settled (or came back from it: less than 0).

        Returns:
            the same of each of their dependants, summed up.
        """
        sums: dict[str, list[int]] = {}
        for id_, met, bad, skips in crossed:
            for dependant in self.dependants.get(id_, ()):
                found = sums.setdefault(dependant, [0, 0, 0])
                found[0] += met
                found[1] += bad
                found[2] += skips
        return [(dependant, met, bad, skips) for dependant, (met, bad, skips) in sums.items()]


class Frontiers:
    """The frontiers of the running tasks, each rebuilt from the graph when it is not there.

    While a turn is on its way a map may grow, so only the writing thread reads or changes a frontier, inside the
    transaction that it belongs to. To drop one is safe anywhere: the next transaction that needs it reads the graph.
    """

    def __init__(self) -> None:
        self._known: dict[str, TaskFrontier] = {}

    def of(self, session: Session, task_id: str) -> TaskFrontier:
        """The frontier of a task."""
        known = self._known.get(task_id)
        if known is None:
            edges = session.run("subtask/adjacency", task=task_id)
            ready = session.run("subtask/frontier", task=task_id)
            known = self._known[task_id] = TaskFrontier(
                [(row["dependant"], row["dependency"]) for row in edges],
                [(row["order_key"], row["id"], row["type"]) for row in ready],
            )
        return known

    def link(self, task_id: str, edges: Iterable[tuple[str, str]]) -> None:
        """Adds edges that have just been written, where the frontier was not read after them."""
        if (known := self._known.get(task_id)) is not None:
            known.link(edges)

    def reorder(self, task_id: str, keys: Mapping[str, str]) -> None:
        """Takes over other order keys, where the frontier will not be read after them."""
        if (known := self._known.get(task_id)) is not None:
            known.reorder(keys)

    def begin(self, task_id: str, frontier: TaskFrontier) -> None:
        """The frontier of a task that nobody has claimed from yet."""
        self._known[task_id] = frontier

    def drop(self, task_id: str) -> None:
        """Forgets what is known of a task."""
        self._known.pop(task_id, None)
