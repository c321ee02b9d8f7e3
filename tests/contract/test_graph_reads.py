"""The graph port: what the API and the engine read of tasks, subtasks and outputs."""

from __future__ import annotations

import json

import msgspec
import pytest

from engine.model import INLINE_OUTPUT_BYTES, NewResult, NewTask
from engine.payloads import pack
from engine.plan.items import items
from engine.plan.spec import Spec
from engine.ports import Graph
from engine.states import SubtaskStatus
from tests.support.graphs import EVERYTHING, Hand, names, verdict
from tests.support.plans import chain, diamond, independent, new_task, plan, step


async def _ids(graph: Graph, **wanted: object) -> list[str]:
    return [task.id for task in await graph.tasks(**({"limit": 100} | wanted))]  # type: ignore[arg-type]


async def test_tasks_come_newest_first_and_page_by_page(hand: Hand) -> None:
    made = [(await hand.store(independent(1))).id for _ in range(7)]
    newest_first = made[::-1]

    assert await _ids(hand.graph) == newest_first
    assert await _ids(hand.graph, limit=3) == newest_first[:3]
    assert await _ids(hand.graph, limit=3, before=newest_first[2]) == newest_first[3:6]
    assert await _ids(hand.graph, limit=3, before=newest_first[6]) == []


async def test_tasks_are_filtered_by_all_that_is_given(hand: Hand) -> None:
    one = await hand.store(independent(1, user_id="ann", tags=["a", "b"]))
    two = await hand.store(independent(1, user_id="bob", tags=["b"]))
    await hand.run_through(two)

    assert await _ids(hand.graph, user_id="ann") == [one.id]
    assert await _ids(hand.graph, tag="b") == [two.id, one.id]
    assert await _ids(hand.graph, tag="a", user_id="bob") == []
    assert await _ids(hand.graph, status="pending") == [two.id, one.id]
    assert await _ids(hand.graph, status="completed") == []
    assert await _ids(hand.graph, type="plan", tag="a") == [one.id]
    assert await _ids(hand.graph, type="other") == []


async def test_tasks_are_found_by_a_text_and_by_when_they_were_made(hand: Hand) -> None:
    """The first one is found by its name, the second by what describes it, the third by its id."""
    one = await hand.store(independent(1, name="Count the WORDS"))
    two = msgspec.structs.replace(new_task(independent(1)), description="counting starts here, and goes on")
    await hand.graph.store(two)
    three = await hand.store(independent(1))

    assert await _ids(hand.graph, search="couNT") == [two.id, one.id]
    assert await _ids(hand.graph, search="the w") == [one.id]
    assert await _ids(hand.graph, search=three.id.lower()) == [three.id]
    assert await _ids(hand.graph, search=three.id[1:]) == []
    assert await _ids(hand.graph, search="x' OR true //") == []
    assert await _ids(hand.graph, search="count", status="completed") == []
    assert await _ids(hand.graph, first=two.id) == [three.id, two.id]
    assert await _ids(hand.graph, first=two.id, before=three.id) == [two.id]


async def test_a_search_knows_how_far_back_it_looks(hand: Hand) -> None:
    made = [(await hand.store(independent(1))).id for _ in range(5)]

    assert await hand.graph.horizon(first="", before="", most=2) == made[3]
    assert await hand.graph.horizon(first="", before=made[3], most=2) == made[1]
    assert await hand.graph.horizon(first="", before="", most=5) == made[0]
    assert await hand.graph.horizon(first="", before="", most=6) is None
    assert await hand.graph.horizon(first=made[1], before="", most=5) is None


async def test_nobody_is_seen_across_namespaces(hand: Hand) -> None:
    task = await hand.store(independent(1))
    hand.graph._namespace = "another"  # type: ignore[attr-defined]
    try:
        assert await hand.graph.task(task.id) is None
        assert await _ids(hand.graph) == []
        assert await hand.graph.sizes() == {}
    finally:
        hand.graph._namespace = hand.namespace  # type: ignore[attr-defined]
    assert await _ids(hand.graph) == [task.id]


