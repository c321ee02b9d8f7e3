"""``browser``: opens a page in a real Chromium, does a few steps on it, and takes from it what is wanted.

Needs the extra ``browser`` and a Chromium on the PATH or at BROWSER_PATH. Pictures and PDFs are kept in the blob store
with the subtask; the output refers to each by its hash.
"""

from __future__ import annotations

import asyncio
import hashlib
import importlib.util
import os
import shutil
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator
from typing_extensions import TypedDict

from engine.errors import Category, ToolError
from engine.model import Json
from engine.toolport import Resources, Risk, RunContext, ToolHealth, ToolLimits
from engine.tools.addresses import AddressPolicy, endpoint_of, web_address
from engine.tools.base import Input, ModelTool
from engine.tools.guard_proxy import GuardProxy
from engine.tools.plain_text import clipped

if TYPE_CHECKING:
    from engine.tools.chromium import Driver, Page

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
"""Looked for on the PATH where BROWSER_PATH is empty."""
_MIB = 1024 * 1024
MAX_FILE_BYTES = 20 * _MIB
TEXT_CHARACTERS, MOST_TEXTS = 100_000, 1_000
"""Of one extract, and how many texts one of ``all`` gives."""
Keep = Callable[[str, bytes, str], Awaitable[None]]
"""Keeps bytes in the blob store for a subtask: its id, the bytes, their hash."""
Selector = str
NAME = r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}$"


class Fill(Input):
    """What to type where."""

    selector: str = Field(min_length=1, max_length=2_000)
    """CSS, of a field."""
    value: str = Field(max_length=100_000)
    """What stands in it afterwards."""


class Extract(Input):
    """What to take, and under which name."""

    name: str = Field(pattern=NAME)
    """Its field in ``extracted``."""
    selector: str = Field(min_length=1, max_length=2_000)
    """CSS."""
    attribute: str | None = Field(default=None, min_length=1, max_length=100)
    """An attribute, such as href; the text that is seen unless given."""
    all: bool = False
    """Every element, as a list; else the first."""


class Picture(Input):
    """A screenshot (PNG)."""

    name: str = Field(pattern=NAME)
    """Its field in ``files``."""
    selector: str | None = Field(default=None, min_length=1, max_length=2_000)
    """CSS, of one element; what is in view unless given."""
    full_page: bool = False
    """All of the page."""


class Print(Input):
    """The page as a PDF."""

    name: str = Field(pattern=NAME)
    """Its field in ``files``."""


class Step(Input):
    """One thing to do; exactly one field."""

    wait_for: str | None = Field(default=None, min_length=1, max_length=2_000)
    """CSS: until such an element is seen."""
    click: str | None = Field(default=None, min_length=1, max_length=2_000)
    """CSS: what to click on."""
    fill: Fill | None = None
    """Types into a field."""
    extract: Extract | None = None
    """Takes text or attributes."""
    screenshot: Picture | None = None
    """Takes a picture."""
    pdf: Print | None = None
    """Prints the page."""

    @model_validator(mode="after")
    def _one(self) -> Step:
        if len([name for name in type(self).model_fields if getattr(self, name) is not None]) != 1:
            raise ValueError("must have exactly one of wait_for, click, fill, extract, screenshot, pdf")
        return self


class BrowserInput(Input):
    """Which page, and what to do on it."""

    url: str = Field(min_length=1, max_length=8_000)
    """http or https, with a host."""
    steps: list[Step] = Field(default_factory=list, max_length=100)
    """One after the other, once the page is loaded."""
    until: Literal["load", "domcontentloaded", "networkidle"] = "load"
    """When the page counts as loaded."""
    timeout_seconds: float = Field(default=60.0, gt=0, le=600)
    """Time for all of it, once the browser has started."""
    max_bytes: int = Field(default=50 * _MIB, ge=1024, le=1024 * _MIB)
    """Bytes that may come over the network."""

    @field_validator("url")
    @classmethod
    def _complete(cls, value: str) -> str:
        return web_address(value)


class KeptFile(TypedDict):
    """A file in the blob store; ``GET /tasks/ID/subtasks/KEY/files/SHA256`` gives it."""

    sha256: str
    bytes: int
    media_type: str


