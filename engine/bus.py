"""Events inside the process: every committed change, handed to whoever follows its task.

A follower has a bounded buffer. One that falls behind loses its buffer, not its place: it reads on from the graph, so
it neither misses an event nor slows the engine.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from engine.model import Event
from engine.turn import TaskChanges, event_of

BUFFER = 10_000
"""Events that a follower may be behind before it has to read from the graph."""


class Listener(Protocol):
    """Whoever is told of the events of one task; it does so at once, for the engine waits."""

    def offer(self, events: list[Event]) -> None:
        """Is told of events."""

    def close(self) -> None:
        """No further events will come."""


class Subscription:
    """The events of one task from now on; ``lost`` says that the graph must be read to catch up."""

    def __init__(self) -> None:
        self._events: deque[Event] = deque()
        self._signal = asyncio.Event()
        self.lost = False
        self.closed = False

    def offer(self, events: list[Event]) -> None:
        """Adds events, or drops the buffer when it is full."""
        if len(self._events) + len(events) > BUFFER:
            self._events.clear()
            self.lost = True
        else:
            self._events.extend(events)
        self._signal.set()

    def close(self) -> None:
        """No further events will come."""
        self.closed = True
        self._signal.set()

    def take(self) -> list[Event]:
        """What has come since the last call."""
        taken = list(self._events)
        self._events.clear()
        self._signal.clear()
        return taken

    async def wait(self) -> None:
        """Waits until something has come or the subscription is closed."""
        if not self.closed:
            await self._signal.wait()


class Bus:
    """Hands events to the listeners of their task."""

    def __init__(self) -> None:
        self._subscriptions: defaultdict[str, set[Listener]] = defaultdict(set)

    @contextmanager
    def subscribe(self, task_id: str) -> Iterator[Subscription]:
        """A subscription for as long as the context lasts."""
        subscription = Subscription()
        self.attach(task_id, subscription)
        try:
            yield subscription
        finally:
            self.detach(task_id, subscription)

    def attach(self, task_id: str, listener: Listener) -> None:
        """A listener that stays until it is detached."""
        self._subscriptions[task_id].add(listener)

    def detach(self, task_id: str, listener: Listener) -> None:
        """It is told nothing more."""
        self._subscriptions[task_id].discard(listener)
        if not self._subscriptions[task_id]:
            del self._subscriptions[task_id]

    def heard(self, task_id: str) -> bool:
        """Whether anyone follows the task."""
        return task_id in self._subscriptions

    def publish_changes(self, changes: TaskChanges, at: int) -> None:
        """Hands the changes of a committed turn to everyone who follows their task."""
        numbered = enumerate(changes.changes, changes.first)
        self.publish(changes.task_id, [event_of(changes.task_id, number, at, change) for number, change in numbered])

    def publish(self, task_id: str, events: list[Event]) -> None:
        """Hands events to everyone who follows their task."""
        for subscription in self._subscriptions.get(task_id, ()):
            subscription.offer(events)

    def close(self, task_id: str) -> None:
        """Tells everyone who follows the task that it has ended."""
        for subscription in self._subscriptions.get(task_id, ()):
            subscription.close()

    def close_all(self) -> None:
        """Tells everyone that the engine stops."""
        for task_id in list(self._subscriptions):
            self.close(task_id)
