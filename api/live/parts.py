"""What viewers get, encoded once for all of them: as Server-Sent Events and as messages of a WebSocket."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Protocol

from pydantic import BaseModel

from api.present import event_view
from api.schemas.live import TaskNews
from engine.model import Event, Glance


class Part(Protocol):
    """Something to be sent."""

    @property
    def kind(self) -> str:
        """``event``, ``progress``, ``snapshot``, ``end``, or nothing."""

    @property
    def last(self) -> int:
        """Number of the last event that whoever has this needs no more; 0 where it says nothing of events."""

    @property
    def sse(self) -> bytes:
        """As Server-Sent Events."""

    @property
    def texts(self) -> Sequence[str]:
        """As messages of a WebSocket."""


class Block:
    """Events that follow one another without a gap."""

    kind = "event"

    def __init__(self, first: int, bodies: Sequence[str]) -> None:
        self.first = first
        self._bodies = bodies

    @classmethod
    def of(cls, events: Sequence[Event]) -> Block:
        """The events as a block; there is one at least."""
        return cls(events[0].seq, [encoded(event_view(event)) for event in events])

    def __len__(self) -> int:
        return len(self._bodies)

    @property
    def last(self) -> int:
        """Number of its last event."""
        return self.first + len(self._bodies) - 1

    def after(self, seq: int) -> Block:
        """The part of it above ``seq``: for most viewers all of it, and then it is not encoded again."""
        return self if seq < self.first else Block(seq + 1, self._bodies[seq + 1 - self.first :])

    @cached_property
    def sse(self) -> bytes:
        """Messages without an event name, as a page receives them in ``onmessage``."""
        return "".join(f"id: {seq}\ndata: {body}\n\n" for seq, body in enumerate(self._bodies, self.first)).encode()

    @cached_property
    def texts(self) -> Sequence[str]:
        """One object per event."""
        return [_typed(self.kind, body) for body in self._bodies]


class Note:
    """One message that is no event: ``progress``, ``snapshot`` or ``end``; ``seq`` makes it a place to go on from."""

    def __init__(self, kind: str, body: BaseModel, seq: int = 0) -> None:
        self.last = seq
        self.kind = kind
        self._body = encoded(body)

    @cached_property
    def sse(self) -> bytes:
        """One named message."""
        place = f"id: {self.last}\n" if self.last else ""
        return f"{place}event: {self.kind}\ndata: {self._body}\n\n".encode()

    @cached_property
    def texts(self) -> Sequence[str]:
        """One object."""
        return [_typed(self.kind, self._body)]


class Post:
    """How one task stands: ``task``, a place to go on from, when it is new or in another state; else ``progress``."""

    last = 0
    texts: Sequence[str] = ()  # there is no such WebSocket

    def __init__(self, kind: str, glance: Glance, news: TaskNews) -> None:
        self.kind = kind
        self.glance = glance
        self._news = news

    @cached_property
    def sse(self) -> bytes:
        """One named message."""
        place = f"id: {self._news.task_id}:{self._news.seq}\n" if self.kind == "task" else ""
        return f"{place}event: {self.kind}\ndata: {encoded(self._news)}\n\n".encode()


class Beat:
    """A sign of life on a quiet connection, so that nobody in between takes it for dead."""

    kind = ""
    last = 0
    sse = b": quiet\n\n"
    texts: Sequence[str] = ()  # a WebSocket has pings of its own


def encoded(body: BaseModel) -> str:
    """JSON on one line, as in the pages of the API."""
    return body.model_dump_json(by_alias=True)


def _typed(kind: str, body: str) -> str:
    return f'{{"type":"{kind}",{body[1:]}'
