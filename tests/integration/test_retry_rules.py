"""What is repeated, how often and when: each category against a real failing process or server, on both graphs."""

from __future__ import annotations

import itertools
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from engine.model import Attempt, Json, Subtask
from engine.service import Engine
from engine.states import SubtaskStatus, TaskStatus
from graph.server.ports import free_port
from tests.support import tools_retry
from tests.support.engines import MODULE, Lab, finished, run, story, subtasks
from tests.support.plans import Body, plan, step
from tests.support.services import eventually
from tests.support.tools_context import running
from tests.support.tools_http import ScriptedServer, scripted_server
from tests.support.tools_retry import LOGINS, SEEN

COMPLETED, FAILED, RETRYING = SubtaskStatus.COMPLETED, SubtaskStatus.FAILED, SubtaskStatus.RETRYING
QUARANTINED = SubtaskStatus.QUARANTINED
SHORTEST = 0.01
"""Seconds of the first back-off where only the number of attempts counts."""


@pytest.fixture
async def server() -> AsyncIterator[ScriptedServer]:
    async with scripted_server() as found:
        yield found


async def _engine(lab: Lab, **fields: Json) -> Engine:
    """An engine with the settings' own rules, but short waits."""
    quick = {"retry_backoff_seconds": SHORTEST, "http_allow_private": ["127.0.0.1"]}
    return await lab.start(**{"agent03_tools": [MODULE, tools_retry.MODULE], **quick, **fields})


def _shell(key: str, script: str, *words: str, limits: Json = None, **fields: Json) -> Body:
    value: Body = {"argv": ["sh", "-c", script, *words]}
    return step(key, type="shell", input=value | ({"limits": limits} if limits else {}), **fields)


def _get(key: str, url: str, **fields: Json) -> Body:
    return step(key, type="http_request", input={"url": url}, **fields)


def _exactly(attempts: int, seconds: float = SHORTEST, **fields: Json) -> Json:
    return {"max_attempts": attempts, "backoff_seconds": seconds, "jitter": False, **fields}


async def _attempts(engine: Engine, task_id: str, key: str) -> list[Attempt]:
    return (await engine.subtask(task_id, key))[1]


async def _categories(engine: Engine, task_id: str, key: str) -> list[str]:
    """The category of each attempt that is kept, or its outcome where it has no error."""
    found = await _attempts(engine, task_id, key)
    assert [attempt.token for attempt in found] == list(range(1, len(found) + 1))
    assert all(attempt.started_at <= attempt.finished_at for attempt in found)
    return [json.loads(attempt.error)["category"] if attempt.error else attempt.outcome for attempt in found]


async def _check(engine: Engine, task_id: str, expected: dict[str, list[str]]) -> dict[str, Subtask]:
    """Each subtask had exactly these attempts; returns the subtasks."""
    assert {key: await _categories(engine, task_id, key) for key in expected} == expected
    numbers = [event.seq for event in await story(engine, task_id)]
    assert numbers == list(range(1, len(numbers) + 1))
    return await subtasks(engine, task_id)


async def _waiting(engine: Engine, task_id: str, key: str) -> tuple[Subtask, Attempt]:
    """A subtask that waits out its back-off, and the attempt that failed."""

    async def look() -> tuple[Subtask, Attempt] | None:
        found, attempts, *_ = await engine.subtask(task_id, key)
        return (found, attempts[-1]) if found.status is RETRYING else None

    seen = await eventually(look, 20)
    assert seen is not None
    return seen


def _gaps(attempts: list[Attempt]) -> list[int]:
    """Milliseconds between the end of an attempt and the start of the next."""
    return [after.started_at - before.finished_at for before, after in itertools.pairwise(attempts)]


# --- one test per category -------------------------------------------------------------------------------------------


async def test_transient_is_repeated_three_times(lab: Lab, server: ScriptedServer) -> None:
    server.answer("/recovers", body=b"well")
    server.answer("/down", "500 Oops")
    for status in ("503 Away", "429 Slow Down"):
        server.once("/recovers", status)
    engine = await _engine(lab)
    task = await run(
        engine,
        plan(
            _get("recovers", server.url("/recovers")),
            _get("down", server.url("/down")),
            _get("refused", f"http://127.0.0.1:{free_port()}/"),
            _shell("tempfail", "exit 75"),
        ),
    )

    four = ["transient"] * 4
    expected = {"recovers": ["transient", "transient", "completed"], "down": four, "refused": four, "tempfail": four}
    rows = await _check(engine, task.id, expected)
    assert (rows["recovers"].status, rows["recovers"].spent) == (COMPLETED, 2)
    assert (server.asked("/recovers"), server.asked("/down")) == (3, 4)
    assert (task.status, task.counts) == (TaskStatus.FAILED, {"completed": 1, "failed": 3})


