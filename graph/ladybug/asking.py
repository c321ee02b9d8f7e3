"""Queries of people on the embedded graph: on a connection and a thread of their own, one at a time, watched.

The database runs inside the engine's process and its memory is the turn's too. So a query that takes a quarter of it,
or too long, is interrupted from beside, because the database's own time limit does not hold everywhere; and a
checkpoint that cannot wait interrupts it as well.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from engine.errors import Fault, InvalidInput, TooCostly
from engine.model import Json
from engine.queries.asking import Bounds, Gathering, Table
from graph.ladybug.values import plain

LOOK_SECONDS = 0.01
"""Between two looks at a running query: in that time one takes up to 8 MiB."""
SHARE = 4
"""A query may take a quarter of the pool."""
DEEPEST = 10_000
"""Steps of a path of variable length; without it 30."""
UNSAFE_FUNCTIONS = frozenset({"LPAD", "RANGE", "REGEXP_REPLACE", "REPEAT", "REPLACE", "RPAD"})
"""A number, or what they are put together from, makes them take any amount of memory, and nothing interrupts them."""
TOO_LONG = "the query did not end within {seconds:g} s; narrow it with a label, an id or a LIMIT"
TOO_LARGE = "the query takes more memory than the engine can spare; narrow it, or aggregate less"
STANDING_BY = "the engine needed the memory at that moment; send the query again, or narrow it"


class Queries:
    """The place where one query runs. ``connect`` opens a connection, ``used`` says what the pool holds."""

    def __init__(self, connect: Callable[[], Any], used: Callable[[Any], int], pool_bytes: int) -> None:
        self._connect = connect
        self._used = used
        self.pool_bytes = pool_bytes
        self._place = threading.Lock()
        """Held while a query runs, and by whoever must be alone with the database."""
        self._connection: Any = None
        self._reason = ""
        self._thread = ThreadPoolExecutor(1, "graph-ask")

    @property
    def thread(self) -> ThreadPoolExecutor:
        """Where queries run."""
        return self._thread

    def run(self, text: str, parameters: Mapping[str, Json], bounds: Bounds) -> Table:
        """Runs a query in a transaction that only reads; raises ``InvalidInput`` and ``TooCostly``."""
        with self._place:
            self._reason = ""
            connection = self._connect()
            self._connection = connection
            try:
                with self._watched(connection, bounds):
                    return self._asked(connection, text, parameters, bounds)
            finally:
                self._connection = None
                connection.close()

    def _asked(self, connection: Any, text: str, parameters: Mapping[str, Json], bounds: Bounds) -> Table:
        try:
            connection.set_max_threads_for_exec(1)
            connection.set_query_timeout(round(1000 * bounds.seconds))
            connection.execute(f"CALL var_length_extend_max_depth={DEEPEST}")
            connection.execute("BEGIN TRANSACTION READ ONLY")
            result = connection.execute(text, dict(parameters))
            gathering = Gathering(result.get_column_names(), bounds)
            while (
                result.has_next() and not self._reason and gathering.add([plain(value) for value in result.get_next()])
            ):
                pass
            result.close()
        except (RuntimeError, ValueError, TypeError, OverflowError, MemoryError) as error:
            raise self._meant(error, bounds) from error
        if self._reason:
            raise TooCostly(self._reason)
        return gathering.table()

    def _meant(self, error: Exception, bounds: Bounds) -> Exception:
        if self._reason:
            return TooCostly(self._reason)
        said = str(error).strip() or type(error).__name__
        if "Interrupted" in said:
            return TooCostly(TOO_LONG.format(seconds=bounds.seconds))
        if "Buffer manager" in said or isinstance(error, MemoryError):
            return TooCostly(TOO_LARGE)
        return InvalidInput([Fault("/cypher", f"the database says: {said.splitlines()[0][:500]}")])

    @contextlib.contextmanager
    def _watched(self, connection: Any, bounds: Bounds) -> Iterator[None]:
        """Interrupts the query when it takes too much or too long."""
        done = threading.Event()
        watcher = threading.Thread(target=self._watch, args=(connection, bounds, done), name="graph-watch")
        watcher.start()
        try:
            yield
        finally:
            done.set()
            watcher.join()

    def _watch(self, connection: Any, bounds: Bounds, done: threading.Event) -> None:
        end = time.monotonic() + bounds.seconds
        own = self._connect()
        try:
            before = self._used(own)
            while not done.wait(LOOK_SECONDS):
                if time.monotonic() > end:
                    self._interrupt(connection, TOO_LONG.format(seconds=bounds.seconds))
                elif self._used(own) - before > self.pool_bytes // SHARE:
                    self._interrupt(connection, TOO_LARGE)
        finally:
            own.close()

    def _interrupt(self, connection: Any, reason: str) -> None:
        self._reason = self._reason or reason
        connection.interrupt()

    def stand_aside(self, patience: float) -> bool:
        """Keeps queries out until ``go_on``; False when one runs longer than ``patience`` (seconds; -1: it is
        interrupted).
        """
        if patience >= 0:
            return self._place.acquire(timeout=patience)
        while not self._place.acquire(timeout=LOOK_SECONDS):
            connection = self._connection
            if connection is not None:
                with contextlib.suppress(RuntimeError):  # it has just ended
                    self._interrupt(connection, STANDING_BY)
        return True

    def go_on(self) -> None:
        """Lets queries in again."""
        self._place.release()
