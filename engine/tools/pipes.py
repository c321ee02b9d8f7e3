"""The three pipes of a process that the engine talks with while it runs."""

from __future__ import annotations

import asyncio
import os
from asyncio.streams import FlowControlMixin
from contextlib import ExitStack


class Pipes:
    """Three pipes, and the engine's ends of them, which ``ours`` closes."""

    def __init__(self, ours: ExitStack) -> None:
        self._ours = ours
        self.stdout, self.stderr = asyncio.StreamReader(), asyncio.StreamReader()
        self.stdin: asyncio.StreamWriter

    async def open(self, theirs: ExitStack) -> tuple[int, int, int]:
        """The ends of the process: stdin, stdout, stderr."""
        loop = asyncio.get_running_loop()
        read, write = os.pipe()
        theirs.callback(os.close, read)
        transport, protocol = await loop.connect_write_pipe(
            lambda: FlowControlMixin(loop=loop), os.fdopen(write, "wb", buffering=0)
        )
        self._ours.callback(transport.close)
        self.stdin = asyncio.StreamWriter(transport, protocol, None, loop)
        return read, await self._reading(self.stdout, theirs), await self._reading(self.stderr, theirs)

    async def _reading(self, stream: asyncio.StreamReader, theirs: ExitStack) -> int:
        read, write = os.pipe()
        theirs.callback(os.close, write)
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(stream), os.fdopen(read, "rb", buffering=0)
        )
        self._ours.callback(transport.close)
        return write
