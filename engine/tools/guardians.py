"""The engine's side of ``guardian.py``: one helper process, and one guardian asked of it for each tool process.

The helper starts with the first tool and ends when its socket closes: on ``close`` or with the engine, however the
engine ends. A helper that someone killed is replaced; the guardians it had started do not need it.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import socket
import subprocess
import sys
from pathlib import Path

from engine.tools.threads import in_thread, to_the_end

_SCRIPT = Path(__file__).with_name("guardian.py")
_STARTS_AT_ONCE = 16
"""Requests under way; few enough for the socket's buffer to take each without waiting."""


class NotStarted(Exception):
    """The program could not be started; ``errno`` says why."""

    def __init__(self, number: int) -> None:
        self.errno = number
        super().__init__(os.strerror(number))


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

    async def send(self, data: bytes) -> None:
        """Hands over what to run. A guardian that is gone is noticed by ``outcome``."""
        try:
            await asyncio.get_running_loop().sock_sendall(self._socket, len(data).to_bytes(8, "big") + data)
        except OSError:
            return

    async def outcome(self) -> int:
        """The tool's exit code, minus the signal's number where one ended it. All it started is gone by then.

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
            return -9  # someone killed the guardian, and with it the tool
        return os.waitstatus_to_exitcode(int(words[-1][1:]))

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
    """Asks one helper process for guardians. Nothing starts before the first ``ask``."""

    def __init__(self) -> None:
        self._helper: subprocess.Popen[bytes] | None = None
        self._requests: socket.socket | None = None
        self._starting = asyncio.Semaphore(_STARTS_AT_ONCE)

    async def ask(self, streams: tuple[int, int, int]) -> Control:
        """A guardian that waits for what to run with these as stdin, stdout and stderr.

        Raises:
            NotStarted: the machine can start no process.
        """
        async with self._starting:
            for _ in range(2):  # the second time with a new helper: the first may have been killed meanwhile
                requests = self._requests or self._start_helper()
                control = _request(requests, streams)
                try:
                    if await control.hello():
                        return control
                except BaseException:
                    control.close()
                    raise
                control.close()
                if self._requests is requests:
                    await self.close()
        raise NotStarted(errno.EAGAIN)

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
        helper, self._helper = self._helper, None
        if self._requests is not None:
            self._requests.close()
            self._requests = None
        if helper is not None:
            await to_the_end(in_thread(lambda: _wait(helper), grace=0.0))


def _request(requests: socket.socket, streams: tuple[int, int, int]) -> Control:
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    with theirs, contextlib.suppress(OSError):  # when the helper is gone no hello will come
        socket.send_fds(requests, [b"g"], [*streams, theirs.fileno()])
    return Control(ours)


def _wait(helper: subprocess.Popen[bytes]) -> None:
    try:
        helper.wait(timeout=1.0)
    except subprocess.TimeoutExpired:
        helper.kill()
        helper.wait()
