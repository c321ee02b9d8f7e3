"""The embedded database: one connection that writes, one that reads, each on a thread of its own; what people ask has
a third one (``graph.ladybug.asking``).

``execute`` holds no GIL while it works, so reads go on beside a turn, and the event loop beside both. Writes pass the
one writing thread in the order they came: a turn goes between the batches of a large load.

Checkpoints are made here, between two transactions, not by the database inside a commit: there a checkpoint that fails
makes a commit fail that has happened. One that fails leaves indexes in memory that the file does not bear out, and the
next one would read beyond their end, which ends the process (LadybugDB 0.18 to 0.22). So after one that failed the file
is opened anew, from its log, and where the pool was too small, with a larger one.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import ladybug
import structlog

from engine.errors import GraphUnavailable
from engine.model import Json
from engine.queries.asking import Bounds, Table
from graph import catalog
from graph.database import Row
from graph.ladybug import faults
from graph.ladybug.asking import Queries
from graph.ladybug.faults import IndexSpoilt, PoolFull
from graph.ladybug.file import DatabaseFile
from graph.ladybug.upkeep import Upkeep

_log = structlog.get_logger("graph")
Result = TypeVar("Result")

READER_SECONDS = 0.05
"""How long a checkpoint that can be put off waits for a read to end."""
POOL = "CALL bm_info() RETURN *"


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
            raise faults.translated(error) from error
        names = result.get_column_names()
        rows = [dict(zip(names, values, strict=True)) for values in result.get_all()]
        result.close()
        return rows


class LadybugDatabase:
    """Statements of the catalogue on one embedded database file."""

    def __init__(self, path: Path, buffer_mb: int, names: frozenset[str]) -> None:
        self.path = path
        self._file = DatabaseFile(path, buffer_mb)
        self._statements = catalog.require("ladybug", names)
        self._upkeep = Upkeep(self._file.buffer_bytes)
        self._database: Any = None
        self._writer: Session | None = None
        self._reader: Session | None = None
        self._write_thread = ThreadPoolExecutor(1, "graph-write")
        self._read_thread = ThreadPoolExecutor(1, "graph-read")
        self._reading = threading.Lock()
        self._queries = Queries(self._another, _pool_bytes, self._file.buffer_bytes)
        self._lost = False
        """The file was closed after a checkpoint that failed, and could not be opened anew yet."""
        self._torn = False
        """A commit has failed: the log may end in the middle of it, and whatever follows there would be lost."""

    # --- opening and closing --------------------------------------------------------------------------------------

    async def open(self) -> None:
        """Opens or creates the file; raises ``GraphLocked`` when another process writes it, ``SettingsError`` where its
        folder cannot be used.
        """
        await asyncio.get_running_loop().run_in_executor(self._write_thread, self._open)

    def _open(self) -> None:
        self._database = self._file.open()
        self._lost = False
        self._writer = Session(ladybug.Connection(self._database), self._statements)
        self._reader = Session(ladybug.Connection(self._database), self._statements)
        # A checkpoint that fails while the file is closed may end the process: see ``_last_checkpoint``.
        self._writer.run_text("CALL force_checkpoint_on_close=false", {})
        self._queries.pool_bytes = self._file.buffer_bytes
        self._upkeep = Upkeep(self._file.buffer_bytes)
        self._upkeep.begin(self._used())

    async def close(self) -> None:
        """Closes the file; what was committed is on disk already."""
        await asyncio.get_running_loop().run_in_executor(self._write_thread, self._close)
        self._write_thread.shutdown()
        self._read_thread.shutdown()
        self._queries.thread.shutdown()

    def _close(self) -> None:
        if self._writer is not None:
            self._last_checkpoint()
        with self._alone():
            if self._database is not None:
                self._database.close()
            self._writer = self._reader = self._database = None

    def _last_checkpoint(self) -> None:
        try:
            faults.require_room(self.path.parent)
            self._checkpoint(patience=-1)
        except Exception as error:
            _log.warning("the embedded graph is closed with its log; the next start reads it", reason=str(error))

    # --- statements -----------------------------------------------------------------------------------------------

    async def ping(self) -> None:
        """Raises ``GraphUnavailable`` when the graph cannot be read, or must not be written."""
        faults.require_room(self.path.parent)
        if self._lost:
            await self._on_writer(self._find_again)
        await self.read("schema/read")

    async def read(self, name: str, /, **params: Any) -> list[Row]:
        """Runs a statement that changes nothing."""
        _opened(self._reader)

        def run() -> list[Row]:
            with self._reading:
                return list(_opened(self._reader).run(name, **params))

        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._read_thread, run)
        except (PoolFull, IndexSpoilt):
            await self._on_writer(lambda: self._checkpoint(patience=-1, spoilt=True))
            return await loop.run_in_executor(self._read_thread, run)

    async def ask(self, text: str, parameters: Mapping[str, Json], bounds: Bounds) -> Table:
        """Runs a query of a person's beside everything else; see ``Asker.ask``."""
        _opened(self._reader)
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._queries.thread, self._queries.run, text, parameters, bounds)

    def _another(self) -> Any:
        """A connection more."""
        _opened(self._reader)
        return ladybug.Connection(self._database)

    async def write(self, name: str, /, **params: Any) -> list[Row]:
        """Runs a statement in a transaction of its own and waits for its commit."""
        return await self.transaction(lambda session: list(session.run(name, **params)))

    async def transaction(self, work: Callable[[Session], Result], *, repeat: bool = True) -> Result:
        """Runs ``work`` in one transaction on the writing thread; any exception rolls it back.

        Args:
            work: gets the session that it has to use.
            repeat: whether ``work`` may be called once more, when there was memory for it only after a checkpoint.
        """

        def run() -> Result:
            try:
                return self._transact(work)
            except (PoolFull, IndexSpoilt) as error:
                _log.info("the embedded graph makes room in memory", reason=str(error))
                self._checkpoint(patience=-1, spoilt=True)
                if not repeat:
                    raise
            return self._transact(work)

        return await self._on_writer(run)

    def _transact(self, work: Callable[[Session], Result]) -> Result:
        session = self._writable()
        session.run_text("BEGIN TRANSACTION", {})
        try:
            outcome = work(session)
        except BaseException:
            _roll_back(session)
            raise
        try:
            session.run_text("COMMIT", {})
        except BaseException:
            _roll_back(session)
            self._torn = True
            faults.require_room(self.path.parent)  # a disk that has just run full is told as such
            raise
        self._after_commit()
        return outcome

    async def apply(self, text: str) -> None:
        """Runs a schema statement."""
        await self._on_writer(lambda: self._writable().run_text(text, {}))

    async def copy(self, name: str, folder: Path, file: str, lines: str) -> None:
        """Writes ``lines`` to ``folder/file`` and runs the ``COPY`` statement that reads it from there."""
        target = folder / file

        def find() -> None:
            place = str(folder).replace("'", "\\'")
            self._writable().run_text(f"CALL file_search_path='{place}'", {})

        try:
            await asyncio.to_thread(_write, target, lines)
            await self._on_writer(find)
            await self.write(name)
        finally:
            target.unlink(missing_ok=True)

    async def _on_writer(self, work: Callable[[], Result]) -> Result:
        if not self._lost:
            _opened(self._writer)
        return await asyncio.get_running_loop().run_in_executor(self._write_thread, work)

    def _writable(self) -> Session:
        """The writing session; raises ``GraphUnavailable`` when nothing may be written now."""
        faults.require_room(self.path.parent)
        self._find_again()
        if self._torn:
            self._checkpoint(patience=-1)
        return _opened(self._writer)

    # --- checkpoints ----------------------------------------------------------------------------------------------

    def _after_commit(self) -> None:
        """Makes a checkpoint when one is due; that it fails is no reason to call the transaction failed."""
        if not self._upkeep.wrote():
            return
        try:
            used, log = self._used(), self._file.log_bytes()
            if self._upkeep.due(used, log, time.monotonic()):
                self._checkpoint(patience=-1 if self._upkeep.pressing(used, log) else READER_SECONDS)
        except Exception as error:
            _log.warning("no checkpoint of the embedded graph", reason=str(error))

    def _checkpoint(self, patience: float, *, spoilt: bool = False) -> None:
        """Moves everything from memory and log into the data file, unless a read lasts longer than ``patience``
        (seconds; -1 waits for its end): the database would give up after some seconds, and let no other read begin.
        ``spoilt``: something that failed for want of memory has left a full pool, and indexes that must not be written.
        """
        with self._alone(patience) as alone:
            if alone:
                self._move(spoilt)

    def _move(self, spoilt: bool) -> None:
        """Makes a checkpoint while nobody reads, in a larger pool if need be; ``spoilt`` opens the file anew before."""
        if spoilt:
            self._open_anew()
        while True:
            began = time.monotonic()
            try:
                _opened(self._writer).run_text("CHECKPOINT", {})
                break
            except Exception as error:
                again = isinstance(error, PoolFull) and self._file.enlarge()
                _log.warning("the embedded graph is opened anew after a checkpoint that failed", reason=str(error))
                self._open_anew()
                if not again:
                    raise
        self._torn = False
        _give_back()
        now = time.monotonic()
        self._upkeep.begin(self._used(), now, now - began)

    def _open_anew(self) -> None:
        """Closes the file and opens it from its log, while nobody reads; raises as ``open`` does."""
        try:
            self._database.close()
            self._open()
        except BaseException:
            self._lost, self._database, self._writer, self._reader = True, None, None, None
            raise

    def _find_again(self) -> None:
        """Opens the file that could not be opened anew before."""
        if self._lost:
            with self._alone():
                self._open()

    @contextlib.contextmanager
    def _alone(self, patience: float = -1) -> Iterator[bool]:
        """Whether nobody reads from here on, which ``patience`` waits for: seconds, -1 for ever."""
        if not self._reading.acquire(timeout=patience):
            yield False
            return
        try:
            if not self._queries.stand_aside(patience):
                yield False
                return
            try:
                yield True
            finally:
                self._queries.go_on()
        finally:
            self._reading.release()

    def _used(self) -> int:
        try:
            return int(_opened(self._writer).run_text(POOL, {})[0]["mem_usage"])
        except PoolFull:
            return self._file.buffer_bytes


def _give_back() -> None:
    """Hands freed memory back to the system: by itself glibc keeps what lies between pieces that are in use."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def _opened(session: Session | None) -> Session:
    if session is None:
        raise GraphUnavailable("the embedded graph is not open: call open() first")
    return session


def _pool_bytes(connection: Any) -> int:
    """What the pool holds; more than it can where it has no room for the answer."""
    try:
        result = connection.execute(POOL)
    except RuntimeError:
        return sys.maxsize
    used = dict(zip(result.get_column_names(), result.get_next(), strict=True))["mem_usage"]
    result.close()
    return int(used)


def _roll_back(session: Session) -> None:
    # After an error of its own the database has rolled back already, and says so.
    with contextlib.suppress(Exception):
        session.run_text("ROLLBACK", {})


def _write(target: Path, lines: str) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(lines, "utf-8")
