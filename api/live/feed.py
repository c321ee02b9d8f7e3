"""All tasks of the namespace, for monitoring: which came in, went on, and ended.

Tasks of other engines are known from the graph alone, so it is asked what has changed lately: once a second, for all
viewers together, and only while there are any. A change may be committed later than the moment that it bears; that is
why each question reaches back a minute and what was told already is left out.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncGenerator, Callable, Sequence

import structlog

from api.live.parts import Beat, Part, Post
from api.live.source import Source
from api.present import task_news
from engine.errors import EngineError
from engine.model import Glance

REACH_MS = 60_000
"""How far back a question reaches: longer than a commit takes, also through short outages."""
PAGE = 1000
SHARE = 10
"""A look is followed by a pause of so many times what it took, and of a second at least."""
KEEP = 5_000
"""Messages kept for viewers; one that is further behind is let go of, connects again and misses nothing."""
QUIET_LOOKS = 15
Wanted = Callable[[Glance], bool]
_log = structlog.get_logger("live")


class Feed:
    """What the viewers of all tasks get."""

    def __init__(self, engine: Source) -> None:
        self.viewers = 0
        self._engine = engine
        self._begun = engine.now()
        self._told: dict[str, Glance] = {}
        self._looks: deque[Sequence[Post]] = deque()
        self._first = self._next = 0
        self._beat: Beat | None = None
        self._closed = False
        self._ready = asyncio.Event()
        self._news = asyncio.Event()

    async def run(self) -> None:
        """Looks what has changed, until the engine stops. What had changed before it began is not told."""
        since, quiet = self._begun - REACH_MS, 0
        try:
            while not self._engine.stopped:
                begun = time.monotonic()
                posts = await self._look(since)
                since = max([since, *(glance.updated_at - REACH_MS for glance in self._told.values())])
                self._told = {id_: glance for id_, glance in self._told.items() if glance.updated_at >= since}
                quiet = 0 if posts else quiet + 1
                if posts:
                    self._add(posts)
                elif quiet % QUIET_LOOKS == 0:
                    self._beat = Beat()
                    self._tell()
                for _ in range(1 + int(SHARE * (time.monotonic() - begun))):
                    await self._engine.a_while()
        except Exception as error:
            _log.error("the tasks are not followed any more", exc_info=error)
        finally:
            self._closed = True
            self._ready.set()
            self._tell()

    async def _look(self, since: int) -> list[Post]:
        posts: list[Post] = []
        try:
            async for glances in pages(self._engine, since):
                fresh = [glance for glance in glances if self._told.get(glance.id) != glance]
                told = [glance for glance in fresh if self._ready.is_set() or glance.updated_at >= self._begun]
                posts += await posts_of(self._engine, told, self._told)
                self._told |= {glance.id: glance for glance in fresh}
        except EngineError:
            return posts  # the next look has the rest
        self._ready.set()
        return posts

    def _add(self, posts: Sequence[Post]) -> None:
        self._looks.append(posts)
        self._next += 1
        while len(self._looks) > 1 and sum(map(len, self._looks)) > KEEP:
            self._looks.popleft()
            self._first += 1
        self._tell()

    def _tell(self) -> None:
        self._news.set()
        self._news = asyncio.Event()

    async def view(self, since: int | None, wanted: Wanted) -> AsyncGenerator[Sequence[Part]]:
        """What has changed since a moment, then what changes, until the engine stops or the viewer is too slow."""
        at, beat = self._next, self._beat
        await self._ready.wait()
        if since is not None:
            async for glances in pages(self._engine, since):
                posts = await posts_of(self._engine, [glance for glance in glances if wanted(glance)], {})
                if posts:
                    yield posts
        while at >= self._first:
            news = self._news
            parts: list[Part] = [
                post
                for place in range(at - self._first, len(self._looks))
                for post in self._looks[place]
                if wanted(post.glance)
            ]
            at = self._next
            if beat is not self._beat and self._beat is not None:
                parts.append(beat := self._beat)
            if parts:
                yield parts
            elif self._closed:
                return
            else:
                await news.wait()


async def pages(engine: Source, since: int) -> AsyncGenerator[list[Glance]]:
    """The tasks that have changed since a moment, some at a time."""
    after = ""
    while True:
        found = await engine.changed(since, after, PAGE)
        if found:
            since, after = found[-1].updated_at, found[-1].id
            yield found
        if len(found) < PAGE:
            return


async def posts_of(engine: Source, glances: Sequence[Glance], told: dict[str, Glance]) -> list[Post]:
    """What is to be said of tasks, after what was ``told`` of them before."""
    numbers = await engine.last_events([glance.id for glance in glances])
    return [_post(glance, numbers.get(glance.id, 0), told.get(glance.id)) for glance in glances]


def _post(glance: Glance, seq: int, before: Glance | None) -> Post:
    same = before is not None and (before.status, before.gate) == (glance.status, glance.gate)
    return Post("progress" if same else "task", glance, task_news(glance, seq))
