"""Tells callbacks what has happened: follows the bus, reads the graph, calls receivers, and notes how far each is.

It works beside the loop and writes no turn. Places are written at a pace of their own, so a crash tells the last events
once more, with the same ``webhook-id``; it never leaves one out.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Callable

import structlog

from engine.beside import Beside
from engine.bus import Bus
from engine.callbackstore import StoredCallbacks
from engine.delivery import patiently
from engine.errors import Fenced, GraphUnavailable, ToolError
from engine.model import Event, Json
from engine.observer import Observer
from engine.plan.happenings import is_last, name_of
from engine.plan.stored import StoredCallback
from engine.ports import Alarm, Clock, Graph
from engine.states import FINAL
from engine.tools.signing import Signer
from engine.tools.web_client import WebClient
from engine.webhooks.course import Course, Told
from engine.webhooks.envelope import CONTENT_TYPE, Shown, envelope, id_of
from engine.webhooks.lanes import Lanes
from engine.webhooks.place import Answer, Place, decode, encode, judge, masked

_log = structlog.get_logger("webhooks")

CALLS = 32
"""Calls at the same time."""
CALLS_TO_ONE = 4
"""Of them to one receiver."""
PAGE = 100
"""Events read at a time, and told before the next callback has its turn."""
ANSWER_BYTES = 16_384
"""What is read of an answer, so that its connection can be used again; nothing of it is kept."""
NOTE_SECONDS = 0.5
"""Pace at which places are written."""
STOP_SECONDS = 5.0
"""Longest wait for the graph when the engine stops."""
SWEEP_SECONDS = 60.0
"""How often callbacks of engines that are gone are looked for; with open tasks they are found at once."""
ELSEWHERE_SECONDS = 5.0
"""How often the callback of a task that another engine runs looks at the graph."""
ORPHAN_MILLISECONDS = 600_000
"""Callbacks without a task are kept so long: their task may just be on its way into the graph."""


class Teller:
    """The callbacks of one engine. ``begin`` before use, ``stop`` at the end.

    Args:
        open: the number of the last event of a task that this engine runs; None of others.
        signer: signs; None where callbacks are refused, and then those of before wait.
        timeout: seconds for one call.
        first: seconds before the first repeat.
        gone: milliseconds without a sign of life after which an engine is gone; None where there is no other one.
    """

    def __init__(
        self,
        graph: Graph,
        bus: Bus,
        clock: Clock,
        observer: Observer,
        client: WebClient,
        signer: Signer | None,
        shown: Shown,
        open: Callable[[str], int | None],
        *,
        namespace: str,
        timeout: float,
        first: float,
        gone: int | None,
    ) -> None:
        self._graph, self._bus, self._clock, self._observer = graph, bus, clock, observer
        self._client, self._signer, self._shown, self._open = client, signer, shown, open
        self._namespace, self._timeout, self._first, self._gone = namespace, timeout, first, gone
        self._told: dict[str, Told] = {}
        self._announced: set[str] = set()
        self._lanes: Lanes[Course] = Lanes(CALLS, CALLS_TO_ONE)
        self._changed: set[Told] = set()
        self._beside = Beside(lambda error: _log.error("work for callbacks has failed", exc_info=error))
        self._alarms: dict[str, Alarm] = {}
        self._chance = random.Random()
        self._noting = asyncio.Lock()
        self._running = False

    # --- life -----------------------------------------------------------------------------------------------------

    async def begin(self) -> None:
        """Goes on where this engine, or one that is gone, has stopped."""
        self._running = True
        await self._look()
        self._sweep_later()

    async def stop(self) -> None:
        """Ends every call at once, and notes how far all are."""
        await self._end()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._note(), STOP_SECONDS)
        await self._client.close()

    async def abandon(self) -> None:
        """Lets go of every callback, for another engine has them; ``begin`` may be called again afterwards."""
        await self._end()
        self._changed.clear()

    async def _end(self) -> None:
        self._running = False
        for alarm in self._alarms.values():
            alarm.cancel()
        self._alarms.clear()
        self._lanes.clear()
        await self._beside.end()
        for told in list(self._told.values()):
            self._let_go(told)

    # --- tasks ----------------------------------------------------------------------------------------------------

    async def announce(self, task_id: str, callbacks: list[StoredCallback]) -> None:
        """Keeps the callbacks of a task before it is stored, so that there is none whose callbacks are lost."""
        if callbacks:
            self._announced.add(task_id)
            row = StoredCallbacks(task_id, encode(_fresh(callbacks)), True, self._clock.now())
            await self._graph.put_callbacks(row)

    def stored(self, task_id: str, callbacks: list[StoredCallback]) -> None:
        """The task is stored and taken up, and nothing has happened to it yet."""
        if callbacks:
            self._follow(task_id, _fresh(callbacks), self._clock.now())

    def settled(self, task_id: str) -> None:
        """The task is stored, or not."""
        self._announced.discard(task_id)

    def look_soon(self) -> None:
        """This engine has tasks that were another's, or whose storing was unsure."""
        if self._running:
            self._beside.start(self._look_patiently())

    async def places(self, task_id: str) -> list[Place]:
        """How far the callbacks of a task are."""
        told = self._told.get(task_id)
        if told is not None:
            return told.places
        text = await self._graph.callbacks(task_id)
        return decode(text) if text else []

    async def shown(self, task_id: str) -> list[dict[str, Json]]:
        """The same for people: nothing of it is a secret."""
        return [
            {
                "url": masked(place.url),
                "events": place.events,
                "delivered": place.delivered,
                "failing_since": place.failing_since,
                "error": place.error or None,
                "given_up": place.given_up,
            }
            for place in await self.places(task_id)
        ]

    async def _look(self) -> None:
        try:
            found = await self._graph.claim_callbacks(self._gone or 0)
        except Fenced:  # whoever drives the loop finds out, and begins anew
            return
        for row in found:
            if row.task_id not in self._told and row.task_id not in self._announced:
                self._follow(row.task_id, decode(row.places), row.created_at)

    async def _look_patiently(self) -> None:
        await patiently(self._look)

    def _sweep_later(self) -> None:
        if self._gone is not None:
            self._alarms["sweep"] = self._clock.call_later(SWEEP_SECONDS, self._sweep)

    def _sweep(self) -> None:
        self.look_soon()
        self._sweep_later()

    def _follow(self, task_id: str, places: list[Place], created_at: int) -> None:
        told = Told(task_id, created_at)
        told.courses = [Course(task_id, place, self._line_up) for place in places]
        self._told[task_id] = told
        self._bus.attach(task_id, told)
        last = self._open(task_id)
        for course in told.courses:
            if last is not None and course.place.only_the_end:
                course.place.after = last
            elif not course.place.done:
                course.look()

    def _let_go(self, told: Told) -> None:
        if self._told.pop(told.task_id, None) is not None:
            self._bus.detach(told.task_id, told)
        for course in told.courses:
            course.stop()

    def _of(self, course: Course) -> Told | None:
        """Whose course it is; None when it has been let go meanwhile."""
        told = self._told.get(course.task_id)
        return told if told is not None and course in told.courses else None

    # --- calls ----------------------------------------------------------------------------------------------------

    def _line_up(self, course: Course) -> None:
        if self._signer is None:
            return
        course.alarm = None
        self._lanes.add(course.receiver, course)
        self._go_on()

    def _go_on(self) -> None:
        while self._running and (taken := self._lanes.take()) is not None:
            self._beside.start(self._work(*taken))

    async def _work(self, lane: str, course: Course) -> None:
        try:
            await self._tell(course)
        except ToolError as error:
            self._put_off(course, str(error))
        except Exception as error:
            _log.error("a callback cannot be told", task_id=course.task_id, exc_info=error)
            self._put_off(course, f"{type(error).__name__}: ask whoever runs the engine")
        finally:
            self._lanes.done(lane)
            self._go_on()

    async def _tell(self, course: Course) -> None:
        """Tells one page of events, and lines up again; or finds that there is nothing more."""
        told = self._of(course)
        if told is None:
            return
        events = await patiently(lambda: self._graph.events(course.task_id, course.place.after, PAGE))
        for event in events:
            if not await self._deal_with(course, event):
                return
        if events:
            self._touch(told)
            self._line_up(course)
        elif self._open(course.task_id) is not None:
            if not course.idle():
                self._line_up(course)
        else:
            await self._beyond(course, told)

    async def _beyond(self, course: Course, told: Told) -> None:
        """Of a task that this engine does not run there are no events to be told now."""
        task = await patiently(lambda: self._graph.task(course.task_id))
        if task is None:
            self._let_go(told)
            if self._clock.now() - told.created_at > ORPHAN_MILLISECONDS:
                await patiently(lambda: self._graph.drop_callbacks(course.task_id))
            return
        more = await patiently(lambda: self._graph.events(course.task_id, course.place.after, 1))
        if task.status in FINAL and not more:
            course.place.done = True
            self._touch(told)
        elif more:
            self._line_up(course)
        else:
            course.later(self._clock.call_later(ELSEWHERE_SECONDS, lambda: self._line_up(course)))

    async def _deal_with(self, course: Course, event: Event) -> bool:
        """Tells an event, or passes it; False when the course does not go on from here."""
        place, told = course.place, self._of(course)
        if told is None:
            return False
        if place.wants(name_of(event)):
            answer = await self._call(place, event)
            if answer.outcome == "failed":
                self._put_off(course, answer.error, answer.asked)
                return False
            self._observer.webhook(answer.outcome)
            if answer.outcome == "gone":
                place.give_up(answer.error)
            else:
                place.arrived(event.seq)
            self._touch(told)
        place.after = event.seq
        if is_last(event):
            place.done = True
            self._touch(told)
        return not place.done

    async def _call(self, place: Place, event: Event) -> Answer:
        from engine.tools.http_client import Call

        assert self._signer is not None
        ended = await patiently(lambda: self._graph.task(event.task_id)) if is_last(event) else None
        body = envelope(event, self._namespace, self._shown, ended)
        now = self._clock.now()
        plain = {"content-type": CONTENT_TYPE, "accept-encoding": "identity"}
        headers = plain | self._signer.headers(id_of(event), now // 1000, body)
        place_of_call = (place.url, headers, (), body.encode(), self._timeout, ANSWER_BYTES, False, False)
        client = await self._client.opened()
        reply = await client.fetch(Call("POST", *place_of_call))
        return judge(reply.status, reply.headers, now)

    def _put_off(self, course: Course, error: str, asked: float = 0.0) -> None:
        """It failed: it is tried again later, or given up."""
        told = self._of(course)
        if told is None:
            return
        pause = course.place.failed(error, self._clock.now(), self._first, asked, self._chance)
        self._observer.webhook("given_up" if pause is None else "failed")
        if pause is None:
            url = masked(course.place.url)
            _log.warning("a callback is given up", task_id=course.task_id, url=url, reason=course.place.error)
        else:
            course.later(self._clock.call_later(pause, lambda: self._line_up(course)))
        self._touch(told)

    # --- places ---------------------------------------------------------------------------------------------------

    def _touch(self, told: Told) -> None:
        self._changed.add(told)
        self._note_later()

    def _note_later(self) -> None:
        if self._running and "note" not in self._alarms:
            self._alarms["note"] = self._clock.call_later(NOTE_SECONDS, self._note_now)

    def _note_now(self) -> None:
        del self._alarms["note"]
        self._beside.start(self._note())

    async def _note(self) -> None:
        """Writes the places that have changed; what is another engine's by now is let go."""
        async with self._noting:
            await self._write()

    async def _write(self) -> None:
        changed, self._changed = self._changed, set()
        rows = [StoredCallbacks(told.task_id, encode(told.places), not told.done) for told in changed]
        if not rows:
            return
        over = {told for told in changed if told.done}
        try:
            kept = await self._graph.note_callbacks(rows)
        except (GraphUnavailable, Fenced) as error:
            _log.debug("places of callbacks wait", reason=str(error))
            self._changed |= changed
            self._note_later()
            return
        except asyncio.CancelledError:
            self._changed |= changed
            raise
        for told in changed:
            if told in over or told.task_id not in kept:
                self._let_go(told)


def _fresh(callbacks: list[StoredCallback]) -> list[Place]:
    return [Place(callback.url, callback.events) for callback in callbacks]