async def test_configuration_and_logic_are_not_repeated(lab: Lab, server: ScriptedServer) -> None:
    server.answer("/", "404 Not Found")
    engine = await _engine(lab)
    task = await run(
        engine,
        plan(
            _get("missing", server.url("/")),
            step("program", type="shell", input={"argv": ["no-such-program-anywhere"]}),
            _shell("inner", "no-such-program-anywhere"),
            _shell("exit", "exit 1"),
            step("bug", type="python", input={"code": "1 / 0"}),
            step("tool", type="boom", input={"how": "bug"}),
        ),
    )

    once = {key: ["configuration"] for key in ("missing", "program", "inner")}
    await _check(engine, task.id, once | {key: ["logic"] for key in ("exit", "bug", "tool")})
    assert server.asked("/") == 1


async def test_permission_is_repeated_once_with_fresh_credentials(lab: Lab, server: ScriptedServer) -> None:
    for path, status in (("/401", "401 Who"), ("/403", "403 No")):
        server.answer(path, status)
    fresh, locked = f"{lab.namespace}-fresh", f"{lab.namespace}-locked"
    LOGINS.append(fresh)
    engine = await _engine(lab)
    task = await run(
        engine,
        plan(
            _get("unknown", server.url("/401")),
            _get("forbidden", server.url("/403")),
            step("fresh", type="guarded", input={"name": fresh}),
            step("locked", type="locked_out", input={"name": locked}),
        ),
    )

    twice = {key: ["permission"] * 2 for key in ("unknown", "forbidden")}
    await _check(engine, task.id, {**twice, "fresh": ["permission", "completed"], "locked": ["permission"]})
    assert SEEN[fresh] == ["called", "refreshed", "called"]
    assert SEEN[locked] == ["called"]


async def test_resource_is_repeated_with_less(lab: Lab) -> None:
    short = "ulimit -d; echo 'Cannot allocate memory' >&2; exit 1"
    engine = await _engine(lab)
    task = await run(
        engine,
        plan(
            _shell("less", short),
            _shell("given", short, limits={"memory_mb": 300}),
            step("greedy", type="python", input={"code": "bytearray(10**9)", "limits": {"memory_mb": 100}}),
        ),
    )

    await _check(engine, task.id, {key: ["resource"] * 4 for key in ("less", "given", "greedy")})
    shown = {
        key: [
            int((await engine.output(attempt))["stdout"]) // 1024 for attempt in await _attempts(engine, task.id, key)
        ]
        for key in ("less", "given")
    }
    assert shown == {"less": [2048, 1024, 512, 256], "given": [300] * 4}


async def test_timeout_is_repeated_once(lab: Lab) -> None:
    marker = f"marker-{lab.namespace}"
    talks = "for n in 1 2 3 4 5 6 7 8; do echo $n; sleep 0.2; done"
    engine = await _engine(lab)
    task = await run(
        engine,
        plan(
            _shell("slow", "sleep 600", marker, timeout_seconds=0.3),
            _shell("silent", "echo hello; sleep 600", marker, timeouts={"idle_seconds": 0.5}),
            _shell("talks", talks, marker, timeouts={"idle_seconds": 1.2}),
        ),
    )

    expected = {"slow": ["timeout"] * 2, "silent": ["timeout"] * 2, "talks": ["completed"]}
    rows = await _check(engine, task.id, expected)
    error = json.loads(rows["silent"].error or "")
    assert error["message"] == "it gave no sign of life for 0.5 s and was stopped"
    assert "timeouts.idle_seconds" in error["suggestion"]
    assert running(marker) == []


async def test_cancelled_is_never_repeated(lab: Lab) -> None:
    marker = f"marker-{lab.namespace}"
    engine = await _engine(lab)
    task_id = (await engine.submit(plan(_shell("a", "sleep 600; true", marker, retry=_exactly(9))))).id
    await eventually(lambda: running(marker), 20)

    task = await engine.cancel(task_id)

    assert task.status is TaskStatus.CANCELLED
    await _check(engine, task_id, {"a": ["cancelled"]})


# --- crashes ---------------------------------------------------------------------------------------------------------


