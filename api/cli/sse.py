"""Reads Server-Sent Events as the HTML standard says; our own server ends lines with a line feed.

Lines are told apart in bytes, because what Python and its HTTP clients take for the end of a line in a text is more
than that: a description may hold such characters.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Message:
    """One message: its name (``message`` when it has none), its data, and the last id said so far."""

    name: str
    data: str
    id: str


class Reader:
    """Puts the pieces of a stream together to messages; ``last_id`` was said on the connection before."""

    def __init__(self, last_id: str = "") -> None:
        self.last_id = last_id
        self._rest = b""
        self._name = ""
        self._data: list[str] = []

    def feed(self, piece: bytes) -> Iterator[Message]:
        """Takes in what has come; the messages that are complete by it."""
        *lines, self._rest = (self._rest + piece).split(b"\n")
        for line in lines:
            if message := self._line(line.removesuffix(b"\r").decode()):
                yield message

    def _line(self, line: str) -> Message | None:
        if not line:
            return self._complete()
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            self._data.append(value)
        elif name == "event":
            self._name = value
        elif name == "id":
            self.last_id = value
        return None

    def _complete(self) -> Message | None:
        name, data = self._name, self._data
        self._name, self._data = "", []
        return Message(name or "message", "\n".join(data), self.last_id) if data else None
