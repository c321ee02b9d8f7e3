"""The embedded database: one connection that writes, one that reads, each on a thread of its own.

``execute`` holds no GIL while it works, so reads go on beside a turn, and the event loop beside both. Writes pass the
one writing thread in the order they came: a turn goes between the batches of a large load.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import ladybug

from engine.errors import GraphLocked, GraphUnavailable
from graph import catalog
from graph.database import Row

Result = TypeVar("Result")

MIB = 1024 * 1024


class Session:
    """Statements inside one transaction, on the writing thread."""

    def __init__(self, connection: Any, statements: dict[str, catalog.Statement]) -> None:
        self._connection = connection
        self._statements = statements

    def run(self, name: str, /, **params: Any) -> list[dict[str, Any]]:
        """Runs one statement and returns its rows."""
        return self.run_text(self._statements[name].text, params)

    def run_text(self, text: str, params: dict[str, Any]) -> list[dict[str, Any]]:
        """Runs a statement that is not in the catalogue: transaction control and schema."""
        try:
            result = self._connection.execute(text, params)
        except RuntimeError as error:
            raise _translated(error) from error
        names = result.get_column_names()
        rows = [dict(zip(names, values, strict=True)) for values in result.get_all()]
        result.close()
        return rows


class LadybugDatabase:
    """Statements of the catalogue on one embedded database file."""

    def __init__(self, path: Path, buffer_mb: int, names: frozenset[str]) -> None:
        self.path = path
        self._buffer_bytes = buffer_mb * MIB
        self._statements = catalog.require("ladybug", names)
        self._database: Any = None
        self._writer: Session | None = None
        self._reader: Session | None = None
        self._write_thread = ThreadPoolExecutor(1, "graph-write")
        self._read_thread = ThreadPoolExecutor(1, "graph-read")

    async def open(self) -> None:
        """Opens or creates the file; raises ``GraphLocked`` when another process writes it."""
        await asyncio.get_running_loop().run_in_executor(self._write_thread, self._open)

    def _open(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._database = ladybug.Database(str(self.path), buffer_pool_size=self._buffer_bytes, max_num_threads=2)
            self._writer = Session(ladybug.Connection(self._database), self._statements)
            self._reader = Session(ladybug.Connection(self._database), self._statements)
        except RuntimeError as error:
            raise _opening(self.path, error) from error

    async def close(self) -> None:
        """Closes the file; what was committed is on disk already."""
        await asyncio.get_running_loop().run_in_executor(self._write_thread, self._close)
        self._write_thread.shutdown()
        self._read_thread.shutdown()

    def _close(self) -> None:
        self._writer = self._reader = None
        if self._database is not None:
            self._database.close()
            self._database = None

    async def read(self, name: str, /, **params: Any) -> list[Row]:
        """Runs a statement that changes nothing."""
        reader = self._reader
        if reader is None:
            raise GraphUnavailable("the embedded graph is not open: call open() first")
        return await asyncio.get_running_loop().run_in_executor(
            self._read_thread, lambda: list(reader.run(name, **params))
        )

    async def write(self, name: str, /, **params: Any) -> list[Row]:
        """Runs a statement in a transaction of its own and waits for its commit."""
        return await self._on_writer(lambda session: list(session.run(name, **params)))

    async def transaction(self, work: Callable[[Session], Result]) -> Result:
        """Runs ``work`` in one transaction on the writing thread; any exception rolls it back."""

        def run(session: Session) -> Result:
            session.run_text("BEGIN TRANSACTION", {})
            try:
                outcome = work(session)
            except BaseException:
                # After an error of its own the database has rolled back already, and says so.
                with contextlib.suppress(Exception):
                    session.run_text("ROLLBACK", {})
                raise
            session.run_text("COMMIT", {})
            return outcome

        return await self._on_writer(run)

    async def apply(self, text: str) -> None:
        """Runs a schema statement."""
        await self._on_writer(lambda session: session.run_text(text, {}))

    async def copy(self, name: str, folder: Path, file: str, lines: str) -> None:
        """Writes ``lines`` to ``folder/file`` and runs the ``COPY`` statement that reads it from there."""

        def run(session: Session) -> None:
            folder.mkdir(parents=True, exist_ok=True)
            target = folder / file
            target.write_text(lines, "utf-8")
            try:
                place = str(folder).replace("'", "\\'")
                session.run_text(f"CALL file_search_path='{place}'", {})
                session.run(name)
            finally:
                target.unlink(missing_ok=True)

        await self._on_writer(run)

    async def _on_writer(self, work: Callable[[Session], Result]) -> Result:
        writer = self._writer
        if writer is None:
            raise GraphUnavailable("the embedded graph is not open: call open() first")
        return await asyncio.get_running_loop().run_in_executor(self._write_thread, work, writer)


def _opening(path: Path, error: RuntimeError) -> Exception:
    if "lock" in str(error).lower():
        pid = re.search(r"(?i)pid[^0-9]*([0-9]+)", str(error))
        holder = f"process {pid.group(1)}" if pid else "another process"
        return GraphLocked(
            f"the embedded graph {path} is held by {holder}: stop it, hand the task to it with `agent03 submit`, "
            "or use another DATA_PATH"
        )
    return GraphUnavailable(f"the embedded graph {path} cannot be opened: {error}")


def _translated(error: RuntimeError) -> Exception:
    if re.search(r"(?i)\b(io|no space|disk|buffer manager)\b", str(error)):
        return GraphUnavailable(f"the embedded graph cannot write: {error}; free some space and try again")
    return error
