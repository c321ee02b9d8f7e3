"""The board of several engines, in Redis: one script carries out a batch of operations, a channel tells what was said.

The time is that of the Redis server, for all engines alike. Open breakers are a hash, so that who comes later learns of
them. One connection of the client's pool listens for as long as the engine runs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from engine.adapters.redis import RedisConnection
from engine.boardport import Answer, BoardAway, Operation, Said, encode

SECONDS = 1.0
"""The longest wait for an answer: calls stand still meanwhile."""
_LISTENS_SECONDS = 2.0
_SCRIPT = Path(__file__).with_name("board.lua")


class RedisBoard:
    """What the engines of one namespace share.

    Args:
        connection: to a real server; it is opened by whoever made it.
        namespace: keeps engines of other namespaces apart.
    """

    def __init__(self, connection: RedisConnection, namespace: str) -> None:
        self._connection = connection
        self._prefix = f"{namespace}:limits:"
        self._channel = f"{namespace}:limits"
        self._script: Callable[..., Awaitable[Any]] | None = None

    async def run(self, operations: Sequence[Operation], me: str, lease: int) -> list[Answer]:
        """Carries out operations in their order, in one round trip."""
        if self._script is None:
            text = await asyncio.to_thread(_SCRIPT.read_text, "utf-8")
            self._script = self._connection.client.register_script(text)
        given: list[str | bytes | int] = [encode(operations), me, self._prefix, lease, self._channel]
        answers: list[list[int]] = await self._surely(self._script(args=given))
        return [(first, second) for first, second in answers]

    async def say(self, said: Said) -> None:
        """Tells the other engines; what is said of a breaker stays."""
        pipe = self._connection.client.pipeline(transaction=False)
        if said.what == "breaker" and said.data:
            pipe.hset(f"{self._prefix}breakers", said.key, said.data)
        elif said.what == "breaker":
            pipe.hdel(f"{self._prefix}breakers", said.key)
        pipe.publish(self._channel, encode(said))
        await self._surely(pipe.execute())

    async def breakers(self) -> dict[str, str]:
        """What was said last of each breaker that is open."""
        found = await self._surely(self._connection.client.hgetall(f"{self._prefix}breakers"))
        return {key.decode(): data.decode() for key, data in found.items()}

    async def listen(self, began: Callable[[], Awaitable[None]], heard: Callable[[Said], None]) -> None:
        """Calls ``began`` once it hears, and anew after each loss of its connection; ends only by raising."""
        listener = self._connection.client.pubsub()
        try:
            await self._surely(listener.subscribe(self._channel))
            while True:
                message = await listener.get_message(timeout=_LISTENS_SECONDS)
                if message is None:
                    continue
                if message["type"] == "subscribe":
                    await began()
                elif (said := _said(message["data"])) is not None:
                    heard(said)
        except BoardAway:
            raise
        except Exception as error:  # whatever the library raises
            raise BoardAway(_told(error)) from None
        finally:
            await listener.aclose()  # type: ignore[no-untyped-call]

    async def _surely(self, work: Awaitable[Any]) -> Any:
        try:
            async with asyncio.timeout(SECONDS):
                return await work
        except Exception as error:  # whatever the library raises: Redis is never worth a failure
            raise BoardAway(_told(error)) from None


def _said(data: bytes) -> Said | None:
    try:
        return msgspec.json.decode(data, type=Said)
    except msgspec.MsgspecError:
        return None


def _told(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".split(". ")[0][:200]
