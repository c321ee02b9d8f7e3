"""Naming cycles. Only a plan that cannot be ordered gets here, and only its unordered part is looked at.

Strongly connected components by Tarjan's algorithm, written without recursion (a chain may be 250,000 long), then a
shortest cycle in each by breadth-first search.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Sequence

Edges = Sequence[Sequence[int]]


def components(edges: Edges, nodes: Iterable[int]) -> list[list[int]]:
    """The strongly connected components with more than one node, each sorted, reached from ``nodes``."""
    search = _Tarjan(edges)
    for node in nodes:
        if not search.number[node]:
            search.visit(node)
    return sorted(search.found)


class _Tarjan:
    def __init__(self, edges: Edges) -> None:
        self._edges = edges
        self.number = [0] * len(edges)
        self._low = [0] * len(edges)
        self._on_stack = bytearray(len(edges))
        self._stack: list[int] = []
        self._count = 0
        self.found: list[list[int]] = []

    def visit(self, root: int) -> None:
        path = [(root, self._enter(root))]
        while path:
            node, ahead = path[-1]
            for follower in ahead:
                if not self.number[follower]:
                    path.append((follower, self._enter(follower)))
                    break
                if self._on_stack[follower]:
                    self._low[node] = min(self._low[node], self.number[follower])
            else:
                path.pop()
                self._leave(node)
                if path:
                    above = path[-1][0]
                    self._low[above] = min(self._low[above], self._low[node])

    def _enter(self, node: int) -> Iterable[int]:
        self._count += 1
        self.number[node] = self._low[node] = self._count
        self._stack.append(node)
        self._on_stack[node] = 1
        return iter(self._edges[node])

    def _leave(self, node: int) -> None:
        if self._low[node] != self.number[node]:
            return
        group: list[int] = []
        while not group or group[-1] != node:
            group.append(self._stack.pop())
            self._on_stack[group[-1]] = 0
        if len(group) > 1:
            self.found.append(sorted(group))


def path_between(edges: Edges, start: int, end: int, within: Collection[int]) -> list[int]:
    """A shortest path from ``start`` to ``end`` inside a component, both included; a cycle where they are the same."""
    came_from: dict[int, int] = {}
    queue = deque([start])
    while queue:
        node = queue.popleft()
        for follower in edges[node]:
            if follower in within and follower not in came_from:
                came_from[follower] = node
                if follower == end:
                    return _trace(came_from, start, end)
                queue.append(follower)
    return []


def _trace(came_from: dict[int, int], start: int, end: int) -> list[int]:
    path = [end, came_from[end]]
    while path[-1] != start:
        path.append(came_from[path[-1]])
    return path[::-1]


def arrows(keys: Sequence[str], path: Sequence[int]) -> str:
    """`a -> b -> a`; a long one is shown by its beginning and its end."""
    names = [keys[node] for node in path]
    if len(names) > 12:
        names = [*names[:8], f"... {len(names) - 10:,} more ...", *names[-2:]]
    return " -> ".join(names)