async def test_the_third_crash_sets_it_apart_and_takes_no_other_with_it(lab: Lab) -> None:
    marker = f"marker-{lab.namespace}"
    engine = await _engine(lab)
    body = plan(
        step("fault", type="python", input={"code": "import ctypes; ctypes.string_at(0)"}, retry=_exactly(9)),
        _shell("killed", "sleep 600; true", marker),
        _shell("limited", "while :; do :; done", limits={"cpu_seconds": 1}, retry=_exactly(4)),
        _shell("well", "true"),
        step("after", "well"),
    )
    task_id = (await engine.submit(body)).id
    for attempt in range(1, 4):
        await eventually(lambda attempt=attempt: _runs(engine, task_id, "killed", attempt), 20)
        for pid in await eventually(lambda: running(marker), 20):
            os.kill(pid, signal.SIGKILL)

    await eventually(lambda: _status(engine, task_id, "killed", QUARANTINED), 20)
    await eventually(lambda: _status(engine, task_id, "fault", QUARANTINED), 20)
    await eventually(lambda: _status(engine, task_id, "limited", FAILED), 30)
    three = {"fault": ["logic"] * 3, "killed": ["resource"] * 3}
    rows = await _check(engine, task_id, three | {"limited": ["resource"] * 4, "after": ["completed"]})
    assert {key: rows[key].interrupted for key in ("fault", "killed", "limited")} == {
        "fault": 3,
        "killed": 3,
        "limited": 0,
    }
    assert (await engine.task(task_id)).status is TaskStatus.PROCESSING, "it stays open until a person decides"
    for key in three:
        await engine.skip(task_id, key, by="ann")
    assert (await finished(engine, task_id)).counts == {"completed": 2, "failed": 1, "skipped": 2}


async def _status(engine: Engine, task_id: str, key: str, status: SubtaskStatus) -> bool:
    return (await subtasks(engine, task_id))[key].status is status


async def _runs(engine: Engine, task_id: str, key: str, attempt: int) -> bool:
    found = (await subtasks(engine, task_id))[key]
    return found.status is SubtaskStatus.PROCESSING and found.token == attempt


# --- what the subtask and the error say ------------------------------------------------------------------------------


async def test_a_subtask_s_retry_stands_above_the_category(lab: Lab, server: ScriptedServer) -> None:
    server.answer("/", "503 Away")
    engine = await _engine(lab, max_retries=0)
    task = await run(
        engine,
        plan(
            _shell("logic", "exit 1", retry=_exactly(3)),
            _shell("listed", "exit 1", retry=_exactly(3, on=["logic", "timeout"])),
            _shell("unlisted", "exit 1", retry=_exactly(3, on=["transient"])),
            _get("once", server.url("/"), retry=_exactly(1)),
            _get("settings", server.url("/")),
        ),
    )

    expected = {"logic": ["logic"] * 3, "listed": ["logic"] * 3, "unlisted": ["logic"]}
    await _check(engine, task.id, expected | {"once": ["transient"], "settings": ["transient"]})


async def test_an_error_s_own_wish_stands_above_both(lab: Lab) -> None:
    name = lab.namespace
    engine = await _engine(lab)
    task = await run(
        engine,
        plan(
            step("later", type="later", input={"name": f"{name}-later", "delay": 0.4, "times": 2}, retry=_exactly(3)),
            step("python", type="python", input={"code": _RAISES.format("Fatal")}, retry=_exactly(5)),
            step("never", type="never", input={"name": f"{name}-never"}, retry=_exactly(5)),
            step("wish", type="python", input={"code": _RAISES.format("Retryable")}, retry=_exactly(2, on=["logic"])),
        ),
    )

    expected = {"later": ["transient", "transient", "completed"], "never": ["configuration"]}
    await _check(engine, task.id, expected | {"python": ["configuration"], "wish": ["transient"] * 2})
    assert min(_gaps(await _attempts(engine, task.id, "later"))) >= 400


_RAISES = "from engine.errors import {0}\nraise {0}('no')"


# --- how long it waits -----------------------------------------------------------------------------------------------


