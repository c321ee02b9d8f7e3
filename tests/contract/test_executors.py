"""What every executor promises: results, errors with their categories, cancellation, time limits, loss, the token."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import msgspec
import pytest

from engine.errors import SettingsError
from engine.logstore import LogWish
from engine.model import Json
from engine.states import SubtaskStatus, TaskStatus
from tests.support.engines import Lab, finished, subtasks
from tests.support.executing import HAS_RAY, Carried, carried, gone
from tests.support.services import eventually

RAY = ("ray",) if HAS_RAY else ()
"""``make test-ray`` installs the extra; without it there is nothing to run the suite on."""
KINDS = ("asyncio", "threads", "processes", "agents", *RAY)
APART = ("processes", *RAY)


@pytest.fixture
async def lab(tmp_path: Path, namespace: str, template: Path) -> AsyncIterator[Lab]:
    made = Lab("embedded", tmp_path, namespace, template)
    yield made
    await made.close()


@pytest.fixture(scope="module")
def ray_address() -> Iterator[str]:
    """A Ray cluster of one node for all tests of this file."""
    from tests.support.ray import ENVIRONMENT, ray_cluster

    with pytest.MonkeyPatch.context() as patch, ray_cluster() as cluster:
        for name, value in ENVIRONMENT.items():
            patch.setenv(name, value)
        cluster.head(cpus=2)
        yield cluster.address


async def _carried(request: pytest.FixtureRequest, lab: Lab, folder: Path) -> AsyncIterator[Carried]:
    ray = {"ray_address": request.getfixturevalue("ray_address")} if request.param == "ray" else {}
    async with carried(lab, request.param, folder, **ray) as made:
        yield made


@pytest.fixture(params=KINDS)
async def one(request: pytest.FixtureRequest, lab: Lab, tmp_path: Path) -> AsyncIterator[Carried]:
    async for made in _carried(request, lab, tmp_path):
        yield made


@pytest.fixture(params=APART)
async def apart(request: pytest.FixtureRequest, lab: Lab, tmp_path: Path) -> AsyncIterator[Carried]:
    async for made in _carried(request, lab, tmp_path):
        yield made


async def test_what_comes_back_is_what_was_given_whatever_json_it_is(one: Carried) -> None:
    value = {"text": "Zürich \u2028 ", "big": 10**40, "list": [None, True, 0.1, -1, []], "deep": {"": {"a": [[1]]}}}
    found = await one.output("x_echo", {"value": value})
    assert found["value"] == value
    assert (found["pid"] != os.getpid()) == one.apart
    assert await one.output("x_async", {"value": [1]}) == [1]


async def test_a_large_payload_goes_there_and_comes_back(one: Carried) -> None:
    text = "ä" * 1_000_000
    assert (await one.output("x_echo", {"value": text}))["value"] == text


async def test_a_call_knows_its_token_and_its_time(one: Carried) -> None:
    found = await one.output("x_token", timeout_seconds=50)
    assert (found["key"], found["token"], found["reduction"]) == ("a", 1, 0)
    assert 30 < found["left"] <= 50


async def test_an_error_keeps_its_category_and_all_that_it_says(one: Carried) -> None:
    for category in ("transient", "configuration", "permission", "resource", "logic", "timeout"):
        value = {"category": category, "output": {"half": 1}}
        subtask, attempts = await one.call("x_fail", value, retry={"max_attempts": 1})
        found = msgspec.json.decode(subtask.error or "")
        assert (found["category"], found["message"], found["suggestion"]) == (category, "it fails", "Ask.")
        assert subtask.status is SubtaskStatus.FAILED
        assert [attempt.outcome for attempt in attempts] == ["failed"]
        assert await one.engine.output(subtask) == {"half": 1}


async def test_what_a_tool_raises_is_logic_unless_the_tool_knows_better(one: Carried) -> None:
    found = await one.error("x_raise", {"kind": "value"})
    assert found["category"] == "logic"
    assert "ValueError: no number" in found["message"]
    found = await one.error("x_raise", {"kind": "key"})
    assert found["category"] == "transient"
    assert "KeyError: 'gone'" in found["message"]


async def test_what_json_cannot_carry_is_refused(one: Carried) -> None:
    found = await one.error("x_odd")
    assert found["category"] == "logic"
    assert "JSON" in found["message"]


async def test_log_lines_come_home(one: Carried) -> None:
    subtask, _ = await one.call("x_say", {"lines": 3})
    wanted = {f"line {number}" for number in range(3)} | ({"printed"} if one.kind == "processes" else set())

    async def kept() -> dict[str, Json]:
        lines = await one.engine.logbook.lines(LogWish(task_id=subtask.task_id))
        told = {line.message: msgspec.json.decode(line.fields) for line in lines if line.key == "a"}
        assert wanted <= set(told)
        return told

    told = await eventually(kept)
    assert told["line 2"]["number"] == 2
    assert told.get("printed", {"text": "printed by the tool"})["text"] == "printed by the tool"


async def test_cancelling_the_task_stops_the_call(one: Carried, tmp_path: Path) -> None:
    path = tmp_path / "stays"
    task_id = await one.submit(one.step("a", type="x_stay", input={"path": str(path), "descendants": one.apart}))
    pids = await one.staying(path)
    await one.engine.cancel(task_id)
    task = await finished(one.engine, task_id)
    assert task.status is TaskStatus.CANCELLED
    if one.apart:
        await gone(*pids, seconds=1.0)
    assert (await one.output("x_echo", {"value": "next"}))["value"] == "next"


async def test_a_time_limit_stops_the_call(one: Carried, tmp_path: Path) -> None:
    path = tmp_path / "stays"
    value = {"path": str(path), "descendants": one.apart}
    task_id = await one.submit(
        one.step("a", type="x_stay", input=value, timeout_seconds=1.0 + one.slow, retry={"max_attempts": 1})
    )
    pids = await one.staying(path)
    await finished(one.engine, task_id)
    subtask, _ = await one.one(task_id, "a")
    assert subtask.status is SubtaskStatus.FAILED
    assert '"timeout"' in (subtask.error or "")
    if one.apart:
        await gone(*pids)


async def test_signs_of_life_are_heard(one: Carried, tmp_path: Path) -> None:
    path = tmp_path / "stays"
    step = one.step(
        "a", type="x_stay", input={"path": str(path), "alive": True}, timeouts={"idle_seconds": 1.0 + one.slow}
    )
    task_id = await one.submit(step)
    await one.staying(path)
    begun = time.monotonic()
    await eventually(lambda: time.monotonic() - begun > 1.5 + one.slow, 20)
    Path(f"{path}.go").touch()
    assert (await finished(one.engine, task_id)).status is TaskStatus.COMPLETED
    os.unlink(f"{path}.go")

    step = one.step(
        "a",
        type="x_stay",
        input={"path": str(path)},
        timeouts={"idle_seconds": 0.7 + one.slow},
        retry={"max_attempts": 1},
    )
    task_id = await one.submit(step)
    await finished(one.engine, task_id)
    subtask, _ = await one.one(task_id, "a")
    assert "no sign of life" in (subtask.error or "")


async def test_a_tool_may_add_subtasks_from_anywhere_but_an_agent(one: Carried) -> None:
    if one.kind == "agents":
        assert "adds subtasks" in (await one.error("x_grow", {"names": ["x"]}))["message"]
        return
    subtask, _ = await one.call("x_grow", {"names": ["x", "y"]})
    rows = await subtasks(one.engine, subtask.task_id)
    assert set(rows) == {"a", "a[x]", "a[y]"}
    assert await one.engine.output(rows["a[y]"]) == {"name": "y"}


# --- where calls have processes of their own --------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["exit", "kill", "segfault"])
async def test_a_process_that_dies_is_an_interruption_and_nothing_is_lost(
    apart: Carried, how: str, tmp_path: Path
) -> None:
    subtask, attempts = await apart.call("x_echo", {"value": 1})
    path = tmp_path / "enough"
    task_id = await apart.submit(
        apart.step("a", type="x_die", input={"how": how, "path": str(path)}),
        apart.step("b", "a", type="x_echo", input={"value": "{{subtasks.a.output}}"}),
    )

    async def twice() -> bool:
        return len([one for one in (await apart.one(task_id, "a"))[1] if one.outcome == "interrupted"]) >= 1

    await eventually(twice, 30)
    path.touch()
    await finished(apart.engine, task_id)
    subtask, attempts = await apart.one(task_id, "a")
    outcomes = [attempt.outcome for attempt in attempts]
    if subtask.status is SubtaskStatus.QUARANTINED:  # it died three times before the file was there
        assert outcomes == ["interrupted"] * 3
        return
    assert outcomes[-1] == "completed"
    assert set(outcomes[:-1]) == {"interrupted"}
    assert subtask.spent == 0
    assert (await apart.engine.output((await subtasks(apart.engine, task_id))["b"]))["value"] == "lives"


async def test_one_that_dies_three_times_is_set_apart(apart: Carried) -> None:
    task_id = await apart.submit(apart.step("a", type="x_die", input={"how": "exit"}))

    async def quarantined() -> bool:
        return (await apart.one(task_id, "a"))[0].status is SubtaskStatus.QUARANTINED

    await eventually(quarantined, 30)
    _, attempts = await apart.one(task_id, "a")
    assert [attempt.outcome for attempt in attempts] == ["interrupted"] * 3
    await apart.engine.cancel(task_id)
    await finished(apart.engine, task_id)


async def test_one_that_must_not_be_repeated_asks_when_its_process_has_died(apart: Carried) -> None:
    task_id = await apart.submit(apart.step("a", type="x_die_once", input={"how": "kill"}))

    async def asks() -> bool:
        return (await apart.one(task_id, "a"))[0].status is SubtaskStatus.AWAITING_APPROVAL

    await eventually(asks, 30)
    await apart.engine.cancel(task_id)
    await finished(apart.engine, task_id)


async def test_a_process_killed_from_outside_takes_only_its_own_call_along(apart: Carried, tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    task_id = await apart.submit(
        apart.step("a", type="x_stay", input={"path": str(first)}),
        apart.step("b", type="x_stay", input={"path": str(second)}),
    )
    pid, _ = await apart.staying(first)
    await apart.staying(second)
    os.kill(pid, signal.SIGKILL)
    again, _ = await apart.staying(first)
    assert again != pid
    for path in (first, second):
        Path(f"{path}.go").touch()
    task = await finished(apart.engine, task_id)
    assert task.status is TaskStatus.COMPLETED
    assert [one.outcome for one in (await apart.one(task_id, "a"))[1]] == ["interrupted", "completed"]
    assert [one.outcome for one in (await apart.one(task_id, "b"))[1]] == ["completed"]


async def test_no_more_run_than_may_and_who_waits_says_so(apart: Carried, tmp_path: Path) -> None:
    paths = [tmp_path / f"p{number}" for number in range(3)]
    types = ("x_stay", "x_stay", "x_also_stay")
    both = zip(paths, types, strict=True)
    task_id = await apart.submit(*(apart.step(at.name, type=type_, input={"path": str(at)}) for at, type_ in both))
    await eventually(lambda: sum(path.exists() for path in paths) == 2, 30)
    waiting = next(path for path in paths if not path.exists())
    assert waiting.name == "p2", "the order is that of the plan"

    async def held() -> bool:
        return (await apart.one(task_id, waiting.name))[0].status is SubtaskStatus.RETRYING

    await eventually(held)
    said = await apart.engine.answers.why(task_id, waiting.name)
    assert [cause.code for cause in said.causes] == ["executor"]
    assert "busy" in said.words or "as many as may (2)" in said.words
    for path in paths:
        Path(f"{path}.go").touch()
    await finished(apart.engine, task_id)
    outcomes = [one.outcome for one in (await apart.one(task_id, waiting.name))[1]]
    assert outcomes == ["postponed", "completed"]
    assert (await apart.one(task_id, waiting.name))[0].spent == 0


# --- limits of a worker process ---------------------------------------------------------------------------------------


@pytest.fixture
async def pool(lab: Lab, tmp_path: Path) -> AsyncIterator[Carried]:
    async with carried(lab, "processes", tmp_path, executor_processes=1) as made:
        yield made


async def test_limits_of_memory_time_and_output_are_the_tools(pool: Carried) -> None:
    found = await pool.error("x_bounded", {"memory_mb": 800})
    assert (found["category"], "memory" in found["message"]) == ("resource", True)
    found = await pool.error("x_bounded", {"size": 200_000})
    assert found["category"] == "resource"
    assert "may return 100000" in found["message"]
    found = await pool.error("x_bounded", {"forever": True})
    assert found["category"] == "resource"
    assert "processor time" in found["message"]
    assert await pool.output("x_bounded", {"size": 10}) == "x" * 10


async def test_a_worker_is_used_again_and_what_it_took_is_known(pool: Carried) -> None:
    pids = {(await pool.output("x_echo"))["pid"] for _ in range(3)}
    assert len(pids) == 1
    _, attempts = await pool.call("x_spin", {"rounds": 2_000_000})
    assert 0.01 < (attempts[0].effort.cpu_seconds or 0) < 30
    assert 5_000_000 < (attempts[0].effort.memory_bytes or 0) < 500_000_000
    assert pool.engine._carriers.health()["processes"]["alive"] == 1


async def test_types_that_compute_run_there_and_those_that_need_the_engine_do_not(pool: Carried) -> None:
    assert await pool.output("calculate", {"expression": "2 ** 70"}) == {"value": 2**70}
    tools = {entry["name"]: entry["executor"] for entry in await pool.engine.offered()}
    assert (tools["calculate"], tools["x_echo"], tools["aggregation"]) == ("processes",) * 3
    assert (tools["http_request"], tools["agent"], tools["shell"]) == ("asyncio",) * 3


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"type_executors": {"x_ecko": "processes"}}, "did you mean x_echo"),
        ({"type_executors": {"shell": "processes"}}, "the type shell cannot run with processes"),
        ({"agent03_tools": ["tests.support.nested_tools"], "type_executors": {"nested": "processes"}}, "top level"),
        ({"agent03_tools": ["tests.support.nested_tools"], "type_executors": {"hidden": "processes"}}, "hidden"),
    ],
)
async def test_what_cannot_run_in_another_process_stops_the_start(
    lab: Lab, fields: dict[str, object], words: str
) -> None:
    with pytest.raises(SettingsError, match=words):
        await lab.start(**{"agent03_tools": ["tests.support.executor_tools"], **fields})


async def test_a_coroutine_that_blocks_its_loop_leaves_the_engine_quick_in_a_thread(lab: Lab, tmp_path: Path) -> None:
    async with carried(lab, "threads", tmp_path) as threads:
        path = tmp_path / "there"
        task_id = await threads.submit(threads.step("a", type="x_block", input={"path": str(path)}))
        assert await threads.output("x_async", {"value": 2}) == 2
        path.touch()
        await finished(threads.engine, task_id)
