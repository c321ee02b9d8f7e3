"""Rules choose the tool: what is stored of a choice, what takes over, a changed file, and what a choice is worth."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path

import pytest

from api.present import subtask_detail
from engine.errors import InvalidInput, SettingsError
from engine.model import Attempt, Json
from engine.routing.match import About
from engine.routing.request import ExecutionRequest
from engine.service import Engine
from engine.states import SubtaskStatus
from tests.support.engines import Lab, finished, outputs, run, subtasks
from tests.support.plans import Body, plan, step
from tests.support.routed_tools import CALLS, ILL
from tests.support.services import eventually

MODULE = "tests.support.routed_tools"


def rule(*candidates: Json, name: str = "squares", type_: str = "square", **fields: Json) -> Json:
    return {"name": name, "match": {"type": type_}, "candidates": list(candidates), **fields}


def write(path: Path, *rules: Json) -> Path:
    """Puts a file of rules in place at once, as an editor does."""
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps({"seed": 7, "rules": list(rules)}))
    os.replace(fresh, path)
    return path


async def start(lab: Lab, *rules: Json, **fields: Json) -> Engine:
    CALLS.clear()
    file = write(lab.folder / "router.json", *rules)
    return await lab.start(agent03_tools=[MODULE, "tests.support.engines"], router_config=file, **fields)


def squares(count: int, **fields: Json) -> Body:
    return plan(*(step(f"s{n}", type="square", input={"n": n}, **fields) for n in range(count)), cache=False)


async def attempts(engine: Engine, task_id: str, key: str) -> list[Attempt]:
    _, found, _, _ = await engine.subtask(task_id, key)
    return found


async def requests(engine: Engine, task_id: str, key: str) -> list[ExecutionRequest]:
    return [ExecutionRequest.decode(attempt.request) for attempt in await attempts(engine, task_id, key)]


async def test_the_choice_is_stored_with_the_attempt(lab: Lab) -> None:
    engine = await start(lab, rule("steady", {"tool": "slow", "fallback": ["flaky"]}, strategy="round_robin"))
    task = await run(
        engine,
        plan(
            *(step(f"s{n}", *([f"s{n - 1}"] if n else []), type="square", input={"n": n}) for n in range(2)),
            step("other", "s1"),
        ),
    )

    assert await outputs(engine, task.id) == {"s0": "steady 0", "s1": "slow 1", "other": {}}
    first, second = [(await requests(engine, task.id, key))[0] for key in ("s0", "s1")]
    assert (first.tool, first.type, first.rule, first.token) == ("steady", "square", "squares", 1)
    assert first.reason == "round_robin: number 1 of 2"
    assert (second.tool, [option.tool for option in second.fallback]) == ("slow", ["flaky"])
    assert second.limits == {"attempt_seconds": engine.settings.task_timeout_seconds}
    shown = (await subtask_detail(engine, task.id, "s1")).attempts[0].request
    assert shown is not None
    assert (shown.tool, shown.rule, shown.fallback[0].tool, shown.limits) == ("slow", "squares", "flaky", second.limits)
    assert (await subtask_detail(engine, task.id, "other")).attempts[0].request is None
    assert (await attempts(engine, task.id, "other"))[0].request == "", "no rule is for it: its type has run it"


async def test_what_is_in_the_chain_takes_over_and_the_plan_s_own_fallback_is_the_last(lab: Lab) -> None:
    engine = await start(lab, rule({"tool": "broken", "fallback": ["flaky"]}))
    body = squares(2, retry={"max_attempts": 2, "backoff_seconds": 0.0})
    task = await run(engine, body)

    assert await outputs(engine, task.id) == {"s0": "flaky 0", "s1": "flaky 1"}
    made = await requests(engine, task.id, "s1")
    assert [request.tool for request in made] == ["broken", "flaky"], "a Fatal is not repeated; flaky had one more"
    assert made[1].reason == "the attempts of broken are used up"

    write(lab.folder / "router.json", rule({"tool": "broken", "parameters": {}}, name="all broken"))
    assert engine.router.file is not None
    engine.router.file.look()
    task = await run(engine, squares(1, fallback={"type": "noop", "input": "as planned"}))
    assert await outputs(engine, task.id) == {"s0": "as planned"}
    task = await run(engine, squares(1))
    assert [row.status for row in (await subtasks(engine, task.id)).values()] == [SubtaskStatus.FAILED]


async def test_a_repeat_goes_to_the_same_tool(lab: Lab) -> None:
    engine = await start(lab, rule("flaky", "steady", strategy="round_robin"))
    task = await run(engine, squares(1))
    assert [request.tool for request in await requests(engine, task.id, "s0")] == ["flaky"]
    task = await run(engine, plan(step("s", type="square", input={"n": 3}), cache=False))
    assert [request.tool for request in await requests(engine, task.id, "s")] == ["steady"]
    task = await run(engine, plan(step("s", type="square", input={"n": 3}), cache=False))
    made = await requests(engine, task.id, "s")
    assert [request.tool for request in made] == ["flaky", "flaky"]
    assert made[1].reason == "the tool of the attempt before"


async def test_the_way_through_the_chain_survives_a_restart(lab: Lab) -> None:
    engine = await start(lab, rule({"tool": "broken", "fallback": ["unfinished", "steady"]}))
    task_id = (await engine.submit(squares(1, on_interrupt="retry"))).task_id
    await eventually(lambda: CALLS["unfinished"] == 1)
    await lab.stop(engine)

    engine = await lab.start(agent03_tools=[MODULE, "tests.support.engines"], router_config=lab.folder / "router.json")
    await eventually(lambda: CALLS["unfinished"] == 2)
    assert CALLS["broken"] == 1
    await engine.cancel(task_id)
    await finished(engine, task_id)


async def test_a_candidate_must_take_the_input_and_be_well(lab: Lab) -> None:
    engine = await start(lab, rule("lettered", "steady", "square"))
    task = await run(engine, squares(1))
    (made,) = await requests(engine, task.id, "s0")
    assert (made.tool, "passed over lettered: does not take this input: /" in made.reason) == ("steady", True)

    engine.router.available = lambda tool, _: tool != "steady"
    task = await run(engine, squares(1))
    (made,) = await requests(engine, task.id, "s0")
    assert (made.tool, "steady: its breaker is open" in made.reason) == ("square", True)

    engine.router.available = lambda *_: False
    task = await run(engine, squares(1))
    (made,) = await requests(engine, task.id, "s0")
    assert (made.tool, "nothing is available" in made.reason) == ("steady", True)

    write(lab.folder / "router.json", rule("lettered"))
    assert engine.router.file is not None
    engine.router.file.look()
    task = await run(engine, squares(1))
    (row,) = (await subtasks(engine, task.id)).values()
    assert row.status is SubtaskStatus.FAILED and "no tool of the rule 'squares' can run this" in (row.error or "")


async def test_parameters_of_a_candidate_go_over_the_input(lab: Lab) -> None:
    engine = await start(lab, rule({"tool": "steady", "parameters": {"n": 9}}))
    task = await run(engine, squares(2))
    assert set((await outputs(engine, task.id)).values()) == {"steady 81"}


async def test_a_file_that_changes_during_the_run_counts_from_then_on(embedded_lab: Lab) -> None:
    engine = await start(embedded_lab, rule("steady", name="before"), max_parallel_tasks=8)
    task_id = (await engine.submit(squares(300))).task_id
    await eventually(lambda: CALLS["steady"] > 40)
    write(embedded_lab.folder / "router.json", rule("square", name="after"))
    assert engine.router.file is not None
    engine.router.file.look()
    task = await finished(engine, task_id)

    assert task.counts == {"completed": 300}
    made = [request for n in range(300) for request in await requests(engine, task_id, f"s{n}")]
    assert {(request.rule, request.tool, request.reason) for request in made} >= {
        ("before", "steady", "the only candidate"),
        ("after", "square", "the only candidate"),
    }
    assert all(request.reason for request in made)
    write(embedded_lab.folder / "router.json", rule("nobody"))
    health = await engine.health()
    assert (health["status"], health["router"]["ok"], health["router"]["rules"]) == ("degraded", False, 1)
    assert health["router"]["faults"] == ['/rules/0/candidates/0: there is no tool "nobody"; did you mean "noop"?']


async def test_a_preview_explains_a_choice_and_changes_nothing(lab: Lab) -> None:
    only = {"name": "large", "match": {"type": "square", "input": "input.n > 100"}, "candidates": ["slow"]}
    engine = await start(
        lab, only, rule("lettered", {"tool": "flaky", "fallback": ["slow"]}, "steady", strategy="auto")
    )
    about = About("square", "k", {"n": 3})
    seen = engine.router.preview(about)
    assert seen["tool"] in ("flaky", "steady")
    assert [(row["name"], row["matches"], row["why"]) for row in seen["rules"]] == [
        ("large", False, "its input does not match"),
        ("squares", True, ""),
    ]
    candidates = {row["tool"]: row for row in seen["candidates"]}
    assert candidates["lettered"]["unusable"].startswith("does not take this input")
    assert (candidates["flaky"]["fallback"], candidates["flaky"]["seconds"]) == (["slow"], None)
    assert engine.router.preview(about) == seen
    assert CALLS == {}
    nothing = engine.router.preview(About("noop", "k", 1))
    assert (nothing["tool"], nothing["rule"], nothing["reason"]) == ("noop", None, "no rule matches")
    with pytest.raises(InvalidInput, match="no subtask type"):
        engine.router.preview(About("cube", "k", 1))


async def test_a_tool_whose_health_check_fails_is_passed_over_until_it_is_well(embedded_lab: Lab) -> None:
    ILL.add("steady")
    try:
        engine = await start(embedded_lab, rule("steady", "flaky"))
        await eventually(lambda: not engine.router.healthy("steady"))
        task = await run(engine, squares(1))
        (made,) = await requests(engine, task.id, "s0")
        assert (made.tool, "steady: its health check fails" in made.reason) == ("flaky", True)
        (shown,) = [tool for tool in await engine.offered() if tool["name"] == "steady"]
        assert (shown["health"]["ok"], shown["health"]["detail"]) == (False, "steady is ill")
    finally:
        ILL.discard("steady")


async def test_no_start_with_a_bad_file(embedded_lab: Lab) -> None:
    with pytest.raises(SettingsError, match="candidates/0"):
        await start(embedded_lab, rule("nobody"))


async def test_auto_is_done_sooner_than_round_robin_with_a_slow_and_a_flaky_tool(embedded_lab: Lab) -> None:
    took: dict[str, float] = {}
    reasons: list[str] = []
    for strategy in ("round_robin", "auto"):
        engine = await start(embedded_lab, rule("slow", "flaky", "steady", strategy=strategy), max_parallel_tasks=20)
        began = asyncio.get_running_loop().time()
        task = await run(engine, squares(300))
        took[strategy] = asyncio.get_running_loop().time() - began
        assert task.counts == {"completed": 300}
        made = [request for n in range(300) for request in await requests(engine, task.id, f"s{n}")]
        reasons += [request.reason for request in made]
        if strategy == "auto":
            assert CALLS["slow"] < 60 and CALLS["steady"] > 150, CALLS
        await embedded_lab.stop(engine)
    assert all(reasons)
    assert took["auto"] < took["round_robin"], took
