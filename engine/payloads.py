"""Outputs on their way to the graph and back.

An output is JSON text, its fields in the order in which the tool gave them, addressed by the SHA-256 of that text.
Small ones stay on the Attempt, larger ones are a Result, the largest a blob. Recent texts are kept in memory, because a
dependant usually starts right after.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
from collections import Counter, OrderedDict
from collections.abc import Sequence

import msgspec
import structlog

from engine.errors import BlobsAway, Category, EngineError, NoRoom, ToolError
from engine.model import BLOB_BYTES, INLINE_OUTPUT_BYTES, Json, NewResult, Produced, Value
from engine.ports import Blobs, GraphReader
from engine.references import Outcome
from engine.states import SubtaskStatus

COMPLETED = SubtaskStatus.COMPLETED.value
CACHE_BYTES = 64 * 1024 * 1024
"""Output texts kept in memory."""
NO_ROOM_SECONDS = (0.5, 5.0)
"""First and longest pause between attempts to store an output while the store is full, or does not answer."""
DIGEST = re.compile(r"[0-9a-f]{64}")
"""A SHA-256 as it is written here."""
_log = structlog.get_logger("payloads")
_RESTART = "blob {digest} is not in the blob store: restore BLOB_PATH, or run the subtask again"

_encoder = msgspec.json.Encoder()


class Packed(Value, frozen=True):
    """An output ready to be recorded: its text when small, and its address."""

    text: str
    digest: str
    size: int

    @property
    def inline(self) -> str | None:
        """The text that goes onto the Attempt, or None when a Result holds it."""
        return self.text if self.size <= INLINE_OUTPUT_BYTES else None


def pack(output: Json) -> Packed:
    """Encodes an output; raises ``ToolError`` (logic) when it is not JSON."""
    try:
        data = _encoder.encode(output)
    except (TypeError, ValueError, RecursionError) as error:
        raise ToolError(f"the output is not JSON: {error}", suggestion="return only JSON values") from error
    return Packed(data.decode(), hashlib.sha256(data).hexdigest(), len(data))


class Payloads:
    """Stores and loads outputs of one engine."""

    def __init__(self, graph: GraphReader, blobs: Blobs) -> None:
        self._graph = graph
        self._blobs = blobs
        self._texts: OrderedDict[str, str] = OrderedDict()
        self._bytes = 0
        self._pending: dict[tuple[str, str], NewResult] = {}
        self._in_flight: Counter[str] = Counter()

    async def keep(self, subtask_id: str, packed: Packed) -> None:
        """Makes an output durable, or queues its Result to be written before the turn that settles it."""
        await self.put(subtask_id, packed)
        self._remember(subtask_id, packed.text)

    async def put(self, holder: str, packed: Packed) -> None:
        """The same for an output that no other subtask will ask for; ``holder`` keeps it."""
        if packed.size <= INLINE_OUTPUT_BYTES:
            return
        body = packed.text if packed.size <= BLOB_BYTES else None
        if body is None:
            await self._put_data(packed.digest, packed.text.encode())
        self._pending[packed.digest, holder] = NewResult(packed.digest, packed.size, body, holder)

    async def keep_file(self, holder: str, data: bytes, digest: str) -> None:
        """Keeps the bytes of a file, which an output refers to by their hash, for as long as ``holder`` is there."""
        await self._put_data(digest, data)
        if (digest, holder) in self._pending:
            self._landed(digest)
        self._pending[digest, holder] = NewResult(digest, len(data), None, holder)

    async def file(self, digest: str) -> bytes:
        """The bytes of such a file; raises ``EngineError`` when they are lost."""
        return await self._blob(digest)

    async def adopt(self, holder: str, digest: str, size: int) -> bool:
        """Has ``holder`` keep a payload of the blob store that others have put; False when it is gone."""
        self._in_flight[digest] += 1
        try:
            there = await self._blobs.renew(digest)
        except BaseException:
            self._landed(digest)
            raise
        if there:
            self._pending[digest, holder] = NewResult(digest, size, None, holder)
        else:
            self._landed(digest)
        return there

    async def _put_data(self, digest: str, data: bytes) -> None:
        self._in_flight[digest] += 1
        try:
            await self._put_when_it_can_be(digest, data)
        except BaseException:
            self._landed(digest)
            raise

    async def _put_when_it_can_be(self, digest: str, data: bytes) -> None:
        """While the store is full or away an output waits: what has been worked out is not thrown away."""
        pause, longest = NO_ROOM_SECONDS
        told = False
        while True:
            try:
                await self._blobs.put(digest, data)
            except (NoRoom, BlobsAway) as error:
                if not told:
                    _log.warning("an output waits for the blob store", reason=str(error))
                told = True
                await asyncio.sleep(pause)
                pause = min(pause * 2, longest)
            else:
                return

    def take_pending(self) -> list[NewResult]:
        """The Results to be written; they are the caller's from here on."""
        pending, self._pending = list(self._pending.values()), {}
        return pending

    def give_back(self, results: Sequence[NewResult]) -> None:
        """Queues Results again whose writing failed."""
        self._pending |= {(result.hash, result.holder): result for result in results}

    def written(self, results: Sequence[NewResult]) -> None:
        """Results are in the graph now."""
        for result in results:
            if result.body is None:
                self._landed(result.hash)

    def in_flight(self, digest: str) -> bool:
        """Whether this engine has put a blob, or is putting it, whose Result is not in the graph yet."""
        return digest in self._in_flight

    def _landed(self, digest: str) -> None:
        self._in_flight[digest] -= 1
        if self._in_flight[digest] <= 0:
            del self._in_flight[digest]

    async def outputs(self, ids: Sequence[str]) -> dict[str, Json]:
        """The outputs of completed subtasks by id, each a value of its own."""
        return {id_: found.output for id_, found in (await self.outcomes(ids)).items() if found.status == COMPLETED}

    async def small_outputs(self, ids: Sequence[str], most: int) -> dict[str, Json]:
        """The same without those whose text is longer than ``most``; the blob store is not asked."""
        texts = {id_: self._texts[id_] for id_ in ids if id_ in self._texts}
        produced = await self._graph.outputs([id_ for id_ in ids if id_ not in texts]) if len(texts) < len(ids) else []
        done = [item for item in produced if item.status is SubtaskStatus.COMPLETED]
        bodies = await self._graph.result_bodies(
            list({item.hash for item in done if item.output is None and item.hash})
        )
        for item in done:
            text = item.output if item.output is not None else bodies.get(item.hash or "")
            texts |= {} if text is None else {item.id: text}
        return {id_: msgspec.json.decode(text) for id_, text in texts.items() if len(text) <= most}

    async def outcomes(self, ids: Sequence[str]) -> dict[str, Outcome]:
        """How subtasks ended, by id; the output of one that did not complete is None."""
        texts = {id_: self._texts[id_] for id_ in ids if id_ in self._texts}
        missing = [id_ for id_ in ids if id_ not in texts]
        others: dict[str, Outcome] = {}
        if missing:
            produced = await self._graph.outputs(missing)
            read = await self._texts_of([item for item in produced if item.status is SubtaskStatus.COMPLETED])
            for id_, text in read.items():
                self._remember(id_, text)
            texts |= read
            others = {
                item.id: Outcome(item.status.value, None, msgspec.json.decode(item.error) if item.error else None)
                for item in produced
                if item.id not in read
            }
        return others | {id_: Outcome(COMPLETED, msgspec.json.decode(text)) for id_, text in texts.items()}

    async def item_outputs(self, parent_id: str) -> list[Json]:
        """The outputs of a mapped subtask's items in order; null for one that did not complete."""
        produced = await self._graph.item_outputs(parent_id)
        texts = await self._texts_of([item for item in produced if item.status is SubtaskStatus.COMPLETED])
        return [msgspec.json.decode(texts[item.id]) if item.id in texts else None for item in produced]

    async def load(self, output: str | None, digest: str | None) -> Json:
        """The value of a recorded output: inline text, a Result, or a blob; None when there is none."""
        if output is not None:
            return msgspec.json.decode(output)
        if digest is None:
            return None
        body = (await self._graph.result_bodies([digest])).get(digest)
        return msgspec.json.decode(body if body is not None else await self._blob(digest))

    async def _texts_of(self, produced: Sequence[Produced]) -> dict[str, str]:
        wanted = [item.hash for item in produced if item.output is None and item.hash is not None]
        bodies = await self._graph.result_bodies(list(dict.fromkeys(wanted)))
        texts: dict[str, str] = {}
        for item in produced:
            if item.output is not None:
                texts[item.id] = item.output
            elif item.hash is not None:
                body = bodies.get(item.hash)
                texts[item.id] = body if body is not None else (await self._blob(item.hash)).decode()
        return texts

    async def _blob(self, digest: str) -> bytes:
        try:
            return await self._blobs.get(digest)
        except KeyError:
            raise EngineError(_RESTART.format(digest=digest)) from None

    def _remember(self, id_: str, text: str) -> None:
        old = self._texts.pop(id_, None)
        if old is not None:
            self._bytes -= len(old)
        self._texts[id_] = text
        self._bytes += len(text)
        while self._bytes > CACHE_BYTES and len(self._texts) > 1:
            _, dropped = self._texts.popitem(last=False)
            self._bytes -= len(dropped)


def error_text(error: ToolError, attempt: int) -> str:
    """A failed attempt's error as the graph keeps it: category, message, suggestion, attempt number."""
    return json.dumps(
        {
            "category": error.category.value,
            "message": str(error),
            "suggestion": error.suggestion,
            "attempt": attempt,
        }
    )


def time_out_text(limit: str, seconds: float | None) -> str:
    """The error of a subtask that ran out of time while nothing of it ran."""
    waited = "waited for a slot" if limit == "queue" else "took, all attempts together,"
    error = ToolError(
        f"it {waited} longer than its limit of {seconds or 0:g} s",
        category=Category.TIMEOUT,
        suggestion=f"raise timeouts.{limit}_seconds" + (", or MAX_PARALLEL_TASKS" if limit == "queue" else ""),
    )
    return error_text(error, 0)


def blocked_text(keys: Sequence[str]) -> str:
    """The error of a subtask that cannot run because others did not succeed."""
    names = ", ".join(keys) or "a dependency"
    return json.dumps(
        {
            "category": Category.LOGIC.value,
            "message": f"blocked: {names} did not complete",
            "suggestion": "look at the error of the subtask it needs, mend the cause, and submit the task again",
            "attempt": 0,
        }
    )
