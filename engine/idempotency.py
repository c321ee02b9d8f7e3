"""At most one task for each idempotency key of a caller, and the same answer however often it is asked for.

The key is stored in the same write as the task that it makes, so it is as durable as that task and goes with it. Two
requests at the same moment meet in this process at a lock, and on two engines at the graph, which takes a key once.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import msgspec

from engine.errors import AlreadyStored, Busy, Fault, InvalidInput, KeyReused
from engine.model import Json, Request, Value
from engine.ports import GraphReader

FORM = re.compile(r"[!-~]{1,255}")
"""What a key may look like."""
OTHER_ENGINE_SECONDS = 20.0
"""How long a request waits for another engine that is writing the task of the same key."""
LOOK_SECONDS = 0.2
"""How often it looks meanwhile: another process cannot wake it."""

_encoder = msgspec.json.Encoder(order="deterministic")


class Submitted(Value, frozen=True):
    """What became of a submission; ``repeated`` says that the task was there already, made by the same key;
    ``estimate`` is JSON text: when it will have ended; ``asking`` are keys of subtasks that will ask a person, as far
    as the plan shows it: not told again when it was repeated.
    """

    task_id: str
    subtasks_count: int
    initial_subtasks_queued: int
    repeated: bool = False
    estimate: str | None = None
    asking: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """The task's id, under the name that a task has it."""
        return self.task_id


class RequestKey(Value, frozen=True):
    """A caller's key, and the hash of what came with it; empty for a request without a key."""

    key: str = ""
    hash: str = ""


def request_key(key: str, operation: str, body: Json) -> RequestKey:
    """The key of a request.

    Args:
        key: the caller's, 1 to 255 visible ASCII characters.
        operation: what is asked for, such as "submit" or "rerun ID": one key is good for one of them.
        body: what came with it, compared by meaning: blanks and the order of fields do not count.

    Raises:
        InvalidInput: when the key has another form.
    """
    checked(key)
    try:
        encoded = _encoder.encode([operation, body])
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidInput([Fault("", f"the body is not JSON: {error}")]) from None
    return RequestKey(key, hashlib.sha256(encoded).hexdigest())


def checked(key: str) -> str:
    """The key, if it has the form of one; raises ``InvalidInput``."""
    if not FORM.fullmatch(key):
        text = "Idempotency-Key takes 1 to 255 visible ASCII characters without blanks; a UUID is a good one"
        raise InvalidInput([Fault("", text)])
    return key


class Once:
    """Answers a request with a key from what the graph holds, or has it carried out."""

    def __init__(self, graph: GraphReader) -> None:
        self._graph = graph
        self._locks: dict[str, asyncio.Lock] = {}
        self._users: Counter[str] = Counter()

    async def answer(self, request: RequestKey, make: Callable[[], Awaitable[Submitted]]) -> Submitted:
        """The answer to a request; ``make`` is called when there is none yet, and stores a task with that key.

        Raises:
            KeyReused: when the key came with something else before.
            Busy: when another engine has been writing that task for long.
        """
        if not request.key:
            return await make()
        async with self._alone(request.key):
            while True:
                known = await self._known(request)
                if known is not None:
                    return Submitted(known.task_id, known.subtasks, known.queued, True, known.estimate)
                try:
                    return await make()
                except AlreadyStored:  # another engine was faster
                    continue

    async def _known(self, request: RequestKey) -> Request | None:
        """What the graph holds for the key, once that is there in full; None when it holds nothing."""
        for _ in range(round(OTHER_ENGINE_SECONDS / LOOK_SECONDS)):
            found = await self._graph.request(request.key)
            if found is not None and found.hash != request.hash:
                raise KeyReused(
                    f"this idempotency key made task {found.task_id} from another request: "
                    "send the same body, or take a new key"
                )
            if found is None or found.stored:
                return found
            await asyncio.sleep(LOOK_SECONDS)
        raise Busy("the task of this idempotency key is still being stored: ask again", LOOK_SECONDS)

    @asynccontextmanager
    async def _alone(self, key: str) -> AsyncIterator[None]:
        """One request of a key at a time; a lock is kept only while somebody holds or waits for it."""
        lock = self._locks.setdefault(key, asyncio.Lock())
        self._users[key] += 1
        try:
            async with lock:
                yield
        finally:
            self._users[key] -= 1
            if not self._users[key]:
                del self._users[key], self._locks[key]
