"""The graph port: a mapped subtask grows its items while it runs, and its joins wait for every one of them."""

from __future__ import annotations

import asyncio
import json

import pytest

from engine.errors import Fenced
from engine.model import Expand, Growth, NewTask
from engine.plan.expansion import Bounds, grown
from engine.plan.items import followers, items
from engine.plan.spec import Spec
from engine.tools.noop import Noop
from engine.tools.registry import ToolRegistry
from engine.turn import Claim
from tests.support.graphs import EVERYTHING, Hand, names
from tests.support.plans import Body, plan, step


def _children(claim: Claim, values: list[object]) -> Growth:
    return items(Spec.decode(claim.spec), claim.id, claim.key, claim.type, values)


async def _mapped(hand: Hand) -> tuple[NewTask, Claim]:
    """A task of a map with two joins behind it, its map claimed."""
    body = plan(
        step("m", map={"over": []}, input={"i": "{{item}}"}), step("j1", "m"), step("j2", "m"), step("end", "j1", "j2")
    )
    task = await hand.store(body)
    return task, (await hand.claimed(task))["m"]


async def _grown(hand: Hand, number: int) -> tuple[NewTask, Claim]:
    task, claim = await _mapped(hand)
    assert await hand.graph.expand(claim, _children(claim, list(range(number)))) == 0
    return task, claim


async def test_items_wait_for_their_map_and_joins_for_every_item(hand: Hand) -> None:
    task, claim = await _grown(hand, 3)
    assert await hand.statuses(task) == {
        "m": "processing",
        "m[0]": "pending",
        "m[1]": "pending",
        "m[2]": "pending",
        "j1": "pending",
        "j2": "pending",
        "end": "pending",
    }

    first = await hand.turn(hand.done(claim, {"items": 3}), claim={task.id: EVERYTHING})
    assert [c.key for c in first.claims] == ["m[0]", "m[1]", "m[2]"]
    two = await hand.turn(*map(hand.done, first.claims[:2]), claim={task.id: EVERYTHING})
    assert two.claims == []
    third = await hand.turn(hand.done(first.claims[2]), claim={task.id: EVERYTHING})
    assert {c.key for c in third.claims} == {"j1", "j2"}
    last = await hand.turn(*map(hand.done, third.claims), claim={task.id: EVERYTHING})
    assert [c.key for c in last.claims] == ["end"]


async def test_items_are_nodes_like_any_other(hand: Hand) -> None:
    task, claim = await _grown(hand, 2)

    rows = {row.key: row for row in await hand.graph.subtasks(task.id, status=None, after="", limit=9)}

    assert list(rows) == ["m", "m[0]", "m[1]", "j1", "j2", "end"]
    assert [rows[key].id for key in ("m[0]", "m[1]")] == [f"{claim.id}.0000000", f"{claim.id}.0000001"]
    assert (rows["m[1]"].index, rows["m[1]"].type, rows["m[1]"].unmet, rows["m[1]"].generation) == (1, "noop", 1, 1)
    assert json.loads(rows["m[1]"].spec) == {"input": {"i": "{{item}}"}, "refs": {}, "item": 1, "index": 1}
    edges = set(await hand.graph.edges(task.id))
    assert {("m[0]", "m"), ("m[1]", "m"), ("j1", "m"), ("j1", "m[0]"), ("j2", "m[1]")} <= edges
    assert (await hand.graph.sizes())["EXPANDED_FROM"] == 2


async def test_a_map_without_items_lets_its_joins_go(hand: Hand) -> None:
    task, claim = await _grown(hand, 0)

    result = await hand.turn(hand.done(claim, {"items": 0}), claim={task.id: EVERYTHING})

    assert {c.key for c in result.claims} == {"j1", "j2"}


async def test_more_items_than_one_batch(hand: Hand) -> None:
    task, claim = await _grown(hand, 1_001)

    result = await hand.turn(hand.done(claim), claim={task.id: EVERYTHING})
    assert len(result.claims) == 1_001
    assert [c.key for c in (await hand.turn(*map(hand.done, result.claims[:-1]), claim={task.id: 9})).claims] == []
    assert len((await hand.turn(hand.done(result.claims[-1]), claim={task.id: 9})).claims) == 2


async def test_a_failed_item_leaves_the_join_to_be_decided(hand: Hand) -> None:
    task, claim = await _grown(hand, 2)
    items_ = (await hand.turn(hand.done(claim), claim={task.id: EVERYTHING})).claims

    result = await hand.turn(hand.failed(items_[0]), hand.done(items_[1]))

    joins = [subtask.id for subtask in task.subtasks if subtask.key in ("j1", "j2")]
    assert sorted(id_ for _, id_ in names(result.undecided)) == joins
    assert await hand.graph.blockers(joins) == {join: ["m[0]"] for join in joins}


