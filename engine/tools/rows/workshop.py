"""Where a stage does its work: a database and a folder of its own, in a thread, gone afterwards.

Cancelling the stage interrupts the running query and ends the thread.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TypeVar

from engine.errors import Category, ToolError
from engine.model import Json
from engine.tools.roots import Roots
from engine.tools.rows.database import Database
from engine.tools.rows.faults import QueryFault, wrong
from engine.tools.rows.formats import parse
from engine.tools.rows.opening import Opened, opened
from engine.tools.rows.raw import load_raw
from engine.tools.rows.source import Origin
from engine.tools.rows.table import Table
from engine.tools.rows.typed import Findings, typed_rows
from engine.tools.rows.web import Web
from engine.tools.threads import in_thread, to_the_end

T = TypeVar("T")
_AGAIN_SECONDS = 0.05
"""Between two interrupts: one that falls between two statements stops neither."""


class Desk:
    """What the work of one stage uses. Made and used in its thread."""

    def __init__(self, roots: Roots, folder: Path, downloads: Mapping[str, bytes]) -> None:
        self.roots, self.folder = roots, folder
        self._downloads = downloads
        self._database: Database | None = None
        self._stopped = False

    @property
    def database(self) -> Database:
        """Opened when it is first asked for: work on text needs none."""
        if self._database is None:
            self._database = Database(self.folder)
            if self._stopped:
                self._database.interrupt()
        return self._database

    def format(self, source: Origin) -> str:
        """The format of a source, given or guessed."""
        with self._opened(source) as found:
            return found.format

    def text(self, source: Origin) -> str:
        """All of a source as it is written."""
        with self._opened(source) as found:
            if found.location is None:
                raise wrong(f"{found.label}: it holds values, not text", "Give text, or a stage that takes rows.")
            return found.text()

    def value(self, source: Origin) -> tuple[Json, str]:
        """A source that is not made of rows as one value, and its format."""
        with self._opened(source) as found:
            if found.location is None:
                return found.value, found.format
            if found.format == "text":
                return found.text(), "text"
            return parse(found.text(), found.format, found.label)[0], found.format

    def _opened(self, source: Origin) -> AbstractContextManager[Opened]:
        return opened(source, self.roots, self.folder, self._downloads.get(source.url or ""))

    def load(
        self,
        source: Origin,
        name: str = "given",
        *,
        majority: bool = False,
        fixed: Mapping[str, str] | None = None,
        complete: bool = False,
    ) -> tuple[Table, Findings]:
        """The rows of a source as a table; see ``typed_rows``."""
        with self._opened(source) as found:
            raw = load_raw(self.database, found, source, f"{name}_raw")
        return typed_rows(raw, name, majority=majority, fixed=fixed, complete=complete)

    def interrupt(self) -> None:
        """Stops the query that runs, and every later one. Called from another thread."""
        self._stopped = True
        if self._database is not None:
            self._database.interrupt()

    def close(self) -> None:
        """Lets go of the database."""
        if self._database is not None:
            self._database.close()


class Workshop:
    """Gives each stage its desk.

    Args:
        roots: where files may be.
        web: for the sources that are URLs.
        grace: seconds that a cancelled stage gets to end.
    """

    def __init__(self, roots: Roots, web: Web, grace: float) -> None:
        self.roots, self._web, self._grace = roots, web, grace

    async def work(self, sources: Sequence[Origin], function: Callable[[Desk], T]) -> T:
        """Downloads what is behind URLs, runs ``function`` in a thread and returns what it returns."""
        urls = dict.fromkeys(source.url for source in sources if source.url is not None)
        downloads = {url: await self._web.get(url) for url in urls}
        folder = Path(tempfile.mkdtemp(prefix="rows-"))
        try:
            return await self._interruptible(Desk(self.roots, folder, downloads), function)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    async def _interruptible(self, desk: Desk, function: Callable[[Desk], T]) -> T:
        running = asyncio.ensure_future(in_thread(lambda: _done(desk, function), grace=self._grace, interrupt=True))
        try:
            return await asyncio.shield(running)
        except asyncio.CancelledError:
            running.cancel()
            await to_the_end(_interrupting(desk, running))
            raise

    async def close(self) -> None:
        """Closes the connections to the web."""
        await self._web.close()


def _done(desk: Desk, function: Callable[[Desk], T]) -> T:
    try:
        return function(desk)
    except QueryFault as fault:
        raise ToolError(f"the rows cannot be worked on: {fault}", category=_CATEGORIES.get(fault.kind)) from None
    finally:
        desk.close()


_CATEGORIES = {"memory": Category.RESOURCE, "interrupted": Category.CANCELLED, "file": Category.TRANSIENT}


async def _interrupting(desk: Desk, running: asyncio.Future[T]) -> None:
    while not running.done():
        desk.interrupt()
        await asyncio.wait([running], timeout=_AGAIN_SECONDS)
    if not running.cancelled():
        running.exception()
