"""``agent03 worker`` as real processes: killed and stopped in the middle of a turn, and scaled by signals."""

from __future__ import annotations

import asyncio
import json
import shlex
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.claude import FakeClaude, fake_claude
from tests.support.engines import marks
from tests.support.services import eventually
from tests.support.serving import PROGRAM, ROOT
from tests.support.transcripts import environment
from tests.support.workers import Process, Streams, counting, fresh_streams, plays, prepare, started, worker_process


@pytest.fixture
async def fake() -> AsyncIterator[FakeClaude]:
    async with fake_claude() as found:
        plays(found)
        yield found


@pytest.fixture
async def streams(redis_server: str) -> AsyncIterator[Streams]:
    async with fresh_streams(redis_server.rpartition("/")[0] + "/9") as found:
        yield found


@pytest.fixture
def settings(redis_server: str, fake: FakeClaude, tmp_path: Path) -> dict[str, Any]:
    """The environment of the workers."""
    model = fake.settings()
    return prepare(tmp_path) | {
        "redis_url": redis_server.rpartition("/")[0] + "/9",
        "anthropic_api_key": model.anthropic_api_key.get_secret_value(),
        "anthropic_base_url": model.anthropic_base_url,
        "data_path": tmp_path / "data",
    }


@contextmanager
def _worker(folder: Path, name: str, settings: dict[str, Any], *arguments: str) -> Iterator[Process]:
    with worker_process(folder, name, settings, *arguments) as found:
        yield found


def _held(*names: str, hold: Path) -> str:
    """A prompt that tallies each name in a turn, and in the last turn one that ends and one that is held."""
    turns: list[Any] = [[["tally", {"name": name}]] for name in names]
    turns.append([["tally", {"name": "quick"}], ["tally", {"name": "held", "hold": str(hold)}]])
    return json.dumps(turns)


async def test_a_killed_worker_s_agent_goes_on_elsewhere_and_repeats_no_call_that_has_ended(
    streams: Streams, settings: dict[str, Any], fake: FakeClaude, tmp_path: Path
) -> None:
    """kill -9 in the middle of a turn: one of its calls has ended, one runs, which may not be repeated."""
    log, hold = tmp_path / "log", tmp_path / "hold"
    with _worker(tmp_path, "first", settings) as first:
        await first.up()
        await streams.add(started(1, _held("one", "two", hold=hold)))
        await eventually(lambda: sorted(marks(log)) == ["held", "one", "quick", "two"], 60)
        steps = streams.connection.client

        async def ended() -> bool:
            found = await steps.hvals("agent:talk:s1")
            return sum(b"counted" in step for step in found) == 3

        await eventually(ended)
        first.signal(signal.SIGKILL)
        await first.ended()
    asked = len(fake.requests)
    hold.touch()
    with _worker(tmp_path, "second", settings) as second:
        (told,) = await streams.told(seconds=60)
        second.signal(signal.SIGTERM)
        assert await second.ended() == 0
    assert sorted(marks(log)) == ["held", "one", "quick", "two"], "no call was made twice"
    assert len(fake.requests) == asked + 1, "no answer that was complete was asked for again"
    cases = {call["input"]["name"]: call["case"] for call in told["result"]["tool_calls"]}
    assert cases == {"one": "", "two": "", "quick": "", "held": "interrupted"}
    assert told["result"]["turns"] == 4
    assert await streams.left() == 0


async def test_sigterm_ends_the_turn_hands_back_and_the_next_goes_on_without_a_question_too_much(
    streams: Streams, settings: dict[str, Any], fake: FakeClaude, tmp_path: Path
) -> None:
    log, hold = tmp_path / "log", tmp_path / "hold"
    prompt = json.dumps([[["tally", {"name": "one", "hold": str(hold)}]], [["tally", {"name": "two"}]]])
    with _worker(tmp_path, "first", settings | {"worker_lease_seconds": 600}) as first:
        await first.up()
        await streams.add(started(1, prompt))
        await eventually(lambda: marks(log) == ["one"], 60)
        first.signal(signal.SIGTERM)

        async def stopping() -> bool:
            return bool((await first.health())["workers"][0]["state"] == "stopping")

        await eventually(stopping)
        hold.touch()
        assert await first.ended() == 0
        assert "agent handed back" in [line["event"] for line in first.lines()]
    assert (len(fake.requests), await streams.left(), await streams.results()) == (1, 1, [])
    with _worker(tmp_path, "second", settings | {"worker_lease_seconds": 600}):
        (told,) = await streams.told(seconds=60)
    assert marks(log) == ["one", "two"]
    assert [call["case"] for call in told["result"]["tool_calls"]] == ["", ""]
    assert len(fake.requests) == 3


async def test_signals_scale_a_pool_and_its_health_and_logs_are_for_machines(
    streams: Streams, settings: dict[str, Any], tmp_path: Path
) -> None:
    with _worker(tmp_path, "pool", settings, "--count", "1", "--roles", "counter,other") as pool:
        health = await pool.up()
        assert (health["status"], health["wanted"], health["roles"]) == ("healthy", 1, ["counter", "other"])
        for number, wanted in ((signal.SIGTTIN, 2), (signal.SIGTTIN, 3), (signal.SIGTTOU, 2)):
            pool.signal(number)

            async def scaled(wanted: int = wanted) -> bool:
                found = await pool.health()
                return found["wanted"] == wanted == len(found["workers"])

            await eventually(scaled)
        for number in range(6):
            await streams.add(started(number, counting(f"{number}")))
        found = await streams.told(6, 60)
        assert len({told["worker"] for told in found}) == 2
        assert (await pool.health())["done"] == 6
        pool.signal(signal.SIGTERM)
        assert await pool.ended() == 0
        lines = [line for line in pool.lines() if line.get("event_id") == "e1"]
        assert [line["event"] for line in lines] == ["agent started", "agent ended"]
        assert lines[0]["task_id"] == "t1"
    assert await streams.connection.client.smembers("agent:pools") == set()


async def test_the_line_in_the_document_works_as_it_stands(
    streams: Streams, settings: dict[str, Any], fake: FakeClaude, tmp_path: Path
) -> None:
    page = (ROOT / "docs" / "howto" / "workers.md").read_text()
    (line,) = [line for line in page.splitlines() if line.startswith("redis-cli XADD")]
    fake.decide = None
    fake.says("Hello, hallo, bonjour.")
    await streams.connection.client.execute_command(*shlex.split(line)[1:])
    with _worker(tmp_path, "pool", settings):
        (told,) = await streams.told(seconds=60)
    assert (told["type"], told["event_id"]) == ("AGENT_COMPLETED", "hello-1")
    assert told["result"]["text"] == "Hello, hallo, bonjour."


async def test_a_worker_without_redis_ends_with_one_line(settings: dict[str, Any]) -> None:
    def run(**more: str) -> tuple[int, str]:
        ended = subprocess.run(
            [sys.executable, "-c", PROGRAM, "worker"],
            env=environment() | more,
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=60,
        )
        return ended.returncode, ended.stderr

    code, said = await asyncio.to_thread(run)
    assert (code, said.count("\n")) == (2, 1)
    assert "REDIS_URL is empty" in said
    code, said = await asyncio.to_thread(
        lambda: run(REDIS_URL="redis://127.0.0.1:1/0", ANTHROPIC_API_KEY=settings["anthropic_api_key"])
    )
    assert (code, said.count("\n")) == (3, 1), said
    assert "does not answer" in said