@pytest.mark.parametrize("before, after", [(3, 2), (2, 4), (1_001, 1), (2, 0)])
async def test_a_new_attempt_replaces_what_an_earlier_one_had_grown(hand: Hand, before: int, after: int) -> None:
    task, claim = await _grown(hand, before)
    again = (await hand.turn(hand.put_back(claim), claim={task.id: 1})).claims[0]

    assert await hand.graph.expand(again, _children(again, ["new"] * after)) == before

    assert (await hand.graph.sizes()).get("EXPANDED_FROM", 0) == after
    items_ = (await hand.turn(hand.done(again), claim={task.id: EVERYTHING})).claims
    if after:
        assert [json.loads(c.spec)["item"] for c in items_] == ["new"] * after
        items_ = (await hand.turn(*map(hand.done, items_), claim={task.id: EVERYTHING})).claims
    assert {c.key for c in items_} == {"j1", "j2"}


@pytest.mark.parametrize("after", ["settled", "taken over by a later attempt"])
async def test_only_the_current_attempt_can_grow_items(hand: Hand, after: str) -> None:
    task, claim = await _mapped(hand)
    await hand.turn(hand.done(claim) if after == "settled" else hand.put_back(claim), claim={task.id: 1})
    sizes = await hand.graph.sizes()

    with pytest.raises(Fenced):
        await hand.graph.expand(claim, _children(claim, [1, 2]))

    assert await hand.graph.sizes() == sizes


async def test_a_map_may_hang_on_a_map_s_join(hand: Hand) -> None:
    body = plan(step("m", map={"over": []}), step("n", "m", map={"over": []}), step("end", "n"))
    task = await hand.store(body)
    first = (await hand.claimed(task))["m"]
    await hand.graph.expand(first, _children(first, [1, 2]))
    grown = (await hand.turn(hand.done(first), claim={task.id: EVERYTHING})).claims
    second = (await hand.turn(*map(hand.done, grown), claim={task.id: EVERYTHING})).claims[0]
    assert second.key == "n"
    await hand.graph.expand(second, _children(second, [3]))
    item = (await hand.turn(hand.done(second), claim={task.id: EVERYTHING})).claims

    assert [c.key for c in item] == ["n[0]"]
    assert [c.key for c in (await hand.turn(hand.done(item[0]), claim={task.id: 9})).claims] == ["end"]


async def test_a_map_grows_anew_while_turns_are_on_their_way(hand: Hand) -> None:
    """As after a restart, when a map is claimed again beside the rest of its task."""
    body = plan(
        step("m", map={"over": []}), *(step(f"s{n}") for n in range(40)), step("j", "m", *(f"s{n}" for n in range(40)))
    )
    task = await hand.store(body)
    claims = {claim.key: claim for claim in (await hand.turn(claim={task.id: 1})).claims}
    while "m" not in claims:
        claims |= {claim.key: claim for claim in (await hand.turn(claim={task.id: 1})).claims}
    grown = claims.pop("m")
    for attempt in range(8):
        again = await hand.turn(hand.put_back(grown), claim={task.id: 41})
        claims |= {claim.key: claim for claim in again.claims}
        grown = claims.pop("m")
        growing = asyncio.create_task(hand.graph.expand(grown, _children(grown, [attempt, "x"])))
        while not growing.done():
            done = [claims.popitem()[1] for _ in range(min(1, len(claims)))]
            result = await hand.turn(*map(hand.done, done), claim={task.id: 1})
            claims |= {claim.key: claim for claim in result.claims}
        await growing

    left = await hand.turn(hand.done(grown), *map(hand.done, claims.values()), claim={task.id: EVERYTHING})
    while left.claims:
        left = await hand.turn(*map(hand.done, left.claims), claim={task.id: EVERYTHING})

    assert set((await hand.statuses(task)).values()) == {"completed"}
    assert len(await hand.statuses(task)) == 44


async def _grown_by(hand: Hand, *steps: Body, behind: tuple[str, ...] = ("j",)) -> tuple[NewTask, Claim, Growth]:
    """A task of one subtask that has grown others, with joins behind it."""
    task = await hand.store(plan(step("g"), *(step(key, "g") for key in behind)))
    claim = (await hand.claimed(task))["g"]
    tools = ToolRegistry([Noop()])
    growth = grown(Expand(list(steps)), claim.id, claim.key, None, tools.get, tools.names(), Bounds(5, 10_000))
    assert await hand.graph.expand(claim, growth) == 0
    return task, claim, growth


