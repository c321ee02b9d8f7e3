"""A private DuckDB in memory for one subtask. The only file that knows duckdb.

Data is loaded first; ``lock`` then takes away files, extensions, network and settings, and only after it do a caller's
expressions run. What does not fit into the memory limit goes to the folder of the database, which its owner removes.
duckdb is imported with the first database: an engine without such subtasks should not wait for it.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from engine.tools.rows.faults import QueryFault

MEMORY_LIMIT = "1GB"
THREADS = 2
BATCH_ROWS = 10_000
"""Rows that are turned into Python values at a time; between batches a cancellation is seen."""


class Database:
    """One connection, used by one thread; ``interrupt`` may come from another.

    Args:
        folder: for what does not fit into memory; it must exist.
    """

    def __init__(self, folder: Path, memory_limit: str = MEMORY_LIMIT) -> None:
        import duckdb

        self.folder = folder
        self._stopped = False
        self._connection = duckdb.connect(
            ":memory:",
            config={
                "threads": THREADS,
                "memory_limit": memory_limit,
                "temp_directory": str(folder / "spill"),
                "python_enable_replacements": False,
                "autoinstall_known_extensions": False,
                "autoload_known_extensions": False,
            },
        )
        self.run("SET enable_progress_bar = false")  # it would be drawn on stdout

    def lock(self) -> None:
        """No files, no network, no extensions, no settings from here on."""
        self.run("SET enable_external_access = false")
        self.run("SET lock_configuration = true")

    def run(self, sql: str, parameters: Sequence[object] = ()) -> None:
        """Runs one statement; raises ``QueryFault``."""
        self._execute(sql, parameters)

    def rows(self, sql: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """All rows of a query; for answers that are known to be small."""
        found: list[tuple[Any, ...]] = self._fetched(self._execute(sql, parameters).fetchall)
        return found

    def row(self, sql: str, parameters: Sequence[object] = ()) -> tuple[Any, ...]:
        """The first row of a query that has one."""
        return self.rows(sql, parameters)[0]

    def batches(self, sql: str) -> Iterator[list[tuple[Any, ...]]]:
        """The rows of a query, ``BATCH_ROWS`` at a time. No other statement may run meanwhile."""
        result = self._execute(sql)
        while batch := self._fetched(lambda: result.fetchmany(BATCH_ROWS)):
            self._look()
            yield batch

    def types(self, sql: str) -> list[tuple[str, str]]:
        """(column, type) of a query that is bound but not run."""
        return [(str(name), str(kind)) for name, kind, *_ in self.rows(f"DESCRIBE {sql}")]

    def interrupt(self) -> None:
        """Stops the running statement and every later one; nothing where it is closed already."""
        import duckdb

        self._stopped = True
        with suppress(duckdb.ConnectionException):
            self._connection.interrupt()

    def close(self) -> None:
        """Lets go of memory and temporary files."""
        self._connection.close()

    def _execute(self, sql: str, parameters: Sequence[object] = ()) -> Any:
        import duckdb

        self._look()
        try:
            return self._connection.execute(sql, parameters or None)
        except duckdb.Error as error:
            raise _fault(error) from None

    def _fetched(self, fetch: Any) -> Any:
        import duckdb

        try:
            return fetch()
        except duckdb.Error as error:
            raise _fault(error) from None

    def _look(self) -> None:
        if self._stopped:
            raise QueryFault("it was stopped", "interrupted")


def parsed(sql: str) -> dict[str, Any]:
    """DuckDB's own reading of a text: {"error": false, "statements": [...]} or {"error": true, "error_message"}.

    Only SELECT statements have one. Nothing is run and no name is looked up.
    """
    with _PARSER_LOCK:
        (text,) = _parser().execute("SELECT json_serialize_sql($1::VARCHAR)", [sql]).fetchone()
    found = msgspec.json.decode(text)
    return found if isinstance(found, dict) else {}


def pattern_fault(pattern: str) -> str | None:
    """What is wrong with a regular expression (RE2: linear in the text, whatever the pattern); None when nothing is."""
    import duckdb

    with _PARSER_LOCK:
        try:
            _parser().execute("SELECT regexp_matches('', $1::VARCHAR)", [pattern]).fetchone()
        except duckdb.Error as error:
            return str(error).partition(": ")[2].partition("\n")[0] or str(error)
    return None


_PARSER_LOCK = threading.Lock()


@cache
def _parser() -> Any:
    import duckdb

    return duckdb.connect(":memory:", config={"threads": 1, "python_enable_replacements": False})


def _fault(error: Exception) -> QueryFault:
    """Which of the cases that we tell apart it is."""
    import duckdb

    kinds: list[tuple[type[Exception], str]] = [
        (duckdb.InterruptException, "interrupted"),
        (duckdb.OutOfMemoryException, "memory"),
        (duckdb.PermissionException, "forbidden"),
        (duckdb.IOException, "file"),
    ]
    kind = next((name for cls, name in kinds if isinstance(error, cls)), "query")
    return QueryFault(str(error), kind)
