"""The page in a real Chromium on a real server: what somebody does with it, and what must never happen there."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
import pytest_asyncio
from playwright.async_api import Browser

from tests.support.browser import Visitor, chromium, visitor
from tests.support.services import eventually
from tests.support.serving import Serving

pytestmark = pytest.mark.asyncio(loop_scope="module")

REFUSED = r"Failed to load resource: the server responded with a status of 400"
AWAY = r"Failed to load resource: net::ERR_"
PAINT_SECONDS = 15
"""An idle machine paints ten thousand subtasks in less than two; this one runs other tests as well."""
FRAME_MS = 100
embedded = pytest.mark.parametrize("server", ["embedded"], indirect=True, scope="module")
"""For what the other graph would show once more."""


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as found:
        yield found


@pytest_asyncio.fixture(loop_scope="module", scope="module", params=["embedded", "neo4j"])
async def server(request: pytest.FixtureRequest, browser: Browser, tmp_path_factory: Any) -> AsyncIterator[Serving]:
    folder: Path = tmp_path_factory.mktemp(f"page-{request.param}")
    settings = {"FILE_ROOTS": str(folder), "NAMESPACE": folder.name, "TASK_TIMEOUT_SECONDS": "4000"}
    if request.param == "neo4j":
        neo4j = request.getfixturevalue("neo4j_server")
        settings |= {"NEO4J_URL": neo4j.url, "NEO4J_AUTH": neo4j.auth}
    made = Serving(folder, settings)
    await made.start()
    yield made
    made.discard()


@pytest_asyncio.fixture(loop_scope="module")
async def ann(browser: Browser, server: Serving, tmp_path: Path) -> AsyncIterator[Visitor]:
    async with visitor(browser, f"http://127.0.0.1:{server.port}", tmp_path) as found:
        yield found


async def submit(server: Serving, *subtasks: dict[str, Any], **fields: Any) -> str:
    return await server.submit({"plan": {"subtasks": list(subtasks)}, **fields})


def step(key: str, *dependencies: str, type: str = "noop", **fields: Any) -> dict[str, Any]:
    return {"key": key, "type": type, "dependencies": list(dependencies), **fields}


PLAN = """name: nightly import
plan:
  subtasks:
    - {key: wait, type: sleep, input: {seconds: 0.5}}
    - {key: load, type: read_file, dependencies: [wait], input: {path: rows.json}}
    - {key: beside, type: noop, dependencies: [wait], input: [1, 2, 3]}
    - {key: each, type: noop, dependencies: [beside], map: {over: "{{subtasks.beside.output}}"}, input: "{{item}}"}
    - {key: report, type: noop, dependencies: [load, beside], input: "{{subtasks.load.output}}"}
