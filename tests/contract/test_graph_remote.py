"""Agents in other processes are kept in the graph of a namespace, on both graphs."""

from __future__ import annotations

import msgspec

from engine.remotestore import StoredAgent, Vitals
from tests.support.graphs import Hand


def agent(id_: str, engine: str, **fields: object) -> StoredAgent:
    plain = StoredAgent(id_, f"http://127.0.0.1:1/{id_}", ("A", "B"), 2, "1", engine, 10, 10)
    return msgspec.structs.replace(plain, **fields)


async def test_agents_are_kept_until_they_are_dropped(hand: Hand) -> None:
    graph = hand.graph
    assert await graph.remotes() == []
    one, two, bare = agent("one", "E1"), agent("two", "E2"), agent("three", "E1", capabilities=())
    for each in (two, one, bare, one):
        await graph.put_remote(each)
    assert await graph.remotes() == [one, bare, two]

    moved = agent("one", "E2", url="https://other", slots=3, version="2")
    await graph.put_remote(moved)
    await graph.drop_remote("one", "E1")  # the engine that had it before
    assert await graph.remotes() == [moved, bare, two]
    await graph.drop_remote("one", "E2")
    await graph.drop_remote("never", "E2")
    assert await graph.remotes() == [bare, two]


async def test_heartbeats_are_written_together_and_only_by_the_engine_that_hears_them(hand: Hand) -> None:
    graph = hand.graph
    agents = [agent(f"a{number}", "E1" if number else "E2") for number in range(5)]
    for each in agents:
        await graph.put_remote(each)
    vitals = Vitals(is_available=False, current_task="t", cpu_usage=1.5, memory_usage=None, tasks_completed=7)
    beaten = [msgspec.structs.replace(each, engine="E1", seen_at=20, vitals=vitals) for each in agents]
    await graph.beat_remotes([*beaten, msgspec.structs.replace(beaten[0], agent_id="unknown")])
    await graph.beat_remotes([])
    assert await graph.remotes() == [agents[0], *beaten[1:]]
