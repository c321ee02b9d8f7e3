"""An ASGI application on an event loop of its own, for callers that have theirs: its engine stays where it was made."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from typing import Any, TypeVar

from starlette.types import ASGIApp, Message, Receive, Scope, Send

Result = TypeVar("Result")


class Elsewhere:
    """A loop in a thread."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, name="elsewhere", daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, Result]) -> Result:
        """Runs ``work`` there and waits for it."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(60)

    def bridge(self, app: ASGIApp) -> ASGIApp:
        """``app`` for callers on other loops."""

        async def bridged(scope: Scope, receive: Receive, send: Send) -> None:
            caller = asyncio.get_running_loop()

            async def receive_there() -> Message:
                return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(receive(), caller))

            async def send_there(message: Message) -> None:
                await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(send(message), caller))

            await asyncio.wrap_future(
                asyncio.run_coroutine_threadsafe(app(scope, receive_there, send_there), self.loop)
            )

        return bridged

    def close(self) -> None:
        """Ends the loop."""
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()


@contextmanager
def elsewhere(opened: Callable[[], AbstractAsyncContextManager[Result]]) -> Iterator[tuple[Elsewhere, Result]]:
    """A context that is entered and left on a loop of its own."""
    place = Elsewhere()
    steps: AsyncIterator[Result]

    async def through() -> AsyncIterator[Result]:
        async with opened() as entered:
            yield entered

    steps = through()
    try:
        yield place, place.run(anext(steps))
        place.run(anext(steps, None))  # type: ignore[arg-type]
    finally:
        place.close()
