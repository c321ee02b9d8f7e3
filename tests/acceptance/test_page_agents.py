"""Agents and workers on the page, in a real Chromium: real agents with what they log, and a real pool of workers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.test_agents import TOKEN, agent_process, at, completed, registered
from tests.support.browser import chromium, visitor
from tests.support.serving import Serving
from tests.support.workers import fresh_streams, prepare, worker_process

EVIL = "<img src=/evil onerror=alert(1)> said"


@pytest.fixture
async def redis_url(redis_server: str) -> AsyncIterator[str]:
    url = redis_server.rpartition("/")[0] + "/11"
    async with fresh_streams(url):
        yield url


@pytest.fixture
async def server(redis_url: str, tmp_path: Path) -> AsyncIterator[Serving]:
    settings = {"NEO4J_URL": "", "REDIS_URL": redis_url, "AGENT_TOKEN": TOKEN}
    made = Serving(tmp_path / "engine", settings | {"AGENT03_TOOLS": "tests.support.chaos_tools"})
    await made.start()
    yield made
    made.discard()


async def test_agents_show_what_they_do_and_say_and_a_pool_is_scaled(
    server: Serving, redis_url: str, tmp_path: Path
) -> None:
    engine = f"http://127.0.0.1:{server.port}"
    workers: dict[str, Any] = prepare(tmp_path) | {"redis_url": redis_url, "anthropic_api_key": "sk-test-0123456789"}
    async with chromium() as browser, visitor(browser, engine, tmp_path) as ann:
        page = ann.page
        await ann.visit("#/agents")
        await ann.sees(".empty", has_text="No agents.")
        await ann.sees(".empty", has_text="No workers.")
        with (
            agent_process(tmp_path, engine, "agent-1", "WRITING,COUNTING"),
            agent_process(tmp_path, engine, "agent-2", "NOTHING"),
            worker_process(tmp_path, "pool", workers, "--count", "2") as pool,
        ):
            await registered(server, "agent-1", "agent-2")
            await pool.up()
            said = await server.submit(at("WRITING", "say", input={"text": EVIL}))
            await completed(server, said)
            slow = await server.submit(at("COUNTING", "sleep", input={"seconds": 600}))

            await page.click("text=Refresh")
            row = page.locator("tr", has=page.locator("th", has_text="agent-1"))
            await row.locator(".badge", has_text="busy").wait_for()
            await row.locator("a", has_text=slow).wait_for()
            assert await row.locator(".tag").all_inner_texts() == ["WRITING", "COUNTING"]
            assert "MiB" in await row.inner_text()
            assert await row.locator("time").count() == 1

            await page.click("role=button[name='Log of agent-2']")
            await ann.sees("#agent-log .empty", has_text="Nothing that it ran")
            await page.click("role=button[name='Log of agent-1']")
            await ann.sees("#agent-log .log-lines", has_text=EVIL)
            assert await page.locator("#agent-log img").count() == 0
            await ann.picture("agents")
            await page.click("#agent-log >> text=Close")
            assert await page.locator("#agent-log .log-lines").count() == 0

            table = page.locator("[aria-label=Workers]")
            await table.locator("td.number >> nth=0 >> text=2").wait_for()
            await page.click("[data-verb=scale]")
            await page.keyboard.press("Escape")
            assert (await pool.health())["wanted"] == 2, "nothing happens before somebody agrees"
            for count, told in ((4, "2 workers more"), (1, "3 workers less")):
                await page.click("[data-verb=scale]")
                await page.fill("dialog input[name=workers]", str(count))
                await ann.sees("dialog", has_text=told)
                await page.click("dialog button:text-is('Scale')")
                await ann.sees(".toast", has_text=f"{count} worker")
                await table.locator("td.number >> nth=0", has_text=str(count)).wait_for()
                health = await pool.health()
                assert (health["wanted"], len(health["workers"])) == (count, count)
            await server.call("POST", f"/tasks/{slow}/cancel")


async def test_a_pool_that_cannot_be_scaled_says_why(server: Serving, redis_url: str, tmp_path: Path) -> None:
    async def scale(**body: Any) -> tuple[int, str]:
        answer = await server.call("POST", "/agents/pool", body, check=False)
        return answer.status_code, answer.text

    assert (await server.call("GET", "/agents/pool")).json() == {"pools": []}
    status, said = await scale(workers=2)
    assert (status, "agent03 worker" in said) == (404, True)
    for body, place in (({}, "/workers"), ({"workers": -1}, "/workers"), ({"workers": 1001}, "/workers")):
        status, said = await scale(**body)
        assert (status, place in said) == (400, True), said
    status, said = await scale(workers=1, many=2)
    assert (status, "/many" in said) == (400, True)

    workers: dict[str, Any] = prepare(tmp_path) | {"redis_url": redis_url, "anthropic_api_key": "sk-test-0123456789"}
    with (
        worker_process(tmp_path, "one", workers, "--count", "0") as one,
        worker_process(tmp_path, "two", workers, "--count", "0") as two,
    ):
        names = {(await one.up())["pool"], (await two.up())["pool"]}
        found = (await server.call("GET", "/agents/pool")).json()["pools"]
        assert {pool["pool"] for pool in found} == names
        assert {pool["pool"] for pool in (await server.call("GET", "/health")).json()["workers"]} == names
        status, said = await scale(workers=1)
        assert (status, all(name in said for name in names)) == (400, True), said
        status, said = await scale(pool="another", workers=1)
        assert status == 404