async def test_back_offs_double_up_to_the_longest_and_are_kept_in_the_graph(lab: Lab) -> None:
    engine = await _engine(lab)
    steps = [
        _shell("waits", "exit 1", retry=_exactly(5, 0.1, max_backoff_seconds=0.3)),
        _shell("long", "exit 1", retry=_exactly(2, 500)),
        _shell("jitter", "exit 1", retry={"max_attempts": 2, "backoff_seconds": 500}),
        *(_shell(f"other{n}", "exit 1", retry={"max_attempts": 2, "backoff_seconds": 500}) for n in range(4)),
    ]
    task_id = (await engine.submit(plan(*steps))).id
    await eventually(lambda: _status(engine, task_id, "waits", FAILED), 30)

    gaps = _gaps(await _attempts(engine, task_id, "waits"))
    assert all(gap >= least for gap, least in zip(gaps, (100, 200, 300, 300), strict=True)), gaps
    row, attempt = await _waiting(engine, task_id, "long")
    assert row.wake_at is not None
    assert abs(row.wake_at - attempt.finished_at - 500_000) < 1_000
    spread = []
    for key in ("jitter", *(f"other{n}" for n in range(4))):
        row, attempt = await _waiting(engine, task_id, key)
        spread.append((row.wake_at or 0) - attempt.finished_at)
    assert all(-1_000 <= wait <= 500_000 for wait in spread)
    assert max(spread) - min(spread) > 1_000, f"five waits of up to 500 s that are the same: {spread}"
    await engine.cancel(task_id)


async def test_a_server_says_how_long_to_wait_within_bounds(lab: Lab) -> None:
    """Each has a place of its own: what one of a host asks for holds for all that call there."""
    date = datetime.now(UTC) + timedelta(seconds=1_000)
    wishes = {"seconds": "120", "date": format_datetime(date, usegmt=True), "days": "9999999", "soon": "1"}
    async with AsyncExitStack() as stack:
        servers = {key: await stack.enter_async_context(scripted_server()) for key in wishes}
        await _wait_as_told(lab, servers, wishes)


async def _wait_as_told(lab: Lab, servers: dict[str, ScriptedServer], wishes: dict[str, str]) -> None:
    for key in ("seconds", "date", "days"):
        servers[key].answer(f"/{key}", "429 Slow Down", Retry_After=wishes[key])
    servers["soon"].answer("/soon", body=b"well")
    servers["soon"].once("/soon", "503 Away", Retry_After=wishes["soon"])
    engine = await _engine(lab)
    task_id = (await engine.submit(plan(*(_get(key, servers[key].url(f"/{key}")) for key in wishes)))).id

    waits = {}
    for key in ("seconds", "date", "days"):
        row, attempt = await _waiting(engine, task_id, key)
        waits[key] = (row.wake_at or 0) - attempt.finished_at
    await eventually(lambda: _status(engine, task_id, "soon", COMPLETED), 20)

    assert abs(waits["seconds"] - 120_000) < 1_000
    assert 900_000 < waits["date"] <= 1_001_000
    assert abs(waits["days"] - 3_600_000) < 1_000
    assert min(_gaps(await _attempts(engine, task_id, "soon"))) >= 1_000
    await engine.cancel(task_id)
    assert servers["seconds"].asked("/seconds") == 1, "a cancellation ends the wait"


async def test_a_back_off_survives_a_restart_neither_lost_nor_shortened(lab: Lab) -> None:
    engine = await _engine(lab)
    fails_once = f"{sys.executable} -c 'import sys; sys.exit(1)'"
    body = plan(
        _shell("soon", fails_once, retry=_exactly(2, 4.0)),
        _shell("long", "exit 1", retry=_exactly(2, 500)),
        _shell("passed", "exit 1", retry=_exactly(2, 0.7)),
        step("busy", type="gate", input={"name": f"{lab.namespace}-gate"}),
        max_parallel=4,
    )
    task_id = (await engine.submit(body)).id
    before = {key: (await _waiting(engine, task_id, key))[0].wake_at for key in ("soon", "long")}
    await lab.stop(engine)

    again = await _engine(lab)
    assert (await _waiting(again, task_id, "long"))[0].wake_at == before["long"]
    await eventually(lambda: _status(again, task_id, "soon", FAILED), 30)
    await eventually(lambda: _status(again, task_id, "passed", FAILED), 30)

    rows = await _check(again, task_id, {"soon": ["logic"] * 2, "passed": ["logic"] * 2, "long": ["logic"]})
    second = (await _attempts(again, task_id, "soon"))[1]
    assert before["soon"] is not None
    assert before["soon"] <= second.started_at
    assert min(_gaps(await _attempts(again, task_id, "passed"))) >= 700
    assert (rows["soon"].spent, rows["long"].spent) == (2, 1)
    await again.cancel(task_id)
