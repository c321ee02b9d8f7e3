"""Where each node of a drawn graph goes, so that nobody who shows it has to think. Pure.

Layers after Sugiyama: a column per generation; in it an order by barycentres, so that few edges cross; then heights as
near to a node's neighbours as the order allows. An edge that passes over a generation is led between its nodes. All of
it is linear but for the sorting: libraries for the browser take seconds to minutes for ten thousand nodes.

Places are in cells: one cell is as wide as a node with its gap to the next column, and as high as a node with its gap
to the next row. Whoever draws chooses the size of a cell.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import accumulate, chain, pairwise

import msgspec

from engine.model import Json
from engine.plan.order import order

SWEEPS = 4
"""How often the columns are ordered by their neighbours, forward and back; more changes little."""
LED_EDGES = 4_000
"""Places between nodes up to which long edges are led around nodes; above, nobody can follow a single edge anyway."""
GAP = 1.0
BEND_GAP = 0.5
"""Cells between two nodes, and between a led edge and what is beside it."""
BEND_WEIGHT = 0.01
"""How little a bend moves a node that is in its way."""
TALL = 48
"""Rows up to which a generation stays one column, whatever the shape of the picture."""
CELL_RATIO = 5.0
"""Width of a cell by its height, as drawn; decides how many rows make a picture that fits a screen."""
SCREEN_RATIO = 1.8

Place = tuple[float, float]


class Layout(msgspec.Struct, frozen=True):
    """Places in cells, ``(x, y)`` of a node's middle; the first column and the first row are 0."""

    places: list[Place]
    bends: dict[int, list[Place]]
    """By number of an edge the places that it goes through on its way; only of those that pass over a generation."""
    width: float
    height: float


class _Columns(msgspec.Struct):
    """The graph with its long edges cut: vertices from ``nodes`` on are bends."""

    nodes: int
    columns: list[list[int]]
    before: list[list[int]]
    after: list[list[int]]
    bends: dict[int, list[int]]


def placed(drawn: Mapping[str, Json]) -> dict[str, Json]:
    """A drawing whose nodes have their ``x`` and ``y``, with a ``layout``: its size, and the bends of long edges.

    Args:
        drawn: of ``drawing``, with groups or without: nodes by ``key``, edges as [dependency, dependant].
    """
    index = {node["key"]: number for number, node in enumerate(drawn["nodes"])}
    found = lay_out(len(index), [(index[dependency], index[dependant]) for dependency, dependant in drawn["edges"]])
    nodes = [{**node, "x": x, "y": y} for node, (x, y) in zip(drawn["nodes"], found.places, strict=True)]
    bends = [{"edge": edge, "through": through} for edge, through in found.bends.items()]
    return {**drawn, "nodes": nodes, "layout": {"width": found.width, "height": found.height, "bends": bends}}


def lay_out(nodes: int, edges: Sequence[tuple[int, int]]) -> Layout:
    """The layout of an acyclic graph.

    Args:
        nodes: how many there are.
        edges: pairs of numbers (dependency, dependant).
    """
    dependencies: list[list[int]] = [[] for _ in range(nodes)]
    for dependency, dependant in dict.fromkeys(edges):
        dependencies[dependant].append(dependency)
    generation = order(dependencies).generation
    sizes = [0] * (max(generation, default=-1) + 1)
    for depth in generation:
        sizes[depth] += 1
    rows = _rows(sizes)
    graph = _cut(nodes, edges, generation, lead=max(sizes, default=0) <= rows)
    _sort(graph)
    return _rounded(graph, _heights(graph, rows), rows)