async def test_what_is_not_there(hand: Hand) -> None:
    task = await hand.store(independent(1))

    assert await hand.graph.task("nobody") is None
    assert await hand.graph.subtask(task.id, "nobody") is None
    assert await hand.graph.subtask("nobody", "k0") is None
    assert await hand.graph.subtasks("nobody", status=None, after="", limit=9) == []
    assert await hand.graph.events("nobody", 0, 9) == []
    assert await hand.graph.outputs(["nobody"]) == []
    assert await hand.graph.item_outputs("nobody") == []
    assert await hand.graph.result_bodies(["0" * 64]) == {}
    assert (await hand.graph.outputs([]), await hand.graph.result_bodies([])) == ([], {})


async def test_subtasks_come_in_plan_order_page_by_page(hand: Hand) -> None:
    task, _ = await hand.store(independent(25)), await hand.store(independent(5))
    ids = [subtask.id for subtask in task.subtasks]

    async def page(after: str, status: str | None = None) -> list[str]:
        return [row.id for row in await hand.graph.subtasks(task.id, status=status, after=after, limit=10)]

    assert await page("") == ids[:10]
    assert await page(ids[9]) == ids[10:20]
    assert await page(ids[19]) == ids[20:]
    assert await page(ids[24]) == []
    claims = await hand.claimed(task, 12)
    assert await page("", "processing") == ids[:10]
    assert await page(ids[9], "processing") == ids[10:12]
    assert len(claims) == 12


async def test_a_page_shows_of_each_subtask_what_asking_for_it_shows(hand: Hand) -> None:
    """The page names the columns that it reads: one that is missing there would be told as if it were empty."""
    task = await hand.store(independent(5), expected=2.5)
    done, failed, again, _ = (await hand.claimed(task, 4)).values()
    await hand.turn(hand.done(done, {"n": 1}), hand.failed(failed), hand.retrying(again, wake_at=hand.now + 60_000))

    page = await hand.graph.subtasks(task.id, status=None, after="", limit=10)
    alone = [await hand.graph.subtask(task.id, row.key) for row in page]

    assert page == [found[0] for found in alone if found is not None]
    assert {row.status.value for row in page} == {"completed", "failed", "retrying", "processing", "ready"}


async def test_a_subtask_names_what_it_depends_on_in_plan_order(hand: Hand) -> None:
    task = await hand.store(plan(step("b"), step("a"), step("c", "a", "b")))

    found = await hand.graph.subtask(task.id, "c")

    assert found is not None
    assert (found[0].status, found[1], found[2]) == (SubtaskStatus.PENDING, [], ["b", "a"])


async def test_what_a_drawing_needs(hand: Hand) -> None:
    task = await hand.store(plan(step("a", priority=7), step("b", "a", type="sleep", input={"seconds": 1})))

    assert await hand.graph.nodes(task.id) == [
        {
            "id": sent.id,
            "key": sent.key,
            "type": sent.type,
            "status": status,
            "generation": sent.generation,
            "rank": sent.rank,
            "priority": sent.priority,
            "started_at": None,
            "completed_at": None,
            "expected": None,
        }
        for sent, status in zip(task.subtasks, ["ready", "pending"], strict=True)
    ]
    assert await hand.graph.edges(task.id) == [("b", "a")]


async def test_what_a_forecast_needs(hand: Hand) -> None:
    task = await hand.store(chain(3))
    claim = (await hand.claimed(task))["k0"]
    await hand.turn(hand.done(claim), claim={task.id: 1})

    first, second, third = await hand.graph.standings(task.id)

    assert [row.key for row in (first, second, third)] == ["k0", "k1", "k2"]
    assert [row.status for row in (first, second, third)] == ["completed", "processing", "pending"]
    assert [row.order_key for row in (first, second, third)] == [sent.order_key for sent in task.subtasks]
    assert first.completed_at is not None and first.started_at is not None
    assert (second.started_at is None, second.completed_at, third.started_at) == (False, None, None)
    assert await hand.graph.standings("nobody") == []


