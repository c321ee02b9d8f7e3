"""An engine that runs nothing: whom it gives its tasks to, and what waits."""

from __future__ import annotations

from typing import Any, cast

import pytest

from engine.balance import idlest
from engine.command import Command
from engine.errors import Busy, GraphUnavailable
from engine.handing import FRESH_SECONDS, HandingOver
from engine.ownerstore import Load, OwnerStore
from engine.plan.ids import Ulids
from tests.support.clock import FakeClock


class Engines:
    """A graph that knows of engines, and whose each task is."""

    def __init__(self, **loads: Load) -> None:
        self.engines = loads
        self.mine: set[str] = set()
        self.given: list[tuple[str, str]] = []
        self.told: list[Command] = []
        self.away = False
        self.looks = 0

    async def loads(self, timeout: int) -> list[tuple[str, Load]]:
        self.looks += 1
        return sorted(self.engines.items())

    async def hand_over(self, task_id: str, engine: str, command: tuple[str, str], at: int) -> bool:
        if self.away:
            raise GraphUnavailable("away")
        if engine not in self.engines or task_id not in self.mine:
            return False
        self.mine.discard(task_id)
        self.given.append((task_id, engine))
        self.told.append(Command.decode(command[1]))
        return True

    async def adopt(self, ids: list[str]) -> list[Any]:
        return [id_ for id_ in ids if id_ in self.mine]


def handing(graph: Engines, rung: list[str] | None = None) -> tuple[HandingOver, FakeClock]:
    clock = FakeClock()
    ring = [] if rung is None else rung
    return HandingOver(cast(OwnerStore, graph), clock, Ulids(), 1000, ring.append), clock


def take(hands: HandingOver, graph: Engines, *sizes: int) -> list[str]:
    ids = [f"t{number}" for number in range(len(sizes))]
    for task_id, size in zip(ids, sizes, strict=True):
        graph.mine.add(task_id)
        hands.take(task_id, size)
    return ids


async def test_each_task_goes_to_the_engine_with_least_to_do_and_counts_there_at_once() -> None:
    graph = Engines(a=Load(5, 95), b=Load(0, 100))
    rung: list[str] = []
    hands, _ = handing(graph, rung)
    take(hands, graph, 4, 4, 4, 1)
    await hands.offer()
    assert graph.given == [("t0", "b"), ("t1", "b"), ("t2", "a"), ("t3", "b")]
    assert rung == ["b", "b", "a", "b"]
    assert [(command.verb, command.task_id) for command in graph.told] == [("take_up", f"t{n}") for n in range(4)]
    assert (graph.looks, hands.waiting) == (1, 0)


async def test_what_finds_nobody_waits_and_goes_when_somebody_comes() -> None:
    graph = Engines()
    hands, clock = handing(graph)
    take(hands, graph, 1, 1)
    await hands.offer()
    assert (hands.waiting, graph.given) == (2, [])
    graph.engines["a"] = Load(0, 10)
    clock.advance(FRESH_SECONDS + 0.1)
    await hands.offer()
    assert (hands.waiting, graph.given) == (0, [("t0", "a"), ("t1", "a")])


async def test_an_engine_that_has_gone_meanwhile_is_looked_for_anew() -> None:
    graph = Engines(a=Load(0, 10), b=Load(5, 10))
    hands, _ = handing(graph)
    await hands.refuse_when_full(1)
    del graph.engines["a"]
    take(hands, graph, 1)
    await hands.offer()
    assert (hands.waiting, graph.given) == (1, [])
    await hands.offer()
    assert (hands.waiting, graph.given) == (0, [("t0", "b")])


async def test_what_is_not_its_own_any_more_is_forgotten() -> None:
    graph = Engines(a=Load(0, 10))
    hands, _ = handing(graph)
    hands.take("t0", 1)  # its handing over had worked, and the answer was lost
    await hands.offer()
    assert (hands.waiting, graph.given) == (0, [])


async def test_while_the_graph_is_away_everything_waits() -> None:
    graph = Engines(a=Load(0, 10))
    hands, _ = handing(graph)
    take(hands, graph, 1)
    graph.away = True
    with pytest.raises(GraphUnavailable):
        await hands.offer()
    graph.away = False
    await hands.offer()
    assert graph.given == [("t0", "a")]


async def test_who_hands_in_more_than_any_has_room_for_is_told_to_wait() -> None:
    graph = Engines(a=Load(0, 10), b=Load(90, 20))
    hands, clock = handing(graph)
    await hands.refuse_when_full(20)
    with pytest.raises(Busy, match="no engine has room for 21 more"):
        await hands.refuse_when_full(21)
    graph.engines.clear()
    clock.advance(FRESH_SECONDS + 0.1)
    with pytest.raises(GraphUnavailable, match="agent03 engine"):
        await hands.refuse_when_full(1)


def test_of_several_the_one_with_most_room_then_the_first() -> None:
    assert idlest({"b": Load(1, 5), "a": Load(1, 5), "c": Load(2, 9)}) == "a"
    assert idlest({"a": Load(1, 5), "b": Load(1, 6)}) == "b"
