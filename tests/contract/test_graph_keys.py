"""The graph port: keys of the API, of which only the hash is kept, and that the heartbeat tells of their changes."""

from __future__ import annotations

import msgspec

from engine.keys.key import ApiKey, Scope
from tests.support.graphs import Hand
from tests.support.plans import fresh_id


def a_key(number: int) -> ApiKey:
    return ApiKey(f"{number}{fresh_id()}", f"hash{number}", "it's me", (Scope.READ, Scope.SUBMIT), "ann", 7, "root")


async def test_keys_are_kept_listed_and_revoked_once(hand: Hand) -> None:
    one, other = a_key(1), a_key(2)
    for key in (other, one):
        await hand.graph.put_key(key)
    assert await hand.graph.api_keys() == [one, other]
    await hand.graph.revoke_key(one.id, 9, "an admin")
    await hand.graph.revoke_key(one.id, 10, "another")
    await hand.graph.revoke_key("unknown", 10, "another")
    revoked = msgspec.structs.replace(one, revoked_at=9, revoked_by="an admin")
    assert await hand.graph.api_keys() == [revoked, other]
    assert (await hand.graph.sizes())["ApiKey"] == 2


async def test_a_heartbeat_tells_of_every_change_where_others_can_make_one(neo4j_hand: Hand, hand: Hand) -> None:
    graph = neo4j_hand.graph
    counted = [(await graph.heartbeat(60_000)).keys]
    key = a_key(1)
    await graph.put_key(key)
    counted.append((await graph.heartbeat(60_000)).keys)
    await graph.revoke_key(key.id, 9, "")
    counted.append((await graph.heartbeat(60_000)).keys)
    assert counted == [0, 1, 2]
    if hand.graph.kind == "embedded":
        assert (await hand.graph.heartbeat(60_000)).keys is None
