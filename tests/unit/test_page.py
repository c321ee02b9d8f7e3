"""The page is files that refer to each other only, run nothing that users wrote, and know the engine's states."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from pathlib import PurePosixPath

import httpx2
import pytest
from fastapi import FastAPI

from api.routes import page
from engine.states import SUBTASK_VERBS, SubtaskStatus, TaskStatus, subtask_verbs, task_verbs

FILES = {name: content.decode() for name, (content, _) in page.page_files().items()}
SCRIPTS = {name: text for name, text in FILES.items() if name.endswith(".js")}
IMPORTED = re.compile(r"""(?:from|import)\s*\(?\s*["'](\.[^"']+)["']""")


@pytest.fixture
async def client() -> AsyncIterator[httpx2.AsyncClient]:
    app = FastAPI(openapi_url=None)
    app.include_router(page.router)
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://test") as client:
        yield client


def resolved(name: str, reference: str) -> str:
    parts: list[str] = []
    for part in (PurePosixPath(name).parent / reference).parts:
        if part == "..":
            parts.pop()
        else:
            parts.append(part)
    return "/".join(parts)


def test_every_file_that_is_referred_to_exists_and_every_file_is_referred_to() -> None:
    referred = {"index.html", *re.findall(r'(?:href|src)="/page/([^"]+)"', FILES["index.html"])}
    referred |= {resolved(name, reference) for name, text in SCRIPTS.items() for reference in IMPORTED.findall(text)}

    assert referred == set(FILES)


def test_what_a_task_needs_is_asked_for_at_once_and_nothing_else() -> None:
    needed: set[str] = set()
    ahead = ["app.js", "views/task.js"]
    while ahead:
        name = ahead.pop()
        if name not in needed:
            needed.add(name)
            ahead += [resolved(name, found) for found in re.findall(r'from "([^"]+)"', SCRIPTS[name])]

    preloaded = re.findall(r'<link rel="modulepreload" href="/page/([^"]+)">', FILES["index.html"])

    assert preloaded == sorted(needed - {"app.js"})


def test_every_name_that_is_imported_is_exported_there() -> None:
    for name, text in SCRIPTS.items():
        for names, reference in re.findall(r'import \{([^}]+)\} from "([^"]+)"', text):
            there = SCRIPTS[resolved(name, reference)]
            for one in (part.strip() for part in names.split(",") if part.strip()):
                assert re.search(rf"export (async )?(function|const|class) {one}\b", there), (name, one)
                assert len(re.findall(rf"\b{one}\b", text)) > 1, f"{name} imports {one} for nothing"


@pytest.mark.parametrize("name", sorted(FILES))
def test_no_file_asks_another_address_or_turns_text_into_markup_or_code(name: str) -> None:
    text = FILES[name].replace("http://www.w3.org/2000/svg", "")
    assert not re.search(r"https?:|//[a-z0-9.-]+\.[a-z]{2,}/|@import|url\(", text), "an outside address"
    for way in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "DOMParser", "eval(", "new Function"):
        assert way not in text
    assert not re.search(r"createContextualFragment|javascript:|srcdoc=|setTimeout\(\s*[\"'`]", text)


def test_the_document_holds_no_script_style_or_handler_of_its_own() -> None:
    document = FILES["index.html"]
    assert not re.search(r"<style|\sstyle=|\son[a-z]+=", document)
    assert re.findall(r"<script([^>]*)>(.*?)</script>", document) == [(' type="module" src="/page/app.js"', "")]


@pytest.mark.parametrize("name", sorted(SCRIPTS))
def test_no_module_is_longer_than_can_be_read_at_once(name: str) -> None:
    assert len(SCRIPTS[name].splitlines()) <= 300


def _table(name: str) -> dict[str, list[str]]:
    found = re.search(rf"{name} = (\{{.*?\n\}});", FILES["states.js"], re.DOTALL)
    assert found
    text = re.sub(r"(\w+):", r'"\1":', found[1])
    table: dict[str, list[str]] = json.loads(re.sub(r",(\s*\})", r"\1", text))
    return table


def test_the_page_offers_what_the_table_of_states_lets_a_person_do() -> None:
    assert {state: sorted(verbs) for state, verbs in _table("TASK_VERBS").items()} == {
        state.value: sorted(task_verbs(state)) for state in TaskStatus
    }
    assert {state: sorted(verbs) for state, verbs in _table("SUBTASK_VERBS").items()} == {
        state.value: sorted(subtask_verbs(state)) for state in SubtaskStatus
    }
    assert all(f"  {verb}: {{" in FILES["verbs.js"] for verb in SUBTASK_VERBS)


def test_every_state_has_a_colour_in_light_and_dark_and_a_shape() -> None:
    for state in {*SubtaskStatus, *TaskStatus}:
        assert FILES["tokens.css"].count(f"  --{state.value}: #") == 3
        assert re.search(rf"\n  {state.value}: \[\s*\[", FILES["states.js"])


def _luminance(colour: str) -> float:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _contrast(one: str, other: str) -> float:
    high, low = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("selector", [":root {", ':root:not([data-theme="light"]) {', ':root[data-theme="dark"] {'])
def test_everything_that_is_read_stands_out_from_what_it_stands_on(selector: str) -> None:
    block = FILES["tokens.css"].partition(selector)[2].partition("}")[0]
    colours = dict(re.findall(r"--(\w[\w-]*): (#[0-9a-f]{6});", block))
    read = ["text", "muted", "accent", "danger", *SubtaskStatus, *TaskStatus]
    pairs = [(one, under) for one in read for under in ("bg", "surface")]
    pairs += [("muted", "sunken"), ("accent-text", "accent"), ("surface", "danger"), ("warn", "warn-soft")]
    pairs += [("text", "danger-soft"), ("text", "sunken")]

    weak = {pair: _contrast(colours[pair[0]], colours[pair[1]]) for pair in pairs}

    assert not {pair: round(ratio, 2) for pair, ratio in weak.items() if ratio < 4.5}


async def test_it_is_served_under_rules_that_let_nothing_else_in(client: httpx2.AsyncClient) -> None:
    for path in ("/", *(f"/page/{name}" for name in FILES)):
        headers = (await client.get(path)).headers
        policy = dict(rule.split(" ", 1) for rule in headers["content-security-policy"].split("; "))
        assert policy["default-src"] == policy["frame-ancestors"] == policy["base-uri"] == "'none'"
        assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
        assert (headers["x-content-type-options"], headers["referrer-policy"]) == ("nosniff", "no-referrer")


async def test_a_file_is_sent_again_only_when_it_has_changed(client: httpx2.AsyncClient) -> None:
    first = await client.get("/page/app.js")
    assert first.headers["content-type"].startswith("text/javascript") and first.text == FILES["app.js"]
    again = await client.get("/page/app.js", headers={"If-None-Match": f'"other", W/{first.headers["etag"]}'})
    assert (again.status_code, again.content) == (304, b"")
    assert (await client.get("/page/app.js", headers={"If-None-Match": '"other"'})).status_code == 200


@pytest.mark.parametrize(
    "path", ["/page/", "/page/nothing.js", "/page/../app.py", "/page/%2e%2e/app.py", "/page//etc/passwd"]
)
async def test_nothing_else_is_served(client: httpx2.AsyncClient, path: str) -> None:
    assert (await client.get(path)).status_code == 404
