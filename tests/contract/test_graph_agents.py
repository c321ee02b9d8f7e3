"""The graph port: the talks of agents, step by step, for as long as their attempt is the running one."""

from __future__ import annotations

import msgspec

from engine.agentstore import Step
from tests.contract.test_graph_removal import ended, remove
from tests.support.graphs import Hand
from tests.support.plans import independent


async def test_a_talk_is_read_as_it_was_written(hand: Hand) -> None:
    task = await hand.store(independent(2))
    claims = await hand.claimed(task)
    one, other = (
        Step(task.id, claims[key].id, claims[key].token, "abc", 1, "", hand.now, '{"n": 1}') for key in ("k0", "k1")
    )
    call = msgspec.structs.replace(one, call="toolu_1", body='{"begun": true}')
    later = msgspec.structs.replace(one, turn=10, body="x" * 200_000)
    for step in (later, call, one, other, msgspec.structs.replace(one, talk="other")):
        assert await hand.graph.put_agent_step(step)
    ended_call = msgspec.structs.replace(call, body='{"text": "done"}')
    assert await hand.graph.put_agent_step(ended_call), "a step is replaced by what is known later"

    assert await hand.graph.agent_steps(one.subtask_id, "abc") == [one, ended_call, later]
    assert await hand.graph.agent_steps(other.subtask_id, "abc") == [other]
    assert await hand.graph.agent_steps(one.subtask_id, "none") == []


async def test_what_the_talks_of_a_task_have_used_is_known_by_subtask(hand: Hand) -> None:
    task, other = await hand.store(independent(2)), await hand.store(independent(1))
    body = (
        '{"turn": 1, "stop": "end_turn", "blocks": [], "usage": {"input_tokens": 10, "output_tokens": 5, "cost": 0.5}}'
    )
    for stored, keys in ((task, ("k0", "k1")), (other, ("k0",))):
        claims = await hand.claimed(stored)
        for key in keys:
            answer = Step(stored.id, claims[key].id, claims[key].token, "abc", 1, "", hand.now, body)
            for step in (answer, msgspec.structs.replace(answer, turn=2), msgspec.structs.replace(answer, call="c")):
                assert await hand.graph.put_agent_step(step)

    found = await hand.graph.agent_usage(task.id)

    assert [(row.key, row.talk, row.turns, row.usage.tokens, row.usage.cost) for row in found] == [
        ("k0", "abc", 2, 30, 1.0),
        ("k1", "abc", 2, 30, 1.0),
    ]


async def test_an_attempt_that_is_over_says_nothing_more(hand: Hand) -> None:
    task = await hand.store(independent(1))
    claim = (await hand.claimed(task))["k0"]
    step = Step(task.id, claim.id, claim.token, "abc", 1, "", hand.now, "{}")
    assert not await hand.graph.put_agent_step(msgspec.structs.replace(step, token=claim.token + 1))
    await hand.turn(hand.done(claim, 1))

    assert not await hand.graph.put_agent_step(step)
    assert await hand.graph.agent_steps(claim.id, "abc") == []


async def test_a_removed_task_takes_the_talks_of_its_agents_with_it(hand: Hand) -> None:
    before = await hand.graph.sizes()
    task = await hand.store(independent(1))
    claim = (await hand.claimed(task))["k0"]
    assert await hand.graph.put_agent_step(Step(task.id, claim.id, claim.token, "abc", 1, "", hand.now, "{}"))
    sizes = await hand.graph.sizes()
    assert (sizes["AgentStep"], sizes["STEPPED"]) == (1, 1)
    await hand.turn(hand.done(claim, 1))
    await ended(hand, task)

    await remove(hand, task)

    assert await hand.graph.sizes() == before
