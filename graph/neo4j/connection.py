"""The driver: named statements over Bolt, and the driver's errors as ours.

Every statement is one auto-commit transaction, one round trip. A write is never repeated here: after a lost
connection its outcome is unclear, and only the caller knows how to find out. Only errors by which the server says that
it did nothing (a deadlock, a lock that was not to be had) are repeated, with short full-jitter pauses.
"""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import Mapping
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

from neo4j import READ_ACCESS, WRITE_ACCESS, AsyncDriver, AsyncGraphDatabase, NotificationMinimumSeverity
from neo4j.exceptions import (
    AuthError,
    ClientError,
    ConfigurationError,
    ConstraintError,
    DriverError,
    Neo4jError,
    TransientError,
)

from engine.errors import AlreadyStored, Fault, GraphRefused, GraphUnavailable, InvalidInput, TooCostly
from engine.model import Json
from engine.queries.asking import Bounds, Gathering, Table
from graph import catalog
from graph.database import Row
from graph.neo4j.values import plain

LATE_SECONDS = 2.0
"""So much later than its time limit a query is given up that the server has not ended."""
TOO_LONG = "the query did not end within {seconds:g} s; narrow it with a label, an id or a LIMIT"
OLDEST = (5, 26)
"""The first version that has every form of the statements; later ones count by years."""
_VERSION = re.compile(r"Neo4j/([0-9]{1,4})\.([0-9]{1,4})")
REPEATS = 8
"""How often a statement that the server refused without effect is sent again."""


class Neo4jDatabase:
    """Statements of the catalogue on one Neo4j database."""

    def __init__(self, url: str, login: tuple[str, str], names: frozenset[str]) -> None:
        self._url = url
        self._login = login
        self._statements = catalog.require("neo4j", names)
        self._driver: AsyncDriver | None = None
        self._random = random.Random()

    async def open(self, timeout_seconds: float) -> None:
        """Connects; raises ``GraphUnavailable`` or ``GraphRefused`` with what to do next."""
        not_bolt = GraphRefused(f"NEO4J_URL {self._url!r} is not a Bolt address: write bolt://host:port")
        if urlsplit(self._url).scheme.partition("+")[0] not in ("bolt", "neo4j"):
            raise not_bolt
        try:
            self._driver = AsyncGraphDatabase.driver(
                self._url,
                auth=self._login,
                telemetry_disabled=True,
                notifications_min_severity=NotificationMinimumSeverity.OFF,
                connection_acquisition_timeout=timeout_seconds,
                connection_timeout=min(timeout_seconds, 5.0),
            )
        except (ConfigurationError, ValueError) as error:
            raise not_bolt from error
        deadline = asyncio.get_running_loop().time() + timeout_seconds
        while True:
            try:
                await self.ping()
                return
            except GraphRefused:
                await self.close()
                raise
            except GraphUnavailable as error:
                if asyncio.get_running_loop().time() >= deadline:
                    await self.close()
                    raise GraphUnavailable(
                        f"no Neo4j answers at {self._url} (tried for {timeout_seconds:g} s): start it "
                        "(`agent03 neo4j start` or the compose file), correct NEO4J_URL, "
                        "or leave NEO4J_URL empty for the embedded graph"
                    ) from error
                await asyncio.sleep(0.25)

    async def close(self) -> None:
        """Lets go of every connection."""
        if self._driver is not None:
            await self._driver.close()

    async def ping(self) -> None:
        """One empty query; raises when the database does not answer, or is older than what the statements need."""
        async with _Translated(self._url), self._session(READ_ACCESS) as session:
            summary = await (await session.run("RETURN 1")).consume()
        refuse_old(summary.server.agent, self._url)

    async def read(self, name: str, /, **params: Any) -> list[Row]:
        """Runs a statement that changes nothing.

        A node that is being written at this moment can be seen without a property that it never lacks: the server
        isolates commits from each other, not the records that one of them puts down. It is then read again.
        """
        for repeat in range(REPEATS):
            rows = await self._run(READ_ACCESS, self._statements[name].text, params)
            if not _torn(rows):
                return rows
            await asyncio.sleep(self._pause(repeat))
        raise GraphUnavailable(f"{name} sees a status that is missing, again and again: run `agent03 doctor`")

    async def write(self, name: str, /, **params: Any) -> list[Row]:
        """Runs a statement in a transaction of its own and waits for its commit."""
        return await self._run(WRITE_ACCESS, self._statements[name].text, params)

    async def ask(self, text: str, parameters: Mapping[str, Json], bounds: Bounds) -> Table:
        """Runs a query of a person's in a transaction that only reads and ends by itself; see ``Asker.ask``."""
        async with _Translated(self._url), self._session(READ_ACCESS) as session:
            try:
                async with (
                    asyncio.timeout(bounds.seconds + LATE_SECONDS),
                    await session.begin_transaction(timeout=bounds.seconds) as transaction,
                ):
                    result = await transaction.run(text, dict(parameters))
                    gathering = Gathering(result.keys(), bounds)
                    async for record in result:
                        if not gathering.add([plain(value) for value in record.values()]):
                            break
                    return gathering.table()
            except TimeoutError:
                raise TooCostly(TOO_LONG.format(seconds=bounds.seconds)) from None
            except (ClientError, TransientError) as error:
                raise _meant(error, bounds) from error

    async def apply(self, text: str) -> None:
        """Runs a schema statement. What another engine applies at this moment counts as applied."""
        try:
            await self._run(WRITE_ACCESS, text, {})
        except ClientError as error:
            if not (error.code or "").endswith("AlreadyExists"):
                raise

    def _pause(self, repeat: int) -> float:
        return self._random.uniform(0, min(0.1, 0.005 * 2**repeat))

    async def _run(self, mode: str, text: str, params: dict[str, Any]) -> list[Row]:
        for repeat in range(REPEATS + 1):
            try:
                async with _Translated(self._url), self._session(mode) as session:
                    result = await session.run(text, params)
                    return [dict(record.items()) async for record in result]
            except _Repeatable:
                if repeat == REPEATS:
                    raise
                await asyncio.sleep(self._pause(repeat))
        raise AssertionError("unreachable")

    def _session(self, mode: str) -> Any:
        if self._driver is None:
            raise GraphUnavailable("the graph is not open: call open() first")
        return self._driver.session(default_access_mode=mode)


