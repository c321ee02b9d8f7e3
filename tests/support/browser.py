"""A real Chromium that looks at the page of a real server, and fails the test for whatever it complains about."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Error, Locator, Page, async_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")
PATIENCE_MS = 30_000
REPORTED = """
  window.violations = [];
  addEventListener("securitypolicyviolation", (event) => violations.push(event.violatedDirective + event.blockedURI));
"""
"""Run before the page: what its policy has refused."""


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """The browser; a test that needs it is skipped where there is none."""
    path = next((found for name in NAMES if (found := shutil.which(name))), None)
    if path is None:
        pytest.skip("there is no Chromium: make browser installs it")
    async with async_playwright() as playwright:
        options = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = await playwright.chromium.launch(executable_path=path, args=options)
        yield browser
        await browser.close()


@dataclass
class Visitor:
    """Somebody who looks at the page of one server."""

    page: Page
    base: str
    pictures: Path
    complaints: list[str] = field(default_factory=list)
    expected: list[str] = field(default_factory=list)
    """Patterns of complaints that belong to the test."""

    async def visit(self, place: str = "") -> None:
        """Goes to a place of the page, loading it anew."""
        await self.page.goto("about:blank")
        await self.page.goto(f"{self.base}/{place}")

    async def go(self, place: str) -> None:
        """Goes to another place of the page that is there."""
        await self.page.evaluate("(place) => { location.hash = `#/${place}`; }", place)

    def item(self, key: str, state: str | None = None) -> Locator:
        """A subtask in the graph."""
        wanted = f".graph .item[data-key='{key}']"
        return self.page.locator(wanted if state is None else f"{wanted}[data-state={state}]")

    async def sees(self, selector: str, **options: Any) -> Locator:
        """Waits until something is to be seen."""
        found = self.page.locator(selector, **options).first
        await found.wait_for()
        return found

    async def task_is(self, state: str) -> None:
        """Waits until the head of the task shows a state."""
        await self.sees(f".task-head .badge[data-state={state}]")

    async def picture(self, name: str) -> None:
        """Keeps how the page looks, for people: in PAGE_PICTURES, or with the files of the test."""
        self.pictures.mkdir(parents=True, exist_ok=True)
        await self.page.screenshot(path=self.pictures / f"{name}.png")

    async def leave(self) -> None:
        """Closes the page; fails when it, its policy or the browser has complained."""
        violations = await self.page.evaluate("window.violations ?? []")
        await self.page.context.close()
        found = [*violations, *self.complaints]
        left = [one for one in found if not any(re.search(pattern, one) for pattern in self.expected)]
        assert not left, left


@asynccontextmanager
async def visitor(browser: Browser, base: str, folder: Path, **options: Any) -> AsyncIterator[Visitor]:
    """A fresh visitor; ``options`` are those of a browser context."""
    context = await browser.new_context(
        **{"viewport": {"width": 1280, "height": 800}, "reduced_motion": "reduce", **options}
    )
    await context.add_init_script(REPORTED)
    page = await context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    made = Visitor(page, base, Path(os.environ.get("PAGE_PICTURES", folder)))
    page.on("console", lambda message: made.complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: made.complaints.append(f"{error.message} {error.stack}"))
    page.on("dialog", lambda dialog: made.complaints.append(f"a dialog opened: {dialog.message}"))
    try:
        yield made
    except (AssertionError, Error):
        await page.screenshot(path=folder / "failed.png")
        raise
    await made.leave()
