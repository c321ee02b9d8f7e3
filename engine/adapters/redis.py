"""Redis: a real server at REDIS_URL, or a stand-in inside this process with the same client API.

Correctness never depends on it: opening does not need the server, ``health`` tells and never raises, and whoever uses
``client`` treats its errors as a cache miss. The pool blocks when all connections are busy (the library's default
refuses instead). A command is repeated once when its connection had been dropped, never after a timeout, when it may
have been carried out. Blocking readers need a client of their own: they would hold connections of this pool.

Both libraries are imported where the client is made, and the stand-in is made for its first command: they cost half a
second, which a process without Redis that keeps nothing there saves.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Literal, TypedDict

from engine.errors import EngineError, SettingsError

if TYPE_CHECKING:
    from redis.asyncio import Redis

MAX_CONNECTIONS = 32
POOL_WAIT_SECONDS = 5.0
CONNECT_SECONDS = 2.0
COMMAND_SECONDS = 5.0
PING_SECONDS = 2.0


class RedisUnavailable(EngineError):
    """Redis does not answer. Start it, correct REDIS_URL, or leave REDIS_URL empty."""


class RedisHealth(TypedDict):
    """How Redis stands; ``latency_ms`` is None unless ``ok``, ``error`` is empty then."""

    kind: str
    ok: bool
    latency_ms: float | None
    error: str


class RedisConnection:
    """One client for the whole process.

    Args:
        url: redis://, rediss:// or unix:// address; empty means the stand-in.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._client: Redis | None = None
        self._open = False
        self._password = ""
        self.kind: Literal["redis", "in-process"] = "redis" if url else "in-process"
        self.location = "in this process"
        """Where it is, for people; without the password."""

    @property
    def client(self) -> Redis:
        """The client; keys and values are bytes.

        Raises:
            RedisUnavailable: it is not open.
        """
        if not self._open:
            raise RedisUnavailable("the connection to Redis is not open; await open() first.")
        if self._client is None:
            self._client = _stand_in()
        return self._client

    async def open(self) -> None:
        """Makes the client; no server is needed for that. Opening it again changes nothing.

        Raises:
            SettingsError: REDIS_URL is not an address.
        """
        if self._client is None and self._url:
            self._client = self._connect()
        self._open = True

    async def close(self) -> None:
        """Lets go of every connection; what the stand-in held is gone."""
        client, self._client, self._open = self._client, None, False
        if client is not None:
            await client.aclose()

    async def ping(self) -> float:
        """Returns the round trip in milliseconds.

        Raises:
            RedisUnavailable: no answer within two seconds.
        """
        if self._open and self._client is None:  # a stand-in of which nobody has asked anything
            return 0.0
        client = self.client
        began = time.perf_counter()
        try:
            async with asyncio.timeout(PING_SECONDS):
                await client.ping()
        except TimeoutError:
            raise RedisUnavailable(f"Redis at {self.location} did not answer within {PING_SECONDS:.0f} s.") from None
        except Exception as error:  # whatever the library raises: Redis is never worth a crash
            raise RedisUnavailable(f"Redis at {self.location} does not answer: {self._told(error)}.") from None
        return (time.perf_counter() - began) * 1000

    async def health(self) -> RedisHealth:
        """How it stands. Never raises, takes two seconds at most."""
        try:
            latency = await self.ping()
        except RedisUnavailable as unavailable:
            return {"kind": self.kind, "ok": False, "latency_ms": None, "error": str(unavailable)}
        return {"kind": self.kind, "ok": True, "latency_ms": round(latency, 3), "error": ""}

    def refused(self, error: Exception) -> bool:
        """Whether an error is a refusal of a server that is there: no room left, for example."""
        from redis.exceptions import ResponseError

        return isinstance(error, ResponseError)

    def _connect(self) -> Redis:
        from redis.asyncio import BlockingConnectionPool, Redis
        from redis.asyncio.retry import Retry
        from redis.backoff import NoBackoff
        from redis.exceptions import ConnectionError as ConnectionDropped

        try:
            pool = BlockingConnectionPool.from_url(
                self._url,
                max_connections=MAX_CONNECTIONS,
                timeout=POOL_WAIT_SECONDS,
                socket_connect_timeout=CONNECT_SECONDS,
                socket_timeout=COMMAND_SECONDS,
                retry=Retry(NoBackoff(), 1, supported_errors=(ConnectionDropped,)),
            )
            pool.connection_class(**pool.connection_kwargs)  # refuses options that it does not know
        except (ValueError, TypeError):
            # Not the library's text: it quotes parts of the address, and with it of the password.
            raise SettingsError("REDIS_URL has to look like redis://host:port/db, or be empty.") from None
        self._describe(pool.connection_kwargs)
        return Redis.from_pool(pool)

    def _describe(self, options: dict[str, object]) -> None:
        self._password = str(options.get("password") or "")
        host, port = options.get("host", "localhost"), options.get("port", 6379)
        self.location = str(options.get("path") or f"{host}:{port}/{options.get('db', 0)}")

    def _told(self, error: Exception) -> str:
        # One sentence: some refusals are a page long.
        text = (str(error) or type(error).__name__).split(". ")[0].rstrip(".")[:200]
        return text.replace(self._password, "***") if self._password else text


def _stand_in() -> Redis:
    from fakeredis import FakeAsyncRedisConnection, FakeServer
    from redis.asyncio import BlockingConnectionPool, Redis

    # The stand-in's own client has a pool that refuses instead of waiting.
    pool = BlockingConnectionPool(
        max_connections=MAX_CONNECTIONS,
        timeout=POOL_WAIT_SECONDS,
        connection_class=FakeAsyncRedisConnection,
        server=FakeServer(),
    )
    return Redis.from_pool(pool)
