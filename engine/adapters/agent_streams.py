"""The streams of Redis by which agents run in other processes: each step that must not be half done is one script.

An event is an entry of ``agent:events`` until somebody has told its result; its record (``agent:event:ID``) says where
it is and what came of it, for as long as duplicates of it may come. Who runs a subtask is in ``agent:run:ID``: a write
of one whom another has replaced is refused there. Steps of talks lie in ``agent:talk:ID``.

Nothing here is the only copy of anything that an engine has sent: it puts an event that has vanished there again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from engine.adapters import agent_scripts as scripts
from engine.adapters.redis import RedisConnection, RedisUnavailable

EVENTS, RESULTS, PROGRESS, POOLS = "agent:events", "agent:results", "agent:progress", "agent:pools"
GROUP = "agent-workers"
FIELD = "event"
KEPT_RESULTS, KEPT_PROGRESS = 10_000, 2_000
"""Entries that the streams of results and of steps hold, about; older ones are trimmed."""
AFTER_SECONDS = 3_600
"""How long a result, and the steps that led to it, can be asked for: an engine may have been away."""
WAIT_MS = 1_000


class Entry(NamedTuple):
    """An event that was given to a worker: in which stream, under which id, and its text."""

    stream: str
    id: str
    text: str


class Hold(NamedTuple):
    """An event that a worker holds: the entry, its ids, and the mark by which its writes are known."""

    entry: Entry
    event_id: str
    subtask_id: str
    owner: str


def stream_of(role: str) -> str:
    """Where events of a role wait that whoever found them may not run."""
    return f"{EVENTS}:{role}"


class AgentStreams:
    """The streams behind one connection.

    Args:
        connection: open when it is used; to a real server.
        keep_seconds: how long an event is remembered after its last step.
    """

    def __init__(self, connection: RedisConnection, keep_seconds: int) -> None:
        self._connection, self._keep = connection, keep_seconds
        self._known: dict[str, Any] = {}

    # --- workers ----------------------------------------------------------------------------------------------------

    async def next(self, streams: Sequence[str], consumer: str, lease_ms: int) -> Entry | list[bytes]:
        """The next event of these streams: first one whose worker is gone, then a new one.

        Where there is none, the ids of the last entries, which ``wait`` takes.
        """
        found = await self._run(scripts.NEXT, streams, GROUP, consumer, lease_ms)
        if found[0] == b"none":
            return list(found[1:])
        return Entry(found[1].decode(), found[2].decode(), found[3].decode(errors="surrogateescape"))

    async def wait(self, streams: Sequence[str], after: Sequence[bytes]) -> None:
        """Until something new is in one of them, a second at most."""
        await self._client(lambda client: client.xread(dict(zip(streams, after, strict=True)), block=WAIT_MS, count=1))

    async def tidy(self, streams: Sequence[str], leaving: str = "", idle_seconds: int = AFTER_SECONDS) -> int:
        """Forgets workers that have nothing in hand: the one that leaves, and those that have not asked for so long."""
        return int(await self._run(scripts.TIDY, streams, GROUP, leaving, 1000 * idle_seconds))

    async def forward(self, entry: Entry, event_id: str, to: str) -> None:
        """Puts an event where workers find it that may run it."""
        await self._run(scripts.FORWARD, [_event(event_id), entry.stream, to], entry.id, GROUP, entry.text, self._keep)

    async def refuse(self, entry: Entry, told: str) -> None:
        """Tells that an entry is no event, and takes it out."""
        await self._run(scripts.REFUSE, [entry.stream, RESULTS], entry.id, GROUP, told, KEPT_RESULTS)

    async def take(self, hold: Hold, token: int) -> tuple[str, int]:
        """Takes an event: ("taken", how often it was taken), or the word for why there is nothing to do: "done",
        "duplicate" or "stale", which took it out.
        """
        keys = [*_keys(hold), hold.entry.stream, _talk(hold.subtask_id)]
        word, times = await self._run(
            scripts.TAKE, keys, hold.entry.id, GROUP, hold.event_id, token, hold.owner, self._keep
        )
        return word.decode(), int(times)

    async def renew(self, hold: Hold, consumer: str) -> bool:
        """Says that its worker lives; False when it is not this one's any more."""
        keys = [*_keys(hold), hold.entry.stream, _talk(hold.subtask_id)]
        return bool(await self._run(scripts.RENEW, keys, hold.entry.id, GROUP, consumer, hold.owner, self._keep))

    async def finish(self, hold: Hold, told: str) -> str:
        """Tells its result, once: "told", or the word for why not. With "" it only takes out what another event has
        taken the place of.
        """
        keys = [*_keys(hold), hold.entry.stream, RESULTS, _talk(hold.subtask_id), _result(hold.event_id)]
        arguments = (hold.entry.id, GROUP, hold.event_id, hold.owner, told, self._keep, KEPT_RESULTS, AFTER_SECONDS)
        word: bytes = await self._run(scripts.FINISH, keys, *arguments)
        return word.decode()

    async def hand_back(self, hold: Hold) -> bool:
        """Puts it back for another worker to go on with; False when it was not this one's any more."""
        keys = [*_keys(hold), hold.entry.stream]
        return bool(
            await self._run(scripts.HAND_BACK, keys, hold.entry.id, GROUP, hold.owner, hold.entry.text, self._keep)
        )

    # --- talks ------------------------------------------------------------------------------------------------------

    async def put_step(self, hold: Hold, step_id: str, step: str, told: str) -> bool:
        """Keeps a step and tells of it, unless another has the subtask by now."""
        keys = [_run_of(hold.subtask_id), _talk(hold.subtask_id), PROGRESS]
        return bool(await self._run(scripts.STEP, keys, hold.owner, step_id, step, told, self._keep, KEPT_PROGRESS))

    async def steps(self, subtask_id: str) -> list[bytes]:
        """Every step of its talks."""
        found: list[bytes] = await self._client(lambda client: client.hvals(_talk(subtask_id)))
        return found

    async def tell(self, told: str) -> None:
        """One more line for whoever follows."""
        await self._client(lambda client: client.xadd(PROGRESS, {FIELD: told}, maxlen=KEPT_PROGRESS, approximate=True))

    # --- engines ----------------------------------------------------------------------------------------------------

    async def send(self, event_id: str, text: str) -> bool:
        """Puts an event there; False when it is there, or is done. Safe to repeat."""
        return bool(await self._run(scripts.SEND, [_event(event_id), EVENTS], text, self._keep))

    async def look(self, event_id: str) -> tuple[str, str]:
        """How an event is: ("there", ""), ("gone", "") when Redis has lost it, or ("result", its result, "" when that
        was told too long ago).
        """
        word, text = await self._run(scripts.LOOK, [_event(event_id), _result(event_id)])
        return word.decode(), text.decode()

    async def keep_steps(self, subtask_id: str, steps: Mapping[str, str]) -> None:
        """Gives a worker steps that only the engine has, such as after a loss of Redis."""
        if steps:
            await self._run(
                scripts.SEED, [_talk(subtask_id)], self._keep, *(part for pair in steps.items() for part in pair)
            )

    async def withdraw(self, event_id: str, subtask_id: str) -> None:
        """Nobody wants its result any more: who runs it stops, and it is taken out."""
        await self._run(scripts.WITHDRAW, [_event(event_id), _run_of(subtask_id)], event_id, GROUP, self._keep)

    async def last(self, stream: str) -> bytes:
        """The id of its last entry."""
        found = await self._client(lambda client: client.xrevrange(stream, count=1))
        return found[0][0] if found else b"0-0"

    async def told(self, after: Mapping[str, bytes]) -> list[tuple[str, bytes, bytes]]:
        """What is new in streams: (stream, id, text) in order; waits a second at most."""
        found = await self._client(lambda client: client.xread(dict(after), block=WAIT_MS, count=500))
        return [
            (name.decode(), id_, fields.get(FIELD.encode(), b"")) for name, rows in found or [] for id_, fields in rows
        ]

    # --- pools ------------------------------------------------------------------------------------------------------

    async def announce(self, pool: str, text: str, seconds: int) -> None:
        """Says how a pool is; forgotten after so many seconds."""

        async def both(client: Any) -> None:
            async with client.pipeline(transaction=False) as pipe:
                pipe.set(f"{POOLS}:{pool}", text, ex=seconds)
                pipe.sadd(POOLS, pool)
                await pipe.execute()

        await self._client(both)

    async def leave(self, pool: str) -> None:
        """A pool is no more."""

        async def both(client: Any) -> None:
            async with client.pipeline(transaction=False) as pipe:
                pipe.delete(f"{POOLS}:{pool}")
                pipe.srem(POOLS, pool)
                await pipe.execute()

        await self._client(both)

    async def pools(self) -> list[bytes]:
        """What pools have said of themselves lately."""

        async def all_of_them(client: Any) -> list[bytes]:
            names = sorted(await client.smembers(POOLS))
            found = await client.mget([f"{POOLS}:{name.decode()}" for name in names]) if names else []
            if gone := [name for name, text in zip(names, found, strict=True) if text is None]:
                await client.srem(POOLS, *gone)
            return [text for text in found if text is not None]

        found: list[bytes] = await self._client(all_of_them)
        return found

    async def want(self, pool: str, workers: int, seconds: int) -> None:
        """Leaves it for a pool how many workers it should have; forgotten after so many seconds."""
        await self._client(lambda client: client.set(_wanted(pool), workers, ex=seconds))

    async def wanted(self, pool: str) -> int | None:
        """How many somebody wants a pool to have, told once; None where nobody has said anything new."""
        found: bytes | None = await self._client(lambda client: client.getdel(_wanted(pool)))
        return int(found) if found is not None and found.isdigit() else None

    async def _run(self, text: str, keys: Sequence[str], *arguments: Any) -> Any:
        def call(client: Any) -> Any:
            script = self._known.get(text)
            if script is None or script.registered_client is not client:
                script = self._known[text] = client.register_script(text)
            return script(keys=list(keys), args=list(arguments))

        return await self._client(call)

    async def _client(self, call: Any) -> Any:
        try:
            return await call(self._connection.client)
        except RedisUnavailable:
            raise
        except Exception as error:  # whatever the library raises
            if self._connection.refused(error) and not any(word in str(error) for word in ("LOADING", "OOM")):
                raise
            place, kind = self._connection.location, type(error).__name__
            raise RedisUnavailable(f"Redis at {place} does not answer ({kind}): start it, or wait for it.") from None


def _wanted(pool: str) -> str:
    return f"{POOLS}:{pool}:wanted"


def _event(event_id: str) -> str:
    return f"agent:event:{event_id}"


def _result(event_id: str) -> str:
    return f"agent:result:{event_id}"


def _run_of(subtask_id: str) -> str:
    return f"agent:run:{subtask_id}"


def _talk(subtask_id: str) -> str:
    return f"agent:talk:{subtask_id}"


def _keys(hold: Hold) -> list[str]:
    return [_event(hold.event_id), _run_of(hold.subtask_id)]