class BrowserOutput(TypedDict):
    """Where it ended, and what was taken."""

    url: str
    status: int | None
    title: str
    extracted: dict[str, Any]
    files: dict[str, KeptFile]


class Browser(ModelTool[BrowserInput]):
    """Drives a page; its output is ``{"url", "status", "title", "extracted", "files"}``."""

    name = "browser"
    risk: Risk = "write"
    untrusted = True
    resources = Resources(output_bytes=50 * _MIB)
    limits = ToolLimits(parallel=2)
    model = BrowserInput
    output = BrowserOutput

    def __init__(self, policy: AddressPolicy, path: str, keep: Keep) -> None:
        self._policy, self._path, self._keep = policy, path, keep
        self._driver: Driver | None = None

    def repeatable(self, value: Json) -> bool:
        """What neither clicks nor types only looks."""
        steps = value.get("steps", []) if isinstance(value, dict) else None
        return isinstance(steps, list) and not any(
            isinstance(step, dict) and {"click", "fill"} & set(step) for step in steps
        )

    def risk_of(self, value: Json) -> Risk:
        """What only looks changes nothing."""
        return "read" if self.repeatable(value) else "write"

    def endpoint(self, value: Json) -> str:
        """Host and port of the URL."""
        return endpoint_of(value.get("url")) if isinstance(value, dict) else ""

    async def health_check(self) -> ToolHealth:
        """Whether library and browser are there; none is started."""
        return self._missing() or ToolHealth()

    def _missing(self) -> ToolHealth | None:
        """What is not there; None when all is."""
        if importlib.util.find_spec("playwright") is None:
            return ToolHealth(False, "playwright is not installed", "pip install 'agent03-core-engine[browser]'")
        if self._executable() is None:
            where = f"at {self._path}" if self._path else "on the PATH"
            return ToolHealth(False, f"there is no Chromium {where}", "apt-get install chromium, or set BROWSER_PATH.")
        return None

    def _executable(self) -> str | None:
        if self._path:
            return self._path if os.access(self._path, os.X_OK) else None
        return next((found for name in NAMES if (found := shutil.which(name))), None)

    async def perform(self, value: BrowserInput, context: RunContext) -> Json:
        """Opens the page and does the steps."""
        if (missing := self._missing()) is not None:
            raise ToolError(missing.detail, category=Category.CONFIGURATION, suggestion=missing.suggestion)
        from engine.tools.chromium import Driver

        if self._driver is None:
            self._driver = Driver()
        async with GuardProxy(self._policy, value.max_bytes).serving() as proxy:
            visit = _Visit(value, proxy, context, self._keep)
            try:
                async with (
                    asyncio.timeout(value.timeout_seconds),
                    self._driver.page(self._executable() or "", proxy) as page,
                ):
                    return await visit.within_size(visit.of(page))
            except TimeoutError:
                raise visit.failure(f"it took longer than {value.timeout_seconds} s", Category.TIMEOUT) from None

    async def close(self) -> None:
        """Ends the driver's process."""
        if self._driver is not None:
            await self._driver.close()