def _rows(sizes: Sequence[int]) -> int:
    """The rows after which a generation goes on in a further column, so that a very wide one still fits a screen."""
    rows = TALL
    while rows < max(sizes, default=0):
        columns = sum(-(-size // rows) for size in sizes)
        if columns * CELL_RATIO <= SCREEN_RATIO * rows:
            break
        rows += max(1, rows // 8)
    return rows


# --- columns, and who stands next to whom ---------------------------------------------------------------------------


def _cut(nodes: int, edges: Sequence[tuple[int, int]], generation: Sequence[int], *, lead: bool) -> _Columns:
    """The columns; long edges get a bend in every generation that they pass over, unless that were too many."""
    graph = _Columns(nodes, [[] for _ in range(max(generation, default=-1) + 1)], [], [], {})
    graph.before, graph.after = [[] for _ in range(nodes)], [[] for _ in range(nodes)]
    for node, depth in enumerate(generation):
        graph.columns[depth].append(node)
    passed = sum(generation[end] - generation[start] - 1 for start, end in edges)
    for number, (start, end) in enumerate(edges):
        way = [start, end]
        if lead and passed <= LED_EDGES and generation[end] - generation[start] > 1:
            graph.bends[number] = _bends(graph, range(generation[start] + 1, generation[end]))
            way = [start, *graph.bends[number], end]
        for left, right in pairwise(way):
            graph.after[left].append(right)
            graph.before[right].append(left)
    return graph


def _bends(graph: _Columns, depths: range) -> list[int]:
    """New vertices, one in each of the columns."""
    made = []
    for depth in depths:
        made.append(len(graph.before))
        graph.columns[depth].append(made[-1])
        graph.before.append([])
        graph.after.append([])
    return made


def _sort(graph: _Columns) -> None:
    """Orders each column by the mean place of what its vertices are tied to, to and fro."""
    place = [0.0] * len(graph.before)
    for column in graph.columns:
        _count(column, place)
    for sweep in range(SWEEPS):
        columns, tied = (graph.columns, graph.before) if sweep % 2 == 0 else (graph.columns[::-1], graph.after)
        for column in columns:
            wanted = {vertex: _mean(tied[vertex], place, place[vertex]) for vertex in column}
            column.sort(key=wanted.__getitem__)
            _count(column, place)


def _count(column: Sequence[int], place: list[float]) -> None:
    middle = (len(column) - 1) / 2
    for number, vertex in enumerate(column):
        place[vertex] = number - middle


def _mean(tied: Sequence[int], place: Sequence[float], otherwise: float) -> float:
    return sum([place[vertex] for vertex in tied]) / len(tied) if tied else otherwise


# --- heights --------------------------------------------------------------------------------------------------------


def _heights(graph: _Columns, rows: int) -> list[float]:
    """The row of every vertex: near to its neighbours, in the order of its column, and clear of the next one."""
    height = [0.0] * len(graph.before)
    for column in graph.columns:
        _spread(graph, column, [0.0] * len(column), rows, height)
    before, after = _leading(graph, graph.before), _leading(graph, graph.after)
    both = [one + other for one, other in zip(before, after, strict=True)]
    for columns, tied in ((graph.columns, before), (graph.columns[::-1], after), (graph.columns, both)):
        for column in columns:
            wanted = [_mean(tied[vertex], height, height[vertex]) for vertex in column]
            _spread(graph, column, wanted, rows, height)
    return height


def _leading(graph: _Columns, tied: Sequence[list[int]]) -> Sequence[list[int]]:
    """What each vertex goes by: a node by nodes where it has any beside it, so that a chain stays straight."""
    if not graph.bends:
        return tied
    nodes = [[vertex for vertex in others if vertex < graph.nodes] or others for others in tied[: graph.nodes]]
    return nodes + list(tied[graph.nodes :])


def _spread(graph: _Columns, column: Sequence[int], wanted: Sequence[float], rows: int, height: list[float]) -> None:
    """Gives the vertices of a column their heights, as near to the wanted ones as their gaps allow."""
    if len(column) > rows and not graph.bends:
        across = -(-len(column) // rows)
        top = sum(wanted) / len(wanted) - (len(column) // across) / 2
        for number, vertex in enumerate(column):
            height[vertex] = top + number // across
        return
    bend = [vertex >= graph.nodes for vertex in column]
    gaps = [BEND_GAP if one or other else GAP for one, other in pairwise(bend)]
    offsets = list(accumulate(gaps, initial=0.0))
    free = [want - offset for want, offset in zip(wanted, offsets, strict=False)]
    weights = [BEND_WEIGHT if one else 1.0 for one in bend]
    for vertex, least, offset in zip(column, _rising(free, weights), offsets, strict=False):
        height[vertex] = least + offset


def _rising(wanted: Sequence[float], weights: Sequence[float]) -> list[float]:
    """The values that never fall and differ least from the wanted ones (by pooling adjacent violators)."""
    blocks: list[tuple[float, float, int]] = []
    for value, weight in zip(wanted, weights, strict=True):
        total, heavy, size = value * weight, weight, 1
        while blocks and blocks[-1][0] * heavy >= total * blocks[-1][1]:
            before, weighs, count = blocks.pop()
            total, heavy, size = total + before, heavy + weighs, size + count
        blocks.append((total, heavy, size))
    return list(chain.from_iterable([total / heavy] * size for total, heavy, size in blocks))


def _rounded(graph: _Columns, height: Sequence[float], rows: int) -> Layout:
    """The vertices in cells from zero on, nodes and bends apart."""
    top = min(height, default=0.0)
    across = [-(-len(column) // rows) if not graph.bends else 1 for column in graph.columns]
    left = list(accumulate(across, initial=0))
    places: list[Place] = [(0.0, 0.0)] * len(height)
    for depth, column in enumerate(graph.columns):
        for number, vertex in enumerate(column):
            places[vertex] = (float(left[depth] + number % across[depth]), round(height[vertex] - top, 2))
    bends = {edge: [places[vertex] for vertex in vertices] for edge, vertices in graph.bends.items()}
    bottom = max((y for _, y in places), default=-1.0)
    return Layout(places[: graph.nodes], bends, float(left[-1]), round(bottom + 1, 2))
