"""Why something waits: each cause is made to happen in a real engine on both graphs, and asked for over REST."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path

import pytest

from api.answers import WhyView
from api.schemas import SubtaskDetail
from engine.answers.holds import CODES
from engine.states import TaskStatus
from tests.support.asking import Asker, asker, client_of, codes, gate
from tests.support.claude import FakeClaude, Step
from tests.support.engines import GATES, Lab, finished
from tests.support.graphs import execute
from tests.support.http import problem, read
from tests.support.model_plans import SENTENCE, asking
from tests.support.plans import Body, chain, plan, step
from tests.support.proxy import proxy_to
from tests.support.services import eventually

ISO = r"20\d\d-\d\d-\d\dT[\d:.]+Z"
FOREVER = {"max_attempts": 2, "backoff_seconds": 3600, "jitter": False, "max_backoff_seconds": 3600}
ELSEWHERE_TESTED = {
    *("undecided", "starting", "no_agent", "executor", "engine_failed"),
    *("breaker", "rate_limit", "concurrency", "rest", "pressure"),
}
"""Causes that pass by within a turn, or that no engine of this version has: see the unit tests."""


@pytest.fixture
async def one(lab: Lab) -> AsyncIterator[Asker]:
    async with asker(lab) as found:
        yield found


def seconds(start: str, end: str) -> float:
    return (datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds()


async def _end(asked: Asker, task_id: str, *names: str) -> None:
    for name in names:
        GATES.setdefault(name, asyncio.Event()).set()
    await finished(asked.engine, task_id)


async def test_a_chain_ends_at_what_runs_and_counts_what_waits_behind(one: Asker, namespace: str) -> None:
    task_id = await one.submit(plan(gate("a", namespace), step("b", "a"), step("c", "b"), step("d", "c", "a")))
    await one.until(task_id, a="processing")

    last = await one.why(task_id, "d")
    assert codes(last) == ["dependency", "dependency"]
    assert {cause.key: cause.data["status"] for cause in last.causes} == {"c": "pending", "a": "processing"}
    assert ([step.key for step in last.chain], last.roots) == (["d", "a", "c", "b"], ["a"])
    assert {step.key: step.because_of for step in last.chain} == {"d": ["a", "c"], "a": [], "c": ["b"], "b": ["a"]}
    assert re.match(rf"d waits for .*a, which is processing: runs since {ISO}", last.words)
    assert (last.expected_start, last.behind.count, last.truncated) == (None, 0, False)

    first = await one.why(task_id, "a")
    assert (codes(first), first.behind.count, first.behind.more) == (["running"], 3, False)
    assert (first.causes[0].data["attempt"], first.causes[0].data["since"]) == (1, first.expected_start)
    whole = await one.why(task_id)
    assert (whole.key, codes(whole), whole.causes[0].key) == (None, ["running"], "a")
    assert "3 subtasks wait for these" in whole.words
    await _end(one, task_id, namespace)

    done = await one.why(task_id, "d")
    assert (done.status, codes(done), done.expected_start) == ("completed", ["completed"], None)
    assert codes(await one.why(task_id)) == ["completed"]


async def test_a_slot_and_the_place_in_line(lab: Lab, namespace: str) -> None:
    async with asker(lab, max_parallel_tasks=1) as asked:
        task_id = await asked.submit(plan(gate("a", namespace, priority=9), step("b"), step("c"), step("d", "b")))
        other = await asked.submit(plan(step("x")))
        await asked.until(task_id, a="processing")

        waits = await asked.why(task_id, "c")
        assert codes(waits) == ["slot"]
        assert waits.causes[0].data == {"running": 1, "slots": 1, "other_tasks": 1, "place": 2}
        assert "1 of 1 are taken; it is the 2nd of its task in line, and 1 other task shares the slots" in waits.words
        below = await asked.why(task_id, "d")
        assert (below.roots, below.chain[1].causes[0].code) == (["b"], "slot")
        assert codes(await asked.why(other)) == ["slot"]
        await _end(asked, task_id, namespace)
        await finished(asked.engine, other)


async def test_what_waits_for_a_dependency_or_a_slot_is_foretold_once_its_like_has_run(
    lab: Lab, namespace: str
) -> None:
    async with asker(lab, max_parallel_tasks=1) as asked:

        def body(name: str) -> Body:
            nap = {"type": "sleep", "input": {"seconds": 0.2}}
            return plan(
                gate("a", name, priority=9), step("b", "a", priority=8, **nap), step("c", "b"), step("d", **nap)
            )

        GATES[f"{namespace}.open"] = asyncio.Event()
        GATES[f"{namespace}.open"].set()
        first = await asked.submit(body(f"{namespace}.open"))
        await finished(asked.engine, first)
        task_id = await asked.submit(body(namespace))
        await asked.until(task_id, a="processing")

        below = await asked.why(task_id, "c")
        ends = {step.key: step.expected_end for step in below.chain}
        assert ends["a"] is not None and ends["b"] is not None and below.expected_start is not None
        assert ends["a"] < ends["b"] <= below.expected_start <= (below.expected_end or "")
        assert [cause.data["expected_end"] for cause in below.causes] == [ends["b"]]
        assert re.search(rf"expected to start at {ISO} and to be done at {ISO}\.", below.words)

        async def waits() -> WhyView:
            seen = await asked.why(task_id, "d")
            assert (codes(seen), seen.causes[0].data.get("place")) == (["slot"], 1)
            assert seen.expected_start is not None
            return seen

        queued = await eventually(waits)  # it may stand claimed ahead for a second
        assert queued.expected_start is not None and queued.expected_end is not None
        assert seconds(queued.expected_start, queued.expected_end) == pytest.approx(0.2, rel=0.5)
        assert queued.expected_start >= ends["b"]
        whole = await asked.why(task_id)
        assert whole.expected_end is not None and whole.expected_end >= queued.expected_end
        assert re.search(rf"It is expected to be done at {ISO}, and with four chances of five between", whole.words)
        detail = read(SubtaskDetail, await asked.client.get(f"/tasks/{task_id}/subtasks/d"))
        assert detail.expected_seconds == pytest.approx(0.2, rel=0.5)
        assert (detail.estimate.basis, detail.estimate.count) == ("subtask", 1)
        await _end(asked, task_id, namespace)
        assert (await asked.why(task_id, "d")).expected_end is None
        detail = read(SubtaskDetail, await asked.client.get(f"/tasks/{first}/subtasks/d"))
        assert (detail.expected_seconds, detail.estimate) == (None, None)
        drawn = (await asked.client.get(f"/tasks/{first}/graph")).json()
        assert {node["expected"] for node in drawn["nodes"]} == {None}


async def test_the_limit_of_a_type_and_of_a_task(lab: Lab, namespace: str) -> None:
    async with asker(lab, type_limits={"gate": 1}) as asked:
        limited = await asked.submit(plan(gate("a", namespace), gate("b", namespace)))
        await asked.until(limited, a="processing")
        waits = await asked.why(limited, "b")
        assert codes(waits) == ["type_limit"]
        assert waits.causes[0].data == {"type": "gate", "running": 1, "limit": 1, "lowered": False}
        assert codes(await asked.why(limited)) == ["type_limit", "running"]

        narrow = await asked.submit(
            plan(step("a", type="linger", input={"name": namespace}), step("b"), max_parallel=1)
        )
        await asked.until(narrow, a="processing")
        waits = await asked.why(narrow, "b")
        assert codes(waits) == ["max_parallel"]
        assert waits.causes[0].data == {"running": 1, "limit": 1, "place": 1}
        closing = asyncio.create_task(asked.engine.cancel(narrow, by="ada"))
        await eventually(lambda: asked.engine._ledger.tasks[narrow].gate == "cancelling")
        assert codes(await asked.why(narrow))[0] == "closing"
        assert "the task is being cancelled: ada" in (await asked.why(narrow)).causes[0].words
        await _end(asked, limited, namespace)
        await closing
        gone = await asked.why(narrow, "b")
        assert (gone.status, codes(gone), gone.causes[0].data["by"]) == ("cancelled", ["cancelled"], "ada")
        assert codes(await asked.why(narrow)) == ["cancelled"]


async def test_a_back_off_says_until_when_and_after_what(one: Asker) -> None:
    failing = step("a", type="fail", input={"category": "transient"}, retry=FOREVER)
    task_id = await one.submit(plan(failing, step("b", "a")))
    await one.until(task_id, a="retrying")

    waits = await one.why(task_id, "b")
    assert (codes(waits), waits.roots) == (["dependency"], ["a"])
    (cause,) = waits.chain[1].causes
    assert (cause.code, cause.data["attempt"], cause.data["error"]["message"]) == ("backoff", 1, "a fails")
    assert re.fullmatch(ISO, cause.data["until"])
    assert cause.words.startswith(f"waits out a back-off until {cause.data['until']} after attempt 1: a fails")
    own = await one.why(task_id, "a")
    assert (codes(own), own.expected_start) == (["backoff"], cause.data["until"])
    assert codes(await one.why(task_id)) == ["backoff"]
    await one.engine.cancel(task_id)


async def test_a_pause_names_who_and_until_when(one: Asker, namespace: str) -> None:
    task_id = await one.submit(plan(gate("a", namespace), step("b"), step("c", "a")))
    await one.until(task_id, a="processing", b="completed")
    await one.engine.pause(task_id, by="ada", timeout_seconds=3600, on_timeout="resume")

    waits = await one.why(task_id, "c")
    assert codes(waits) == ["paused", "dependency"]
    assert (waits.causes[0].data["by"], waits.causes[0].data["then"]) == ("ada", "resume")
    assert re.fullmatch(ISO, waits.causes[0].data["until"])
    assert re.search(rf"Besides, the task is paused by ada until {ISO}, then it is to resume\.", waits.words)
    assert codes(await one.why(task_id, "a")) == ["running"]
    GATES[namespace].set()
    await one.until(task_id, c="ready")
    ready = await one.why(task_id, "c")
    assert (codes(ready), ready.expected_start) == (["paused"], ready.causes[0].data["until"])
    whole = await one.why(task_id)
    assert (whole.status, codes(whole)) == ("paused", ["paused"])
    await one.engine.resume(task_id)
    await finished(one.engine, task_id)


async def test_an_approval_and_a_quarantine_wait_for_a_person(one: Asker, namespace: str) -> None:
    asks = gate("asks", namespace, on_interrupt="ask")
    crashes = step("crashes", type="fail", input={"crashed": True, "category": "transient"})
    task_id = await one.submit(plan(asks, crashes, step("after", "asks"), step("below", "crashes")))
    await one.until(task_id, asks="processing", crashes="quarantined")
    await one.engine.pause(task_id, "now")
    await one.until(task_id, asks="awaiting_approval")
    await one.engine.resume(task_id)

    waits = await one.why(task_id, "after")
    assert (waits.roots, [cause.code for cause in waits.chain[1].causes]) == (["asks"], ["approval"])
    assert "running it again could repeat what it did" in waits.words
    assert f"POST /tasks/{task_id}/subtasks/asks/approve or /reject" in waits.words
    set_apart = await one.why(task_id, "crashes")
    assert codes(set_apart) == ["quarantined"]
    assert set_apart.causes[0].data["interruptions"] == 3
    assert [cause.code for cause in (await one.why(task_id, "below")).chain[-1].causes] == ["quarantined"]
    assert sorted(codes(await one.why(task_id))) == ["approval", "quarantined"]
    await one.engine.cancel(task_id)


async def test_a_failed_ancestor_is_named_with_its_error_through_every_level(one: Asker, namespace: str) -> None:
    bad = step("bad", type="boom", input={"how": "tool"}, retry={"max_attempts": 1})
    task_id = await one.submit(plan(bad, step("b", "bad"), step("c", "b"), gate("hold", namespace)))
    await one.until(task_id, c="blocked", hold="processing")

    lost = await one.why(task_id, "c")
    assert (lost.status, codes(lost), lost.roots) == ("blocked", ["failed_dependency"], ["bad"])
    assert [step.key for step in lost.chain] == ["c", "b", "bad"]
    (cause,) = lost.chain[-1].causes
    assert (cause.code, cause.data["error"]["message"], cause.advice) == ("failed", "the oven is off", "Switch it on.")
    assert re.match(rf"c is blocked because of b, which depends on bad, which is failed: failed at {ISO}", lost.words)
    assert "What to do: Switch it on." in lost.words
    await _end(one, task_id, namespace)
    failed = await one.why(task_id)
    assert (codes(failed), failed.counts) == (["failed"], {"completed": 1, "failed": 1, "blocked": 2})


async def test_what_was_skipped_says_by_whom_or_what(one: Asker, namespace: str) -> None:
    task_id = await one.submit(
        plan(
            gate("hold", namespace),
            step("good"),
            step("never", "good", run_if="any_failed"),
            step("below", "never"),
            step("given_up", "hold"),
            step("after", "given_up"),
        )
    )
    await one.until(task_id, below="skipped", hold="processing")
    await one.engine.skip(task_id, "given_up", by="ada")
    await _end(one, task_id, namespace)

    assert (codes(await one.why(task_id, "never")), (await one.why(task_id, "never")).causes[0].words) == (
        ["run_if"],
        "skipped: run_if any_failed does not hold",
    )
    below = await one.why(task_id, "below")
    assert (codes(below), below.causes[0].key, below.roots) == (["skipped_dependency"], "never", ["never"])
    given_up = await one.why(task_id, "given_up")
    assert (codes(given_up), given_up.causes[0].data["by"]) == (["skipped"], "ada")
    after = await one.why(task_id, "after")
    assert (codes(after), after.roots) == (["skipped_dependency"], ["given_up"])


async def test_a_type_without_a_tool_is_named_before_it_fails(lab: Lab, namespace: str) -> None:
    async with asker(lab) as asked:
        task_id = await asked.submit(plan(gate("a", namespace)))
        await asked.until(task_id, a="processing")
        await asked.engine.pause(task_id, "now")
        await asked.until(task_id, a="ready")
    async with asker(lab, agent03_tools=[]) as asked:
        waits = await asked.why(task_id, "a")
        assert codes(waits) == ["paused", "no_tool"]
        assert (waits.causes[1].data, waits.causes[1].advice) == ({"type": "gate"}, "name its module in AGENT03_TOOLS")
        await asked.engine.cancel(task_id)


async def test_an_engine_that_shuts_down_says_so(lab: Lab, namespace: str) -> None:
    async with asker(lab, max_parallel_tasks=1, shutdown_grace_seconds=30) as asked:
        task_id = await asked.submit(plan(gate("a", namespace, priority=9), step("b")))
        await asked.until(task_id, a="processing")
        stopping = asyncio.create_task(lab.stop(asked.engine))
        await eventually(lambda: asked.engine._ledger.draining)
        assert codes(await asked.why(task_id, "b")) == ["draining"]
        assert codes(await asked.why(task_id)) == ["draining", "running"]
        GATES[namespace].set()
        await stopping


async def test_a_task_that_is_being_stored_is_no_unknown_one(one: Asker) -> None:
    problem(await one.client.get("/tasks/nobody/why"), 404, "not-found")
    problem(await one.client.get("/tasks/nobody/why/a"), 404, "not-found")
    one.engine._ownership.storing.add("nobody")
    for key in (None, "a"):
        assert codes(await one.why("nobody", key)) == ["storing"]
    task_id = await one.submit(plan(step("a")))
    problem(await one.client.get(f"/tasks/{task_id}/why/b"), 404, "not-found")
    await finished(one.engine, task_id)


async def test_a_task_that_a_model_still_plans(lab: Lab, fake: FakeClaude) -> None:
    fake.script.append(Step(None))
    async with asker(lab, **asking(fake)) as asked:
        task_id = await asked.submit({"description": SENTENCE})
        await asyncio.wait_for(fake.asked.wait(), 60)
        whole = await asked.why(task_id)
        assert codes(whole) == ["planning", "running"]
        assert "still being planned by a model" in whole.words
        await asked.engine.cancel(task_id)


async def test_a_graph_that_is_away_is_a_cause_too(neo4j_lab: Lab, namespace: str) -> None:
    assert neo4j_lab.server is not None
    async with proxy_to(neo4j_lab.server.url) as between:
        neo4j_lab.url = between.url
        async with asker(neo4j_lab) as asked:
            task_id = await asked.submit(plan(gate("a", namespace), step("b", "a")))
            await asked.until(task_id, a="processing")
            await between.refuse()
            whole = await asked.why(task_id)
            assert (codes(whole), whole.counts) == (["graph"], {"processing": 1, "pending": 1})
            problem(await asked.client.get(f"/tasks/{task_id}/why/b"), 503, "graph-unavailable")
            problem(await asked.client.get("/tasks/nobody/why"), 503, "graph-unavailable")
            await between.listen()
            await _end(asked, task_id, namespace)


async def test_a_task_of_another_engine_and_of_one_that_is_gone(neo4j_lab: Lab, namespace: str) -> None:
    shared = {"blob_path": neo4j_lab.folder / "blobs", "heartbeat_seconds": 0.2, "engine_timeout_seconds": 30}
    first = await neo4j_lab.start(data_path=neo4j_lab.folder / "first", max_parallel_tasks=1, **shared)
    second = await neo4j_lab.start(data_path=neo4j_lab.folder / "second", **shared)
    async with client_of(second, neo4j_lab) as client:
        asked = Asker(second, client)
        task_id = (await first.submit(plan(gate("a", namespace, priority=9), step("b"), step("c", "b")))).task_id
        await asked.until(task_id, a="processing")

        waits = await asked.why(task_id, "b")
        assert (codes(waits), waits.causes[0].data["engine"]) == (["elsewhere"], first.id)
        assert [step.key for step in (await asked.why(task_id, "c")).chain] == ["c", "b"]
        async with first._ownership._beating:  # as if it had been frozen
            await execute(first._graph, "MATCH (e:Engine {id: $id}) SET e.heartbeat_at = 1000", id=first.id)
            gone = await asked.why(task_id, "b")
        assert (codes(gone), gone.causes[0].data["since"]) == (["engine_gone"], "1970-01-01T00:00:01.000Z")
        GATES[namespace].set()
        assert (await finished(second, task_id)).status is TaskStatus.COMPLETED


async def test_a_long_chain_and_a_wide_join_are_looked_at_up_to_a_bound(one: Asker, namespace: str) -> None:
    body = chain(80)
    body["plan"]["subtasks"][0] = gate("k0", namespace)
    long = await one.submit(body)
    wide = await one.submit(
        plan(
            gate("top", namespace),
            *(step(f"m{n}", "top") for n in range(60)),
            step("end", *(f"m{n}" for n in range(60))),
        )
    )
    await one.until(long, k0="processing")
    await one.until(wide, top="processing")

    last: WhyView = await one.why(long, "k79")
    assert (last.truncated, last.chain[-1].key, len(last.chain)) == (True, "k29", 51)
    assert f"GET /tasks/{long}/why/k29 follows it" in last.words
    first = await one.why(long, "k0")
    assert (first.behind.count, first.behind.more) == (50, True)
    assert "at least 50 subtasks" in first.words
    end = await one.why(wide, "end")
    assert (len(end.causes), end.causes[-1].data, end.roots) == (21, {"number": 40}, ["top"])
    assert (await one.why(wide, "top")).behind.count == 61
    GATES[namespace].set()
    for task_id in (long, wide):
        await finished(one.engine, task_id)


def test_every_cause_is_made_to_happen_here_or_in_a_unit_test() -> None:
    text = Path(__file__).read_text("utf-8")
    assert {code for code in CODES if f'"{code}"' not in text} == set()
    assert set(CODES) > ELSEWHERE_TESTED