async def test_what_grows_has_an_order_of_its_own(hand: Hand) -> None:
    task, claim, _ = await _grown_by(hand, step("c", "a", "b"), step("a"), step("b", "a"), behind=("j1", "j2"))

    begun = await hand.turn(hand.done(claim), claim={task.id: EVERYTHING})
    order = []
    while begun.claims:
        order.append([claim.key for claim in begun.claims])
        begun = await hand.turn(*map(hand.done, begun.claims), claim={task.id: EVERYTHING})

    assert order == [["g[a]"], ["g[b]"], ["g[c]"], ["j1", "j2"]]
    edges = {edge for edge in await hand.graph.edges(task.id) if edge[0].startswith("j1")}
    assert edges == {("j1", "g"), ("j1", "g[c]")}
    generations = {row["key"]: row["generation"] for row in await hand.graph.nodes(task.id)}
    assert generations == {"g": 0, "j1": 1, "j2": 1, "g[a]": 1, "g[b]": 2, "g[c]": 3}


async def test_an_interrupted_growth_is_replaced_edges_and_counters_with_it(hand: Hand) -> None:
    task, claim, growth = await _grown_by(hand, *(step(f"k{n}", *([f"k{n - 1}"] if n else [])) for n in range(700)))
    again = (await hand.turn(hand.put_back(claim), claim={task.id: 1})).claims[0]
    tools = ToolRegistry([Noop()])
    smaller = grown(Expand([step("x"), step("y")]), claim.id, "g", None, tools.get, tools.names(), Bounds(5, 9))

    assert await hand.graph.expand(again, smaller) == len(growth.children)

    first = (await hand.turn(hand.done(again), claim={task.id: EVERYTHING})).claims
    assert {claim.key for claim in first} == {"g[x]", "g[y]"}
    assert [c.key for c in (await hand.turn(*map(hand.done, first), claim={task.id: 9})).claims] == ["j"]


async def test_nothing_of_an_interrupted_growth_stays_when_nothing_is_wanted(hand: Hand) -> None:
    task, claim, _ = await _grown_by(hand, step("a"), step("b", "a"))
    again = (await hand.turn(hand.put_back(claim), claim={task.id: 1})).claims[0]

    assert await hand.graph.expand(again, Growth([])) == 2

    assert {claim.key for claim in (await hand.turn(hand.done(again), claim={task.id: 9})).claims} == {"j"}


@pytest.mark.parametrize("early", [False, True])
async def test_a_later_stage_waits_for_each_item_alone(hand: Hand, early: bool) -> None:
    """Also when items of the stage before have settled, in any way, before the later one grows."""
    body = plan(
        step("m", map={"over": [1, 2, 3]}, input="{{item}}"),
        step("n", map={"over": "{{subtasks.m.output}}"}, input="{{item}}"),
        step("j", "n"),
    )
    task = await hand.store(body)
    first = (await hand.claimed(task))["m"]
    await hand.graph.expand(first, _children(first, [1, 2, 3]))
    claims = {c.key: c for c in (await hand.turn(hand.done(first), claim={task.id: EVERYTHING})).claims}
    assert next(iter(claims)) == "n"
    if early:
        await hand.turn(hand.done(claims["m[0]"]), hand.failed(claims["m[1]"]))
    later = claims["n"]
    await hand.graph.expand(later, followers(Spec.decode(later.spec), later.id, "n", "noop", 3))
    result = await hand.turn(hand.done(later), claim={task.id: EVERYTHING})
    undecided = [found.key for found in result.undecided]
    begun = [claim.key for claim in result.claims]
    if not early:
        result = await hand.turn(hand.done(claims["m[0]"]), hand.failed(claims["m[1]"]), claim={task.id: EVERYTHING})
        assert (undecided, begun) == ([], [])
        undecided, begun = [found.key for found in result.undecided], [claim.key for claim in result.claims]

    assert (begun, undecided) == (["n[0]"], ["n[1]"])
    edges = set(await hand.graph.edges(task.id))
    assert {("n[0]", "m[0]"), ("n[2]", "m[2]"), ("n", "m"), ("j", "n[1]")} <= edges
    assert ("n", "m[0]") not in edges


async def test_a_batch_of_items_that_have_all_settled_waits_for_nothing(hand: Hand) -> None:
    body = plan(
        step("m", map={"over": [1, 2, 3]}, input="{{item}}"),
        step("n", map={"over": "{{subtasks.m.output}}", "batch": 2}, input="{{items}}"),
    )
    task = await hand.store(body)
    first = (await hand.claimed(task))["m"]
    await hand.graph.expand(first, _children(first, [1, 2, 3]))
    claims = {c.key: c for c in (await hand.turn(hand.done(first), claim={task.id: EVERYTHING})).claims}
    await hand.turn(*(hand.done(claims[f"m[{place}]"]) for place in range(3)))
    later = claims["n"]
    await hand.graph.expand(later, followers(Spec.decode(later.spec), later.id, "n", "noop", 3))

    result = await hand.turn(hand.done(later), claim={task.id: EVERYTHING})

    assert [claim.key for claim in result.claims] == ["n[0]", "n[1]"]
