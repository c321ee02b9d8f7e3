"""The graph port on a network: what an engine writes while it raises its own epoch is sent again, and is no loss of it.

After a lost answer an engine fences what it sent before. Another of its own writes may be on its way at that moment.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from engine.errors import Fenced
from engine.estimates.profile import StoredProfile
from graph.database import Row
from graph.neo4j.store import Neo4jGraph
from tests.contract.test_graph_cache import ENTRY
from tests.contract.test_graph_memory import PLAN
from tests.support.graphs import Hand

Write = Callable[[Hand], Awaitable[object]]


async def _profile(hand: Hand) -> None:
    await hand.graph.put_profiles([StoredProfile("noop", "{}", hand.now)])


async def _entry(hand: Hand) -> None:
    await hand.graph.put_cached([ENTRY])


async def _plan(hand: Hand) -> None:
    await hand.graph.learn(PLAN)


WRITES: dict[str, Write] = {"profile/put": _profile, "cache/put": _entry, "template/put": _plan}


@pytest.mark.parametrize("name", WRITES)
async def test_a_write_that_meets_a_renewal_is_sent_again(
    neo4j_hand: Hand, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    graph = neo4j_hand.graph
    assert isinstance(graph, Neo4jGraph)
    real, sent = graph._database.write, []

    async def late(statement: str, /, **params: Any) -> list[Row]:
        if statement in (name, "engine/renew"):  # the graph plans its statements beside, in its first moments
            sent.append(statement)
        if statement == name and sent == [name]:  # meanwhile another write of this engine has lost its answer
            graph._doubt = "renewal"
            await graph._renew_in_doubt()
        return await real(statement, **params)

    monkeypatch.setattr(graph._database, "write", late)
    await WRITES[name](neo4j_hand)
    assert sent == [name, "engine/renew", name]


@pytest.mark.parametrize("name", WRITES)
async def test_a_write_of_an_engine_that_another_has_replaced_is_refused(neo4j_hand: Hand, name: str) -> None:
    await neo4j_hand.fence()
    with pytest.raises(Fenced):
        await WRITES[name](neo4j_hand)
