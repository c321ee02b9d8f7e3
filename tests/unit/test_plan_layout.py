"""Where the nodes of a drawn graph go: by generation, clear of each other, near to their neighbours."""

from __future__ import annotations

import random
from collections import defaultdict
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.plan.drawing import collapsed
from engine.plan.layout import Layout, lay_out, placed

Edges = list[tuple[int, int]]


def crossings(found: Layout, edges: Edges) -> int:
    """How often two edges between the same two columns cross."""
    ways = sorted((found.places[start], found.places[end]) for start, end in edges)
    return sum(
        one[0][0] == other[0][0] and (one[0][1] - other[0][1]) * (one[1][1] - other[1][1]) < 0
        for number, one in enumerate(ways)
        for other in ways[number + 1 :]
    )


@st.composite
def graphs(draw: st.DrawFn) -> tuple[int, Edges]:
    count = draw(st.integers(0, 40))
    pairs = st.tuples(st.integers(0, max(0, count - 1)), st.integers(0, max(0, count - 1)))
    return count, [(min(pair), max(pair)) for pair in draw(st.lists(pairs, max_size=80)) if pair[0] != pair[1]]


@given(graphs())
def test_of_any_graph_no_two_places_are_one_and_every_edge_goes_to_the_right(graph: tuple[int, Edges]) -> None:
    count, edges = graph

    found = lay_out(count, edges)

    assert len(found.places) == count == len(set(found.places))
    for number, (start, end) in enumerate(edges):
        way = [found.places[start], *found.bends.get(number, []), found.places[end]]
        assert all(left[0] + 1 == right[0] for left, right in pairwise(way))
    columns = defaultdict(list)
    for x, y in found.places:
        columns[x].append(y)
    for heights in columns.values():
        assert all(low + 0.98 <= high for low, high in pairwise(sorted(heights)))
    for x, y in [*found.places, *(place for way in found.bends.values() for place in way)]:
        assert 0 <= x <= found.width - 1 and 0 <= y <= found.height - 0.999


def test_a_chain_is_straight_and_the_edge_past_it_is_led_around_its_nodes() -> None:
    found = lay_out(4, [(0, 1), (1, 2), (2, 3), (0, 3)])

    assert found.places == [(0, 0), (1, 0), (2, 0), (3, 0)]
    assert list(found.bends) == [3]
    assert all(y >= 0.5 for _, y in found.bends[3])


def test_a_join_stands_in_the_middle_of_what_it_joins() -> None:
    found = lay_out(5, [(0, 1), (0, 2), (0, 3), (1, 4), (2, 4), (3, 4)])

    assert found.places[0] == (0, 1) and found.places[4] == (2, 1)


def test_lanes_that_came_in_mixed_are_drawn_without_a_crossing() -> None:
    lanes = list(range(20))
    random.Random(7).shuffle(lanes)
    edges = [(lane, 20 + number) for number, lane in enumerate(lanes)]

    assert crossings(lay_out(40, edges), edges) == 0


def test_a_very_wide_generation_takes_several_columns_and_the_next_one_stands_behind_them() -> None:
    edges = [(0, item) for item in range(1, 5001)] + [(item, 5001) for item in range(1, 5001)]

    found = lay_out(5002, edges)

    assert found.width > 10 and found.height < 400
    items = found.places[1:5001]
    assert found.places[0][0] < min(x for x, _ in items) and max(x for x, _ in items) < found.places[5001][0]
    assert len(set(found.places)) == 5002


@pytest.mark.parametrize("wide", [100, 1000])
def test_ten_thousand_nodes_are_placed_apart(wide: int) -> None:
    chance = random.Random(1)
    edges = [(node - wide, node) for node in range(wide, 10_000)]
    for _ in range(4_000):
        node = chance.randrange(wide, 10_000)
        edges.append(((node // wide - 1) * wide + chance.randrange(wide), node))

    found = lay_out(10_000, edges)

    assert len(set(found.places)) == 10_000


def test_a_drawing_says_where_its_nodes_and_its_groups_go() -> None:
    keys = ["list", *(f"get[{number}]" for number in range(3)), "all"]
    nodes = [{"key": key, "type": "noop", "status": "ready", "generation": 0, "critical_path": False} for key in keys]
    edges = [["list", key] for key in keys[1:4]] + [[key, "all"] for key in keys[1:4]] + [["list", "all"]]
    drawn = {"nodes": nodes, "edges": edges, "critical_path": []}

    every, folded = placed(drawn), placed(collapsed(drawn, members=True))

    assert [(node["key"], node["x"]) for node in every["nodes"]] == list(zip(keys, [0, 1, 1, 1, 2], strict=True))
    assert [bend["edge"] for bend in every["layout"]["bends"]] == [6]
    assert [(node["key"], node["x"]) for node in folded["nodes"]] == [("list", 0), ("get[#]", 1), ("all", 2)]
    assert folded["nodes"][1]["members"] == [[key, "ready"] for key in keys[1:4]]
    opened = collapsed(drawn, opened=["get[#]"])
    assert [(node["key"], node["count"]) for node in opened["nodes"]] == [(key, 1) for key in keys]
    assert opened["edges"] == edges
