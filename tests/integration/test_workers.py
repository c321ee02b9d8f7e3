"""Agents run by workers: engines, pools, a real Redis and real wrappers, and the real SDK against a scripted model."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from engine.errors import SettingsError
from engine.service import Engine
from engine.settings import Settings
from engine.states import TaskStatus
from tests.support.claude import FakeClaude
from tests.support.engines import Lab, finished, marks, run, subtasks
from tests.support.plans import Body, plan, step
from tests.support.services import eventually
from tests.support.workers import Streams, counting, fresh_streams, plays, pool_here, prepare, started


@pytest.fixture
async def redis(redis_server: str) -> AsyncIterator[tuple[str, Streams]]:
    """An empty Redis, and its address."""
    url = redis_server.rpartition("/")[0] + "/8"
    async with fresh_streams(url) as found:
        yield url, found


@pytest.fixture
def settings(redis: tuple[str, Streams], fake: FakeClaude, tmp_path: Path) -> dict[str, Any]:
    """Settings of engine and workers."""
    plays(fake)
    model = fake.settings().model_dump(
        include={"anthropic_api_key", "anthropic_base_url", "claude_prices", "claude_timeout_seconds"}
    )
    return model | prepare(tmp_path) | {"redis_url": redis[0]}


def _pool(settings: dict[str, Any], tmp_path: Path, **more: Any) -> Any:
    return pool_here(Settings.model_validate({"data_path": tmp_path / "w"} | settings | more))


def _agent(prompt: str, **more: Any) -> Body:
    value = {"role": "counter", "prompt": prompt, "run_by": "workers"}
    return plan(step("agent", type="agent", input=value, **more))


async def _output(engine: Engine, task_id: str) -> Any:
    return await engine.output((await subtasks(engine, task_id))["agent"])


async def _steps(engine: Engine, count: int) -> None:
    """Waits until the graph has so many steps."""

    async def there() -> bool:
        sizes: Any = (await engine.doctor())["sizes"]
        return bool(sizes["AgentStep"] >= count)

    await eventually(there, 20)


async def test_an_engine_s_agent_is_run_by_a_worker_and_its_steps_are_in_the_graph(
    lab: Lab, redis: tuple[str, Streams], settings: dict[str, Any], tmp_path: Path
) -> None:
    engine = await lab.start(**settings)
    prompt = json.dumps([[["tally", {"name": "one"}], ["write_file", {"path": "x.txt", "content": "x"}]]])
    async with _pool(settings, tmp_path) as pool:
        task = await run(engine, _agent(prompt))
        assert task.status is TaskStatus.COMPLETED, task.error
        found = await _output(engine, task.id)
        assert (found["text"], found["turns"], found["usage"]["output_tokens"]) == ("done", 2, 400)
        assert (tmp_path / "files" / task.id / "x.txt").read_text() == "x"
        row = (await subtasks(engine, task.id))["agent"]
        await _steps(engine, 4)
        health: Any = await eventually(engine.health)
        assert health["workers"][0]["pool"] == pool.config.name
        assert row.attempts == 1
    assert await redis[1].left() == 0
    assert (await engine.health())["workers"] == []


async def test_what_workers_tell_again_or_too_late_changes_nothing(
    embedded_lab: Lab, redis: tuple[str, Streams], settings: dict[str, Any], tmp_path: Path
) -> None:
    engine = await embedded_lab.start(**settings)
    task_id = (await engine.submit(_agent(counting("a", hold=str(tmp_path / "hold"))))).id
    async with _pool(settings, tmp_path):
        await eventually(lambda: marks(tmp_path / "log") == ["a"], 30)
        entries = await redis[1].connection.client.xrange("agent:events")
        event = json.loads(entries[0][1][b"event"])
        false = {"type": "AGENT_COMPLETED", "result": _result("false")}
        for name, value in (("token", 0), ("subtask_id", "other"), ("event_id", "other")):
            told = {key: event[key] for key in ("event_id", "task_id", "subtask_id", "token")} | false | {name: value}
            await redis[1].connection.client.xadd("agent:results", {"event": json.dumps(told)})
        await redis[1].connection.client.xadd("agent:results", {"event": "garbage"})
        (tmp_path / "hold").touch()
        task = await finished(engine, task_id)
        told = {key: event[key] for key in ("event_id", "task_id", "subtask_id", "token")} | false
        await redis[1].connection.client.xadd("agent:results", {"event": json.dumps(told)})
        other = await run(engine, _agent(counting("b")))  # whatever came before it was heard by then
    assert (task.status, other.status) == (TaskStatus.COMPLETED, TaskStatus.COMPLETED)
    assert (await _output(engine, task_id))["text"] == "done"
    assert marks(tmp_path / "log") == ["a", "b"]


def _result(text: str) -> dict[str, Any]:
    return {"role": "counter", "text": text, "model": "m", "turns": 1, "usage": {}}


async def test_a_cancelled_agent_is_stopped_and_its_worker_takes_the_next(
    embedded_lab: Lab, redis: tuple[str, Streams], settings: dict[str, Any], tmp_path: Path
) -> None:
    engine = await embedded_lab.start(**settings)
    async with _pool(settings, tmp_path) as pool:
        task_id = (await engine.submit(_agent(counting("a", hold=str(tmp_path / "never"))))).id
        await eventually(lambda: marks(tmp_path / "log") == ["a"], 30)
        await engine.cancel(task_id)
        await eventually(lambda: pool.health()["busy"] == 0)
        assert (await run(engine, _agent(counting("b")))).status is TaskStatus.COMPLETED
    assert await redis[1].left() == 0
    assert len(await redis[1].results()) == 1, "nothing is told of what nobody wants"


async def test_a_redis_that_lost_everything_costs_no_finished_call(
    embedded_lab: Lab, redis: tuple[str, Streams], settings: dict[str, Any], tmp_path: Path
) -> None:
    """All keys go in the middle of the third turn: the engine sends the event again, with the steps of its graph."""
    engine = await embedded_lab.start(**settings)
    hold = tmp_path / "hold"
    prompt = json.dumps([[["tally", {"name": name} | more]] for name, more in (("a", {}), ("b", {"hold": str(hold)}))])
    async with _pool(settings, tmp_path):
        task_id = (await engine.submit(_agent(prompt))).id
        await eventually(lambda: marks(tmp_path / "log") == ["a", "b"], 30)
        await _steps(engine, 4)
        await redis[1].connection.client.flushdb()
        task = await finished(engine, task_id)
    assert task.status is TaskStatus.COMPLETED, task.error
    assert marks(tmp_path / "log") == ["a", "b"], "no call was made twice"
    found = await _output(engine, task_id)
    assert [call["case"] for call in found["tool_calls"]] == ["", "interrupted"]


async def test_a_failure_comes_back_as_the_error_that_it_was(
    embedded_lab: Lab, redis: tuple[str, Streams], settings: dict[str, Any], tmp_path: Path, fake: FakeClaude
) -> None:
    fake.decide = None
    fake.fails(429, "rate_limit_error", retry_after="0")
    fake.calls(("a", "tally", {"name": "one"}))
    fake.fails(401, "authentication_error")
    engine = await embedded_lab.start(**settings, agents_run_by="workers")
    async with _pool(settings, tmp_path):
        body = _agent("Count.")
        body["plan"]["subtasks"][0]["input"].pop("run_by")
        task = await run(engine, body)
    row = (await subtasks(engine, task.id))["agent"]
    assert (task.status, row.attempts) == (TaskStatus.FAILED, 2), "the first one may pass, and is repeated"
    assert json.loads(row.error or "{}")["category"] == "configuration"
    partial: Any = await engine.output(row)
    assert [call["name"] for call in partial["tool_calls"]] == ["tally"]


async def test_without_redis_it_says_what_to_set(embedded_lab: Lab, settings: dict[str, Any], fake: FakeClaude) -> None:
    engine = await embedded_lab.start(**(settings | {"redis_url": ""}))
    task = await run(engine, _agent(counting("a")))
    row = (await subtasks(engine, task.id))["agent"]
    assert "REDIS_URL is empty" in (row.error or "")
    assert "workers" not in await engine.health()


# --- events written by hand -------------------------------------------------------------------------------------------


async def test_a_duplicate_does_nothing_twice(
    redis: tuple[str, Streams], settings: dict[str, Any], tmp_path: Path
) -> None:
    streams = redis[1]
    hold = tmp_path / "hold"
    event = started(1, counting("a", hold=str(hold)))
    async with _pool(settings, tmp_path, worker_count=3):
        for _ in range(3):
            await streams.add(event)
        await eventually(lambda: marks(tmp_path / "log") == ["a"], 30)

        async def alone() -> bool:
            return await streams.left() == 1

        await eventually(alone)
        hold.touch()
        await streams.told(1)
        await streams.add(event)
        await streams.add(started(2, counting("b")))
        found = await streams.told(2)
    assert [told["event_id"] for told in found] == ["e1", "e2"]
    assert marks(tmp_path / "log") == ["a", "b"]
    first = found[0]
    assert (first["type"], first["task_id"], first["subtask_id"], first["token"]) == ("AGENT_COMPLETED", "t1", "s1", 1)
    assert first["result"]["tool_calls"][0]["name"] == "tally"
    assert first["usage"]["output_tokens"] == 400


@pytest.mark.parametrize(
    ("event", "words"),
    [
        (b"\xff\xfe", "no JSON object"),
        ("[]", "no JSON object"),
        ('{"type": "AGENT_STARTED"}', "missing required field `event_id`"),
        (started(1, "x", type="OTHER"), "Invalid value 'OTHER'"),
        (started(1, "x", task_id="../../etc"), "its task_id should be"),
        (started(1, "x", subtask_id="a/b"), "its subtask_id should be"),
        (started(1, "x", token="one"), "token"),
        (started(1, "x", role="counte"), "did you mean counter?"),
        (started(1, " "), "/prompt"),
        (started(1, "x", context={"files": [{"paht": "x"}]}), "/context/files/0"),
        (started(1, "x", context={"files": [{"path": "gone.txt", "required": True}]}), "gone.txt: No such file"),
        (started(1, "x", context_path="../outside"), "leaves the folder"),
        (started(1, "x", budget={"turns": 0}), "/budget/turns"),
    ],
)
async def test_what_is_no_event_is_told_and_stops_nobody(
    redis: tuple[str, Streams], settings: dict[str, Any], tmp_path: Path, event: object, words: str
) -> None:
    async with _pool(settings, tmp_path):
        await redis[1].add(event)
        await redis[1].add(started(9, counting("a")))
        bad, good = await redis[1].told(2)
    assert (bad["type"], bad["error"]["category"]) == ("AGENT_FAILED", "configuration")
    assert words in bad["error"]["message"], bad
    assert good["type"] == "AGENT_COMPLETED"
    assert await redis[1].left() == 0


async def test_wrappers_that_misbehave_are_told_to_the_model(
    redis: tuple[str, Streams], settings: dict[str, Any], tmp_path: Path
) -> None:
    async with _pool(settings, tmp_path):
        await redis[1].add(started(1, json.dumps([[[name, {}] for name in ("garbage", "hang", "broken", "shell")]])))
        (told,) = await redis[1].told()
    cases = {call["name"]: call["case"] for call in told["result"]["tool_calls"]}
    assert cases == {"garbage": "bad JSON", "hang": "timeout", "broken": "exit code", "shell": "refused"}


async def test_a_pool_runs_its_roles_only_and_passes_on_the_rest(
    redis: tuple[str, Streams], settings: dict[str, Any], tmp_path: Path
) -> None:
    streams = redis[1]
    async with _pool(settings, tmp_path, worker_roles="other"):
        await streams.add(started(1, counting("a")))
        await streams.add(started(2, counting("b"), role="other"))
        (told,) = await streams.told()
        assert told["event_id"] == "e2"
        async with _pool(settings, tmp_path, worker_roles="counter"):
            found = await streams.told(2)
    assert [told["event_id"] for told in found] == ["e2", "e1"]


async def test_scaling_up_and_down_under_load_loses_nothing_and_repeats_nothing(
    redis: tuple[str, Streams], settings: dict[str, Any], tmp_path: Path
) -> None:
    """Twelve agents of three turns; the pool goes from one worker to four, to one, to none, and to three."""
    streams, log = redis[1], tmp_path / "log"
    async with _pool(settings, tmp_path, worker_count=1) as pool:
        for number in range(12):
            await streams.add(started(number, counting(*(f"{number}.{turn}" for turn in range(3)))))
        await eventually(lambda: len(marks(log)) >= 2, 30)
        await pool.scale(4)
        await eventually(lambda: pool.health()["busy"] == 4, 30)
        await pool.scale(1)
        await eventually(lambda: len(pool.health()["workers"]) == 1, 30)  # type: ignore[arg-type]
        await pool.scale(0)
        await eventually(lambda: pool.health()["workers"] == [], 30)
        before = len(await streams.results())
        assert before < 12
        await pool.scale(3)
        found = await streams.told(12)
        health = pool.health()
    assert Counter(told["event_id"] for told in found) == Counter(f"e{number}" for number in range(12))
    assert {told["type"] for told in found} == {"AGENT_COMPLETED"}
    assert Counter(marks(log)) == Counter(f"{number}.{turn}" for number in range(12) for turn in range(3))
    assert (health["done"], health["failed"]) == (12, 0)


async def test_a_worker_that_fails_is_started_again_after_a_wait(
    redis: tuple[str, Streams], settings: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from engine.workers.worker import Worker

    handle, broken = Worker._handle, asyncio.Event()

    async def breaks(self: Worker, entry: Any) -> None:
        if not broken.is_set():
            broken.set()
            raise ZeroDivisionError("a bug")
        await handle(self, entry)

    monkeypatch.setattr(Worker, "_handle", breaks)
    async with _pool(settings, tmp_path) as pool:
        await redis[1].add(started(1, counting("a")))
        await broken.wait()
        await eventually(lambda: pool.health()["status"] == "degraded")
        assert "ZeroDivisionError" in json.dumps(pool.health())
        (told,) = await redis[1].told()
        assert (pool.health()["status"], pool.health()["restarts"]) == ("healthy", 1)
    assert told["type"] == "AGENT_COMPLETED"


async def test_an_event_of_which_workers_die_again_and_again_is_given_up(
    redis: tuple[str, Streams], settings: dict[str, Any], tmp_path: Path
) -> None:
    await redis[1].connection.client.hset("agent:event:e1", "taken", "5")
    async with _pool(settings, tmp_path):
        await redis[1].add(started(1, counting("a")))
        (told,) = await redis[1].told()
    assert told["error"]["category"] == "resource"
    assert "5 workers in a row have died" in told["error"]["message"]
    assert marks(tmp_path / "log") == []


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"redis_url": ""}, "REDIS_URL is empty"),
        ({"anthropic_api_key": ""}, "ANTHROPIC_API_KEY is empty"),
        ({"worker_roles": "countre"}, "did you mean counter?"),
    ],
)
async def test_a_pool_that_cannot_work_says_why(
    settings: dict[str, Any], tmp_path: Path, wrong: dict[str, str], words: str
) -> None:
    with pytest.raises(SettingsError, match=words.replace("?", r"\?")):
        async with _pool(settings, tmp_path, **wrong):
            pass
