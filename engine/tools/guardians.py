"""The engine's side of ``guardian.py``: one helper process, and one guardian asked of it for each tool process.

The helper starts with the first tool and ends when its socket closes: on ``close`` or with the engine, however the
engine ends. A helper that someone killed is replaced; the guardians it had started do not need it. From the first tool
on a few guardians wait for the next ones, so that no tool waits for the fork.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import socket
import subprocess
import sys
from collections import deque
from pathlib import Path
from typing import NamedTuple

from engine.tools.threads import in_thread, to_the_end

_SCRIPT = Path(__file__).with_name("guardian.py")
_STARTS_AT_ONCE = 16
"""Requests under way; few enough for the socket's buffer to take each without waiting."""
_SPARES = 2
"""Guardians that wait for the next tools."""


class NotStarted(Exception):
    """The program could not be started; ``errno`` says why."""

    def __init__(self, number: int) -> None:
        self.errno = number
        super().__init__(os.strerror(number))


class Outcome(NamedTuple):
    """How a tool ended: its exit code, minus the signal's number where one ended it; its seconds of processor time;
    those of all that it started too, and the bytes of the largest of these. ``crowded`` is the number of processes that
    it may have, 0 unless it was killed for having more; ``flooded`` the bytes that it may write, likewise.
    """

    exit_code: int
    cpu_seconds: float
    all_cpu_seconds: float
    memory_bytes: int
    crowded: int = 0
    flooded: int = 0


class Control:
    """The engine's end of one guardian."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._heard = b""
        self.pid = 0

    async def hello(self) -> bool:
        """Waits for the guardian's first word; False when it will never come."""
        while b" " not in self._heard:
            chunk = await self._receive()
            if not chunk:
                return False
            self._heard += chunk
        word, _, self._heard = self._heard.partition(b" ")
        if word.startswith(b"E"):
            raise NotStarted(int(word[1:]))
        self.pid = int(word[1:])
        return True

    async def start(self, streams: tuple[int, int, int], data: bytes) -> bool:
        """Hands over what to run and its stdin, stdout and stderr; False when the guardian is gone."""
        try:
            socket.send_fds(self._socket, [len(data).to_bytes(8, "big")], streams)
            await asyncio.get_running_loop().sock_sendall(self._socket, data)
        except OSError:
            return False
        return True

    async def outcome(self) -> Outcome:
        """How the tool ended. All it started is gone by then.

        Raises:
            NotStarted: the program cannot be run.
        """
        while chunk := await self._receive():
            self._heard += chunk
        words = self._heard.decode().split()
        for word in words:
            if word.startswith("E"):
                raise NotStarted(int(word[1:]))
        if not words:
            return Outcome(-9, 0.0, 0.0, 0)  # someone killed the guardian, and with it the tool
        status, own, all_, *more = map(int, words[-1][1:].split(":"))
        return Outcome(os.waitstatus_to_exitcode(status), own / 1000, all_ / 1000, *more)

    async def _receive(self) -> bytes:
        try:
            return await asyncio.get_running_loop().sock_recv(self._socket, 64)
        except OSError:
            return b""

    def ask_to_end(self) -> None:
        """SIGTERM to the tool's process group."""
        try:
            self._socket.send(b"T")
        except OSError:
            return

    def kill(self) -> None:
        """Kills everything below the guardian; ``gone`` tells when that is done."""
        try:
            self._socket.shutdown(socket.SHUT_WR)
        except OSError:
            return

    async def gone(self) -> None:
        """Returns when the guardian has ended."""
        while chunk := await self._receive():
            self._heard += chunk

    def close(self) -> None:
        """Lets go of the guardian, which then kills what is left and ends."""
        self._socket.close()


class Guardians:
    """Asks one helper process for guardians. Nothing starts before the first tool does."""

    def __init__(self) -> None:
        self._helper: subprocess.Popen[bytes] | None = None
        self._requests: socket.socket | None = None
        self._starting = asyncio.Semaphore(_STARTS_AT_ONCE)
        self._spares: deque[Control] = deque()

    async def start(self, streams: tuple[int, int, int], data: bytes) -> Control:
        """The guardian that runs ``data`` with these as stdin, stdout and stderr.

        Raises:
            NotStarted: the machine can start no process.
        """
        async with self._starting:
            while self._spares:
                spare = self._spares.popleft()
                if await _takes(spare, streams, data):
                    self._refill()
                    return spare
            for _ in range(2):  # the second time with a new helper: the first may have been killed meanwhile
                requests = self._requests or self._start_helper()
                control = _request(requests)
                if await _takes(control, streams, data):
                    self._refill()
                    return control
                if self._requests is requests:
                    await self.close()
        raise NotStarted(errno.EAGAIN)

    def _refill(self) -> None:
        while self._requests is not None and len(self._spares) < _SPARES:
            self._spares.append(_request(self._requests))

    def _start_helper(self) -> socket.socket:
        ours, theirs = socket.socketpair()
        try:
            with theirs:
                self._helper = subprocess.Popen(
                    [sys.executable, "-I", "-S", str(_SCRIPT), str(theirs.fileno())],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    pass_fds=[theirs.fileno()],
                    start_new_session=True,
                )
        except OSError as error:
            ours.close()
            raise NotStarted(error.errno or errno.EAGAIN) from error
        ours.setblocking(False)
        self._requests = ours
        return ours

    async def close(self) -> None:
        """Ends the helper. Running guardians are not touched: each is closed by whoever asked for it."""
        while self._spares:
            self._spares.pop().close()
        helper, self._helper = self._helper, None
        if self._requests is not None:
            self._requests.close()
            self._requests = None
        if helper is not None:
            await to_the_end(in_thread(lambda: _wait(helper), grace=0.0))


def _request(requests: socket.socket) -> Control:
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    with theirs, contextlib.suppress(OSError):  # when the helper is gone no hello will come
        socket.send_fds(requests, [b"g"], [theirs.fileno()])
    return Control(ours)


async def _takes(control: Control, streams: tuple[int, int, int], data: bytes) -> bool:
    """Whether the guardian is there and has taken over what to run; it is closed otherwise."""
    try:
        taken = await control.hello() and await control.start(streams, data)
    except BaseException:
        control.close()
        raise
    if not taken:
        control.close()
    return taken


def _wait(helper: subprocess.Popen[bytes]) -> None:
    try:
        helper.wait(timeout=1.0)
    except subprocess.TimeoutExpired:
        helper.kill()
        helper.wait()
