"""A server that is a process: started below a guardian, spoken to on its stdin and stdout, one message a line.

The library of the protocol has a client of its own for this, which starts the process itself: that would outlive a
killed engine, with all that it has started, and could use as much memory as there is. Here it is a tool's process like
any other. What it prints that is no message is left out: many greet their users on stdout. Its last words on stderr
are kept for the error that tells of its end.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, asynccontextmanager
from typing import Any

import anyio
import mcp_types
from mcp.client._transport import TransportStreams
from mcp.shared.message import SessionMessage
from pydantic import ValidationError

from engine.tools.guardians import Control, NotStarted
from engine.tools.mcp.answers import too_long
from engine.tools.pipes import Pipes
from engine.tools.process import Command, Processes, stop
from engine.tools.process_failures import last_line, not_started
from engine.tools.threads import to_the_end

MOST_STRAY = 1_000
"""Lines in a row that are no messages, after which a server counts as broken."""
WORDS = 4_096
"""Last bytes of stderr that are kept."""
_CHUNK = 65_536


class Ending:
    """How a server ended, or why it is not listened to any more."""

    def __init__(self) -> None:
        self.error: Exception | None = None
        self.stray = b""
        self.stderr = bytearray()
        self.exit_code: int | None = None

    def why(self) -> str:
        """In words, with the last that it said."""
        said = last_line(bytes(self.stderr)) or last_line(self.stray)
        how = "its output ended" if self.exit_code is None else f"it ended with exit code {self.exit_code}"
        return f"{how}: {said}" if said else how


@asynccontextmanager
async def piped(
    name: str, command: Command, processes: Processes, grace: float, ending: Ending, gone: Callable[[], None]
) -> AsyncIterator[TransportStreams]:
    """The streams to and from a server of that name, which lives as long as this context.

    Args:
        name: of the server, for errors.
        command: what to start; ``limits.output_bytes`` is its longest message.
        processes: start it.
        grace: seconds that it gets to end once its stdin is closed, and again after SIGTERM.
        ending: is told how it ended.
        gone: is called when no more will come from it.

    Raises:
        ToolError: it cannot be started.
    """
    into, messages = anyio.create_memory_object_stream[SessionMessage | Exception](0)
    answers, outgoing = anyio.create_memory_object_stream[SessionMessage](0)
    with ExitStack() as ours:
        pipes = Pipes(ours)
        with ExitStack() as theirs:
            try:
                control = await processes.begin(command, await pipes.open(theirs))
            except NotStarted as error:
                raise not_started(command.argv[0], error.errno) from None
        lives = asyncio.create_task(_outcome(control, ending, command.argv[0]))
        work = [
            asyncio.create_task(_listen(name, pipes.stdout, into, command.limits.output_bytes, ending, gone, lives)),
            asyncio.create_task(_last_words(pipes.stderr, ending)),
            asyncio.create_task(_talk(outgoing, pipes.stdin)),
        ]
        try:
            yield messages, answers
        finally:
            await to_the_end(_end(control, grace, lives, pipes.stdin, work))
            for stream in (into, messages, answers, outgoing):
                await stream.aclose()


async def _listen(
    name: str,
    stdout: asyncio.StreamReader,
    into: Any,
    most: int,
    ending: Ending,
    gone: Callable[[], None],
    lives: asyncio.Task[None],
) -> None:
    """Hands over every message, until the server ends or prints what nobody can follow."""
    stray = 0
    try:
        async with into:
            async for line in _lines(stdout, most):
                message = _message(line)
                if message is not None:
                    stray = 0
                    await into.send(message)
                elif line.strip():
                    ending.stray, stray = line[:WORDS], stray + 1
                    if stray >= MOST_STRAY:
                        return
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(asyncio.shield(lives), 1.0)  # so that the reason is known with the end
    except _TooLong:
        ending.error = too_long(name, most)
    except (anyio.BrokenResourceError, anyio.ClosedResourceError):
        return
    finally:
        gone()


class _TooLong(Exception):
    """A line is longer than is read."""


async def _lines(stdout: asyncio.StreamReader, most: int) -> AsyncIterator[bytes]:
    kept = bytearray()
    while chunk := await stdout.read(_CHUNK):
        *whole, rest = chunk.split(b"\n")
        for part in whole:
            if len(kept) + len(part) > most:
                raise _TooLong
            yield bytes(kept) + part
            kept.clear()
        kept += rest
        if len(kept) > most:
            raise _TooLong


def _message(line: bytes) -> SessionMessage | None:
    """A line as a message; None when it is none."""
    try:
        return SessionMessage(mcp_types.jsonrpc_message_adapter.validate_json(line, by_name=False))
    except (ValidationError, ValueError):
        return None


async def _last_words(stderr: asyncio.StreamReader, ending: Ending) -> None:
    while chunk := await stderr.read(_CHUNK):
        ending.stderr += chunk
        del ending.stderr[:-WORDS]


async def _talk(outgoing: Any, stdin: asyncio.StreamWriter) -> None:
    """Writes every message; a server that reads no more is noticed by whoever waits for its answer."""
    try:
        async for sent in outgoing:
            stdin.write(sent.message.model_dump_json(by_alias=True, exclude_unset=True).encode() + b"\n")
            await stdin.drain()
    except (OSError, anyio.BrokenResourceError, anyio.ClosedResourceError):
        return


async def _outcome(control: Control, ending: Ending, program: str) -> None:
    try:
        ending.exit_code = (await control.outcome()).exit_code
    except NotStarted as error:
        ending.error = not_started(program, error.errno)


async def _end(
    control: Control,
    grace: float,
    lives: asyncio.Task[None],
    stdin: asyncio.StreamWriter,
    work: list[asyncio.Task[None]],
) -> None:
    """Closes its stdin, which asks it to end; then it is ended."""
    stdin.close()
    await asyncio.wait([lives], timeout=grace)
    lives.cancel()
    await asyncio.wait([lives])
    await stop(control, grace)
    for task in work:
        task.cancel()
    await asyncio.wait(work)