async def test_outputs_of_finished_and_unfinished_subtasks(hand: Hand) -> None:
    task = await hand.store(plan(step("a"), step("b"), step("c"), step("d", "c")))
    claims = await hand.claimed(task)
    await hand.turn(hand.done(claims["a"], [1]), hand.failed(claims["b"], "no"), hand.put_back(claims["c"]))

    found = {row.key: row for row in await hand.graph.outputs([sub.id for sub in task.subtasks])}

    assert (found["a"].status, found["a"].output, found["a"].error) == (SubtaskStatus.COMPLETED, "[1]", None)
    assert (found["b"].status, found["b"].output) == (SubtaskStatus.FAILED, None)
    assert json.loads(found["b"].error or "")["message"] == "no"
    assert (found["c"].status, found["c"].output) == (SubtaskStatus.READY, None)
    assert (found["d"].status, found["d"].output, found["d"].hash) == (SubtaskStatus.PENDING, None, None)


async def test_outputs_of_items_come_in_item_order(hand: Hand) -> None:
    task = await hand.store(plan(step("m", map={"over": []})))
    claim = (await hand.claimed(task))["m"]
    await hand.graph.expand(claim, items(Spec.decode(claim.spec), claim.id, "m", "noop", list(range(12))))
    grown = (await hand.turn(hand.done(claim), claim={task.id: EVERYTHING})).claims
    for one in sorted(grown, key=lambda claim: claim.id, reverse=True):
        index = int(one.id[-7:])
        await hand.turn(hand.failed(one) if index == 5 else hand.done(one, index))

    found = await hand.graph.item_outputs(claim.id)

    assert [row.output for row in found] == ["0", "1", "2", "3", "4", None, "6", "7", "8", "9", "10", "11"]
    assert [row.key for row in found] == [f"m[{index}]" for index in range(12)]


async def test_large_outputs_are_results_by_content_hash(hand: Hand) -> None:
    task = await hand.store(independent(3))
    claims = await hand.claimed(task)
    values = [hand.namespace + letter * 2_000 for letter in "xy"]
    text, blob = map(pack, values)
    first, second = (claims[key].id for key in ("k0", "k1"))
    made = [NewResult(text.digest, text.size, text.text, first), NewResult(blob.digest, blob.size, None, second)]
    await hand.graph.put_results(made)
    await hand.graph.put_results([NewResult(text.digest, text.size, None, second)])
    await hand.turn(hand.done(claims["k0"], values[0]), hand.done(claims["k1"], values[1]), hand.done(claims["k2"]))

    assert await hand.graph.result_bodies([text.digest, blob.digest]) == {text.digest: text.text, blob.digest: None}
    found = {row.key: row for row in await hand.graph.outputs([claim.id for claim in claims.values()])}
    assert (found["k0"].output, found["k0"].hash) == (None, text.digest)
    assert (found["k2"].output, found["k1"].hash) == ("null", blob.digest)
    assert (await hand.graph.sizes())["Result"] == 2


