"""The engine's end of a process of its own that it talks with: messages there, messages back, and how it ended.

The process runs below a guardian (``engine/tools/process.py``), so it and whatever it has started end with the engine,
however that ends, and when they are killed they are killed for good.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import ExitStack, suppress

import structlog

from engine.pools.calls import HEADER, framed
from engine.tools.guardians import Control, NotStarted, Outcome
from engine.tools.pipes import Pipes
from engine.tools.process import Command, Processes, stop
from engine.tools.process_failures import last_line
from engine.tools.threads import to_the_end

WORDS = 8_192
"""Last bytes of stderr that are kept."""
PRINTED_SECONDS = 1.0
"""For so long what was printed is waited for, once a call has ended."""
_CHUNK = 65_536
_log = structlog.get_logger("pools")


class Link:
    """One process.

    Args:
        processes: start it.
        heard: is called with each message.
        alive: is called when it prints.
        most: bytes of the longest message; one that sends a longer one is killed.
    """

    def __init__(
        self, processes: Processes, heard: Callable[[bytes], None], alive: Callable[[], None], most: int
    ) -> None:
        self._processes, self._heard, self._alive, self.most = processes, heard, alive, most
        self._ours = ExitStack()
        self._pipes = Pipes(self._ours)
        self._control: Control | None = None
        self._work: list[asyncio.Task[None]] = []
        self._printed = bytearray()
        self._whole = asyncio.Event()
        self.gone: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        """How it ended. It has, or is as good as gone, when this is done."""
        self.too_long = False
        """It was killed for a message that nobody wants to read."""

    async def open(self, command: Command) -> None:
        """Starts it; raises ``NotStarted``."""
        try:
            with ExitStack() as theirs:
                self._control = await self._processes.begin(command, await self._pipes.open(theirs))
        except BaseException:
            self._ours.close()
            raise
        self._work = [asyncio.create_task(self._listen()), asyncio.create_task(self._read_printed())]

    @property
    def pid(self) -> int:
        """The id of its guardian."""
        return 0 if self._control is None else self._control.pid

    async def send(self, data: bytes) -> None:
        """Sends a message; one that is gone does not get it, and ``gone`` says so."""
        try:
            self._pipes.stdin.write(framed(data))
            await self._pipes.stdin.drain()
        except OSError:
            return

    async def printed(self) -> str:
        """What it has printed since this was asked for the last time, up to the NUL behind a call; its last bytes."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._whole.wait(), PRINTED_SECONDS)
        self._whole.clear()
        text = bytes(self._printed).replace(b"\0", b"").decode(errors="replace").strip()
        self._printed.clear()
        return text

    @property
    def last_words(self) -> str:
        """The last line that it has printed."""
        return last_line(bytes(self._printed).replace(b"\0", b""))

    async def close(self, grace: float) -> None:
        """Ends it and all that it has started: asks, waits ``grace`` seconds, kills."""
        await to_the_end(self._close(grace))

    async def _close(self, grace: float) -> None:
        for work in self._work:  # before the guardian is listened to for its end: one socket has one listener
            work.cancel()
        if self._work:
            await asyncio.wait(self._work)
        if self._control is not None:
            await stop(self._control, grace)
        self._ours.close()
        if not self.gone.done():
            self.gone.set_result(Outcome(-9, 0.0, 0.0, 0))

    # --- what it says -------------------------------------------------------------------------------------------------

    async def _listen(self) -> None:
        assert self._control is not None
        stream = self._pipes.stdout
        try:
            while True:
                size = int.from_bytes(await stream.readexactly(HEADER), "big")
                if size > self.most:
                    self.too_long = True
                    self._control.kill()
                    break
                self._heard(await stream.readexactly(size))
        except asyncio.IncompleteReadError:
            pass
        except Exception as error:  # what it says makes no sense, so nothing that it says can be trusted
            _log.error("a process of the engine sends what cannot be read", exc_info=error)
            self._control.kill()
        self._end(await self._outcome())

    async def _outcome(self) -> Outcome:
        assert self._control is not None
        try:
            return await self._control.outcome()
        except NotStarted as error:
            return Outcome(127, 0.0, 0.0, error.errno)

    def _end(self, outcome: Outcome) -> None:
        if not self.gone.done():
            self.gone.set_result(outcome)

    async def _read_printed(self) -> None:
        while chunk := await self._pipes.stderr.read(_CHUNK):
            self._alive()
            self._printed += chunk
            del self._printed[:-WORDS]
            if b"\0" in chunk:
                self._whole.set()