class _Visit:
    """One run: where it is, and what it has taken."""

    def __init__(self, value: BrowserInput, proxy: GuardProxy, context: RunContext, keep: Keep) -> None:
        self._value, self._proxy, self._context, self._keep = value, proxy, context, keep
        self._at = "opening the page"
        self._end = 0.0
        self._extracted: dict[str, Any] = {}
        self._files: dict[str, KeptFile] = {}

    async def within_size(self, work: Coroutine[Any, Any, Json]) -> Json:
        """Does the work, unless too much comes in meanwhile."""
        working, watching = asyncio.create_task(work), asyncio.create_task(self._proxy.overflow.wait())
        try:
            await asyncio.wait({working, watching}, return_when=asyncio.FIRST_COMPLETED)
            if self._proxy.overflow.is_set():
                raise self.failure(f"more than {self._value.max_bytes} bytes came in", Category.RESOURCE)
            return await working
        finally:
            working.cancel()
            watching.cancel()
            await asyncio.gather(working, watching, return_exceptions=True)

    async def of(self, page: Page) -> Json:
        """All of it; raises ``ToolError``."""
        from engine.tools.chromium import Error

        self._end = time.monotonic() + self._value.timeout_seconds
        try:
            response = await page.goto(self._value.url, wait_until=self._value.until, timeout=self._left())
            self._refuse_what_was_blocked()
            for number, step in enumerate(self._value.steps):
                self._at = f"step {number}"
                await self._step(page, step)
                self._context.progress()
            title = clipped(await page.title(), 1_000)
            url, status = page.url, None if response is None else response.status
        except Error as error:
            raise self._explained(error) from None
        output: BrowserOutput = {
            "url": url,
            "status": status,
            "title": title,
            "extracted": self._extracted,
            "files": self._files,
        }
        return dict(output)

    async def _step(self, page: Page, step: Step) -> None:
        left = self._left()
        if step.wait_for is not None:
            await page.locator(step.wait_for).first.wait_for(timeout=left)
        elif step.click is not None:
            await page.locator(step.click).first.click(timeout=left)
        elif step.fill is not None:
            await page.locator(step.fill.selector).first.fill(step.fill.value, timeout=left)
        elif step.extract is not None:
            self._extracted[step.extract.name] = await self._extract(page, step.extract)
        elif step.screenshot is not None:
            await self._file(step.screenshot.name, "image/png", await self._picture(page, step.screenshot))
        elif step.pdf is not None:
            await self._file(step.pdf.name, "application/pdf", await page.pdf())

    async def _extract(self, page: Page, wanted: Extract) -> Json:
        found = page.locator(wanted.selector)
        if not wanted.all:
            await found.first.wait_for(state="attached", timeout=self._left())
        texts: list[str | None] = []
        for element in (await found.all())[: MOST_TEXTS if wanted.all else 1]:
            if wanted.attribute is not None:
                text = await element.get_attribute(wanted.attribute, timeout=self._left())
            else:
                text = await element.inner_text(timeout=self._left())
            texts.append(None if text is None else clipped(text, TEXT_CHARACTERS))
        return texts if wanted.all else texts[0]

    async def _picture(self, page: Page, wanted: Picture) -> bytes:
        if wanted.selector is not None:
            return await page.locator(wanted.selector).first.screenshot(timeout=self._left())
        return await page.screenshot(full_page=wanted.full_page, timeout=self._left())

    async def _file(self, name: str, media_type: str, data: bytes) -> None:
        if len(data) > MAX_FILE_BYTES:
            raise self.failure(f"{name} has more than {MAX_FILE_BYTES} bytes", Category.RESOURCE)
        digest = hashlib.sha256(data).hexdigest()
        await self._keep(self._context.subtask_id, data, digest)
        self._files[name] = {"sha256": digest, "bytes": len(data), "media_type": media_type}

    def _left(self) -> float:
        """Milliseconds."""
        return max(1.0, 1000 * (self._end - time.monotonic()))

    def _refuse_what_was_blocked(self) -> None:
        """The page itself lies where nobody may go; of what it only refers to, that part is missing."""
        parts = urlsplit(self._value.url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        if f"{parts.hostname}:{port}" in self._proxy.refused:
            raise self._blocked(f"{parts.hostname}:{port}")

    def _blocked(self, place: str) -> ToolError:
        hint = f"If it is meant, add {place} to HTTP_ALLOW_PRIVATE."
        return self.failure(f"{place} is a private or local address, which may not be reached", hint=hint)

    def _explained(self, error: Any) -> ToolError:
        """What playwright says, with a category."""
        text = error.message.splitlines()[0][:500]
        if "net::ERR_" in text and self._proxy.refused:
            return self._blocked(self._proxy.refused[-1])
        if "Timeout" in text:
            return self.failure(text, Category.TIMEOUT)
        return self.failure(text, Category.TRANSIENT if "net::ERR_" in text else Category.LOGIC)

    def failure(self, text: str, category: Category = Category.CONFIGURATION, hint: str = "") -> ToolError:
        """An error that says where it happened; what was taken before is kept."""
        taken = {"extracted": self._extracted, "files": self._files}
        kept = taken if self._extracted or self._files else None
        return ToolError(f"{self._at}: {text}", category=category, suggestion=hint, output=kept)