@pytest.mark.parametrize("letter", ["a", "é", "\u2028", "\U0001f600", '"', "\\", "\x00", "'"])
async def test_any_text_survives(hand: Hand, letter: str) -> None:
    task = await hand.store(plan(step("k0", input={letter: letter}), name="n" + letter * (letter.isprintable())))
    claim = (await hand.claimed(task))["k0"]
    await hand.turn(hand.done(claim, letter * (INLINE_OUTPUT_BYTES // 10)))

    row = (await hand.graph.subtasks(task.id, status=None, after="", limit=1))[0]

    assert Spec.decode(row.spec).input == {letter: letter}
    assert json.loads(row.output or "") == letter * (INLINE_OUTPUT_BYTES // 10)


async def test_leaves_are_what_nothing_depends_on(hand: Hand) -> None:
    task = await hand.store(plan(step("a"), step("b", "a"), step("c", "a"), step("alone")))

    found = await hand.graph.leaves(task.id, 10)

    assert [key for _, key in found] == ["b", "c", "alone"]
    assert [key for _, key in await hand.graph.leaves(task.id, 2)] == ["b", "c"]


async def test_troubles_come_critical_first_then_failed_first(hand: Hand) -> None:
    task = await hand.store(
        plan(
            {**step("minor"), "critical": False},
            step("cause"),
            step("second", "cause"),
            step("fine"),
            step("other"),
        )
    )
    claims = await hand.claimed(task)
    bad = [hand.failed(claims[key], f"{key} broke") for key in ("minor", "cause", "other")]
    result = await hand.turn(*bad, hand.done(claims["fine"]))
    await _block(hand, task, [id_ for _, id_ in names(result.undecided)])

    found = await hand.graph.troubled(task.id, 10)

    assert [(row.key, row.status.value) for row in found] == [
        ("cause", "failed"),
        ("other", "failed"),
        ("second", "blocked"),
        ("minor", "failed"),
    ]
    assert [row.critical for row in found] == [True, True, True, False]
    assert json.loads(found[0].error or "")["message"] == "cause broke"
    assert [row.key for row in await hand.graph.troubled(task.id, 1)] == ["cause"]


async def test_events_are_paged_also_in_the_middle_of_a_turn(hand: Hand) -> None:
    """One turn's changes are one node; readers see single events and may stop anywhere."""
    task = await hand.store(diamond(8))
    await hand.run_through(task)
    everything = await hand.graph.events(task.id, 0, EVERYTHING)
    assert [event.seq for event in everything] == list(range(1, 31))
    assert [await hand.graph.last_event(id_) for id_ in (task.id, "nobody")] == [30, 0]

    for after in range(31):
        assert await hand.graph.events(task.id, after, 4) == everything[after : after + 4]
    assert await hand.graph.events(task.id, 10_000, 4) == []


async def test_events_of_tasks_do_not_mix(hand: Hand) -> None:
    one, other = await hand.store(chain(12)), await hand.store(chain(12))
    result = await hand.turn(claim={one.id: 1, other.id: 1})
    while result.claims:
        result = await hand.turn(*map(hand.done, result.claims), claim={one.id: 1, other.id: 1})

    for task in (one, other):
        events = await hand.graph.events(task.id, 5, EVERYTHING)
        assert [event.seq for event in events] == list(range(6, 37))
        assert {event.task_id for event in events} == {task.id}


async def test_what_has_changed_since_a_moment_comes_in_its_order_page_by_page(hand: Hand) -> None:
    tasks = [await hand.store(chain(2)) for _ in range(3)]
    everything = await hand.graph.changed(0, "", EVERYTHING)
    assert {glance.id for glance in everything} == {task.id for task in tasks}
    order = [(glance.updated_at, glance.id) for glance in everything]
    assert order == sorted(order)
    assert everything[0].counts == {"ready": 1, "pending": 1}

    for place, glance in enumerate(everything):
        assert await hand.graph.changed(glance.updated_at, glance.id, 1) == everything[place + 1 : place + 2]
    assert await hand.graph.last_events([task.id for task in tasks] + ["nobody"]) == {task.id: 1 for task in tasks}


async def test_sizes_count_nodes_and_edges(hand: Hand) -> None:
    task = await hand.store(diamond(3))
    await hand.run_through(task)

    assert await hand.graph.sizes() == {
        "Task": 1,
        "Subtask": 5,
        "Attempt": 5,
        "Event": 5,
        "Engine": 1,
        "HAS_SUBTASK": 5,
        "DEPENDS_ON": 6,
        "HAS_ATTEMPT": 5,
    }


async def _block(hand: Hand, task: NewTask, ids: list[str]) -> None:
    await hand.turn(moves=[verdict(id_, task.id, SubtaskStatus.BLOCKED) for id_ in ids])