def refuse_old(agent: str, url: str) -> None:
    """Raises ``GraphRefused`` where a server names itself as a Neo4j that is too old; any other name passes."""
    found = _VERSION.match(agent)
    if found and (int(found[1]), int(found[2])) < OLDEST:
        needed = ".".join(map(str, OLDEST))
        raise GraphRefused(
            f"Neo4j at {url} is version {found[1]}.{found[2]}: this engine needs {needed} or a later one"
        )


def _torn(rows: list[Row]) -> bool:
    """Whether a row lacks its status, which every node that has one always has."""
    return bool(rows) and "status" in rows[0] and any(row["status"] is None for row in rows)


def _meant(error: Neo4jError, bounds: Bounds) -> Exception:
    """What the server says about a query of a person's."""
    code = error.code or ""
    if "TimedOut" in code or "Terminated" in code:
        return TooCostly(TOO_LONG.format(seconds=bounds.seconds))
    if "Memory" in code:
        return TooCostly("the query takes more memory than the server gives it; narrow it, or aggregate less")
    said = (error.message or code).strip().splitlines()[0][:500]
    return InvalidInput([Fault("/cypher", f"the database says: {said}")])


VANISHED = "Neo.ClientError.Statement.EntityNotFound"
"""What was matched was removed by another transaction before this one could lock it."""


class _Repeatable(GraphUnavailable):
    """The server refused without effect; it may be sent again."""


class _Translated:
    """Turns the driver's errors into ours."""

    def __init__(self, url: str) -> None:
        self._url = url

    async def __aenter__(self) -> None:
        return None

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, AuthError):
            raise GraphRefused(f"Neo4j at {self._url} refused the login: correct NEO4J_AUTH (user/password)") from error
        if isinstance(error, TransientError) or (isinstance(error, ClientError) and error.code == VANISHED):
            raise _Repeatable(f"Neo4j at {self._url}: {error.message}") from error
        if isinstance(error, ConstraintError):
            raise AlreadyStored(f"{error.message}; nothing was written") from error
        if isinstance(error, ClientError) and not error.is_retryable():
            return
        if isinstance(error, (Neo4jError, DriverError, OSError)):
            raise GraphUnavailable(f"Neo4j at {self._url} does not answer: {error}") from error