"""


async def test_a_plan_is_looked_at_sent_watched_mended_and_run_again(ann: Visitor, server: Serving) -> None:
    page = ann.page
    ann.expected.append(REFUSED)
    await ann.visit("#/new?form=plan")

    await page.fill(
        "textarea[name=plan]", '{"plan": {"subtasks": [\n{"key": "a", "type": "noop"},\n{"key": "b", "type": "nop"}]}}'
    )
    await page.click("text=Preview")
    fault = await ann.sees(".faults button")
    assert await fault.inner_text() == "/plan/subtasks/1/type line 3"
    await fault.click()
    assert await page.evaluate("getSelection().toString()") == '"nop"}]}}'

    await page.fill("textarea[name=plan]", PLAN)
    await page.click("text=Preview")
    await ann.item("report").wait_for()
    assert await page.locator(".preview .item").count() == 5
    await ann.picture("preview")

    await page.evaluate("window.stayed = true")
    await page.click("button:text-is('Run')")
    await ann.item("load", "failed").wait_for()
    await ann.item("report", "blocked").wait_for()
    await ann.item("each[2]", "completed").wait_for()
    await ann.task_is("failed")
    assert await page.evaluate("window.stayed"), "it went live without being loaded again"

    await ann.item("load").click()
    await ann.sees(".panel .note.bad", has_text="rows.json")
    await ann.sees(".panel", has_text="1 subtask behind it: report")
    assert page.url.endswith("/load")
    await ann.picture("failed")

    Path(server.settings["FILE_ROOTS"], "rows.json").write_text("[1, 2, 3]")
    failed = page.url
    await page.click("[data-verb=rerun]:has-text('Rerun …')")
    await page.click("dialog button:text-is('Run again')")
    await page.wait_for_url(lambda url: url.partition("?")[0] not in failed and "/load" not in url)
    await ann.task_is("completed")
    await ann.sees(".meta", has_text="rerun of")
    await page.click("text=what differs")
    await ann.sees(".report", has_text="load")
    await page.go_back()
    await page.click("role=tab[name=Result]")
    await ann.sees(".json", has_text="[1, 2, 3]")


async def test_a_running_task_is_cancelled_and_everybody_sees_it_at_once(ann: Visitor, server: Serving) -> None:
    page = ann.page
    task = await submit(
        server, step("slow", type="sleep", input={"seconds": 3000}), step("after", "slow"), name="endless"
    )
    await ann.visit("#/tasks?status=processing")
    await page.click("text=endless")
    await ann.item("slow", "processing").wait_for()
    await ann.item("after").click()
    await ann.sees(".panel", has_text="Why it is not done")
    await page.keyboard.press("Escape")
    await page.locator(".panel").wait_for(state="hidden")

    await page.click("[data-verb=pause]")
    await page.click("dialog button:text-is('Pause')")
    await ann.sees(".task-head .note", has_text="until somebody resumes it")
    await page.click("[data-verb=resume]")
    await page.click("dialog button:text-is('Resume')")
    await ann.sees("[data-verb=pause]")
    await page.click("[data-verb=cancel]")
    await page.keyboard.press("Escape")
    assert (await server.task(task))["status"] == "processing"

    await server.call("POST", f"/tasks/{task}/cancel")
    await ann.item("after", "cancelled").wait_for()
    await ann.task_is("cancelled")
    assert await page.locator("[data-verb]").all_inner_texts() == ["Rerun …", "Delete …"]


async def test_after_a_restart_the_page_goes_on_and_shows_nothing_twice(ann: Visitor, server: Serving) -> None:
    page = ann.page
    ann.expected.append(AWAY)
    steps = [step("first")]
    steps += [step(f"s{n}", f"s{n - 1}" if n else "first", type="sleep", input={"seconds": 0.4}) for n in range(5)]
    task = await submit(server, *steps, name="through a restart")
    await ann.visit(f"#/tasks/{task}?tab=events")
    await ann.sees(".event-row", has_text="s0")

    server.kill()
    await ann.sees("#lost:has-text('trying again')")
    await server.start()
    await ann.task_is("completed")
    await page.locator("#lost").wait_for(state="hidden")

    events = (await server.call("GET", f"/tasks/{task}/events")).json()["events"]
    shown = [int(seq) for seq in await page.locator(".event-row .seq").all_inner_texts()]
    assert shown == [event["seq"] for event in reversed(events)]
    await page.click("role=tab[name=Timeline]")
    await ann.sees(".timeline-row .attempt[data-state=completed]")
    await page.click("role=tab[name=Graph]")
    await ann.item("s4", "completed").wait_for()
    assert await page.locator(".graph .item[data-state=completed]").count() == len(steps)


EVIL = "<img src=/evil onerror=alert(1)><script>alert(2)</script>{{7*7}}javascript:alert(3)"


async def test_what_users_wrote_is_shown_as_they_wrote_it_and_never_run(ann: Visitor, server: Serving) -> None:
    page = ann.page
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    text = EVIL
    fails = "raise ValueError(text)"
    task = await submit(
        server,
        step("out", input={text: text, "list": [text]}),
        step("bad", "out", type="python", input={"code": fails, "inputs": {"text": text}}),
        step("end", "bad", input=text),
        name=text, tags=[text], user_id=text,
    )  # fmt: skip
    asked_for = await server.submit({"description": f"Show {text}"})
    await eventually(lambda: _is_final(server, task), 30)

    await ann.visit("#/tasks")
    await ann.sees(".title:not(:has-text('Show'))", has_text=text)
    await page.click(f"a[data-id='{asked_for}']")
    await ann.sees("h1", has_text=f"Show {text}")
    for tab in ("Graph", "Timeline", "Subtasks", "Events", "Result", "Report"):
        await ann.go(f"tasks/{task}/bad?tab={tab.lower()}")
        await ann.sees(".panel .said", has_text=text)
        await ann.sees(f"role=tab[name={tab}][selected=true]")
    await ann.go(f"tasks/{task}/out")
    await ann.sees(".panel .json", has_text=text)
    await ann.picture("markup")

    assert await page.locator("main img, main script, main iframe").count() == 0
    assert not [url for url in asked if not url.startswith((ann.base, "about:"))]
    assert not [url for url in asked if "evil" in url]


async def _is_final(server: Serving, task: str) -> bool:
    return (await server.task(task))["status"] in ("completed", "failed", "cancelled")


@embedded
async def test_ten_thousand_subtasks_are_painted_unfolded_moved_and_followed(ann: Visitor, server: Serving) -> None:
    page = ann.page
    steps = [step("gate", type="sleep", input={"seconds": 3000})]
    steps += [
        step(f"layer-{n // 100}-{n % 100}", f"layer-{n // 100 - 1}-{n % 100}" if n >= 100 else "gate")
        for n in range(9_999)
    ]
    task = await submit(server, *steps, name="ten thousand")

    began = time.monotonic()
    await ann.visit(f"#/tasks/{task}")
    await ann.sees(".graph .item .number", has_text="× 100")
    folded = time.monotonic() - began
    began = time.monotonic()
    await page.click("text=Unfold all 10,000")
    await ann.sees(".graph.far")
    unfolded = time.monotonic() - began
    await ann.picture("ten-thousand")

    frames = await _frames_of_a_pan(ann)
    await page.fill("input[type=search]", "layer-50-50")
    await page.keyboard.press("Enter")
    await ann.sees(".panel h2:text-is('layer-50-50')")
    await ann.item("layer-50-50").wait_for()
    await page.keyboard.press("Escape")

    began = time.monotonic()
    await server.call("POST", f"/tasks/{task}/cancel")
    await ann.sees(".legend", has_text="cancelled 10,000")
    await ann.task_is("cancelled")
    followed = time.monotonic() - began
    frame = frames[len(frames) // 2]
    print(f"\n10,000 subtasks: painted {folded:.2f} s, unfolded {unfolded:.2f} s, a frame of a pan {frame:.0f} ms, "
          f"cancelled and seen {followed:.2f} s")  # fmt: skip
    assert folded < PAINT_SECONDS and unfolded < PAINT_SECONDS and frame < FRAME_MS


async def _frames_of_a_pan(ann: Visitor) -> list[float]:
    """How long the frames took while the graph was dragged, in milliseconds, the shortest first."""
    await ann.page.evaluate(
        """() => { window.frames_ = []; let last = performance.now();
          const next = (now) => { frames_.push(now - last); last = now; window.asked = requestAnimationFrame(next); };
          window.asked = requestAnimationFrame(next); }"""
    )
    await ann.page.mouse.move(300, 500)
    await ann.page.mouse.down()
    for place in range(40):
        await ann.page.mouse.move(300 + 10 * place, 500 + 3 * place)
    await ann.page.mouse.up()
    return sorted(await ann.page.evaluate("() => { cancelAnimationFrame(window.asked); return frames_; }"))


@embedded
async def test_it_is_used_by_keyboard_and_by_ear(ann: Visitor, server: Serving) -> None:
    page = ann.page
    task = await submit(server, step("a"), step("b", "a"), step("c", "b"), name="by keyboard")
    await ann.visit("#/tasks")
    await ann.sees(".task-row")
    await page.keyboard.press("Tab")
    assert await page.evaluate("document.activeElement.className") == "skip"
    await page.keyboard.press("Enter")
    await page.keyboard.press("/")
    await page.keyboard.type("by key")
    await page.wait_for_url("**/#/tasks?search=by+key")
    await ann.sees(".task-list li:only-child")

    await ann.visit(f"#/tasks/{task}")
    await ann.task_is("completed")
    graph = await ann.sees("role=listbox")
    await graph.focus()
    for _ in range(2):
        await page.keyboard.press("ArrowRight")
    assert await graph.get_attribute("aria-activedescendant") == "item-b"
    assert await page.locator("[role=option][aria-label^='b, completed, noop, '][aria-selected=true]").count() == 1
    await page.keyboard.press("Enter")
    await ann.sees(".panel h2:text-is('b')")
    await page.keyboard.press("Escape")
    await page.click("role=tab[name=Graph]")
    await page.keyboard.press("ArrowRight")
    assert await page.evaluate("document.activeElement.textContent") == "Timeline"
    tree = await page.locator("body").aria_snapshot()
    for landmark in ("banner", 'navigation "Main"', "main", "tablist", "tabpanel"):
        assert landmark in tree


@embedded
@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 1280), ("light", 390)])
async def test_every_view_fits_in_light_and_dark_and_on_a_phone(
    browser: Browser, server: Serving, tmp_path: Path, scheme: str, width: int
) -> None:
    broken = step("bad", "first", type="calculate", input={"expression": "1 / 0"})
    task = await submit(server, step("first", input={"rows": [1, 2]}), broken, step("end", "bad"), name="weekly report")
    await eventually(lambda: _is_final(server, task), 30)
    options = {"color_scheme": scheme, "viewport": {"width": width, "height": 800}, "has_touch": width < 500}
    async with visitor(browser, f"http://127.0.0.1:{server.port}", tmp_path, **options) as ann:
        places = {
            "new": ".new-form", "tools": ".tool", "cache": ".figures", "estimates": "tbody tr", "trends": ".chart rect",
            "health": ".figures", "tasks": ".task-row", f"tasks/{task}": ".graph .item",
            f"tasks/{task}?tab=timeline": ".attempt", f"tasks/{task}?tab=subtasks": ".subtask-row .badge",
            f"tasks/{task}?tab=events": ".event-row", f"tasks/{task}?tab=report": ".report .figures",
            f"tasks/{task}/bad": ".panel .note.bad",
        }  # fmt: skip
        await ann.visit()
        for place, there in places.items():
            await ann.go(place)
            await ann.sees(there)
            over = await ann.page.evaluate(
                "document.documentElement.scrollWidth - document.documentElement.clientWidth"
            )
            assert over <= 0, f"{place} is {over} pixels too wide"
            await ann.picture(f"{scheme}-{width}-{place.replace(task, 'task').replace('/', '-').replace('?tab=', '-')}")


async def test_it_asks_for_a_key_and_follows_a_task_with_it(browser: Browser, tmp_path: Path) -> None:
    server = Serving(tmp_path / "keys", {"NAMESPACE": "page-keys"})
    await server.start()
    base = f"http://127.0.0.1:{server.port}"
    try:
        async with httpx2.AsyncClient(base_url=base) as client:
            made = await client.post("/keys", json={"subject": "root", "scopes": ["admin"]})
            client.headers["X-API-Key"] = key = made.json()["key"]
            slow = step("slow", type="sleep", input={"seconds": 3000})
            body = {"plan": {"subtasks": [slow, step("after", "slow")]}, "name": "behind a key"}
            task = (await client.post("/tasks", json=body)).json()["task_id"]
            async with visitor(browser, base, tmp_path) as ann:
                ann.expected.append(r"Failed to load resource: the server responded with a status of 401")
                await ann.visit("#/tasks")
                await ann.page.fill("dialog input[name=key]", "a3_wrong")
                await ann.page.click("dialog button:text-is('Use it')")
                await ann.sees("dialog", has_text="not known here, or it was revoked")
                await ann.page.fill("dialog input[name=key]", key)
                await ann.page.click("dialog button:text-is('Use it')")
                await ann.page.click("text=behind a key")
                await ann.item("slow", "processing").wait_for()
                await client.post(f"/tasks/{task}/cancel")
                await ann.item("after", "cancelled").wait_for()
                await ann.task_is("cancelled")
                stored = "JSON.stringify([localStorage, sessionStorage, document.cookie, location.href])"
                assert key not in await ann.page.evaluate(stored)
    finally:
        server.discard()
