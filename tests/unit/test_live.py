"""Live progress without a server: whoever looks on gets everything once, is encoded for once, and holds nobody up."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Sequence
from typing import Any, cast

import msgspec
import pytest
from starlette.requests import ClientDisconnect

from api.cli.sse import Message, Reader
from api.live.channel import FLUSH_SECONDS, PAGE, QUIET_SECONDS, TOGETHER, VIEWER_SECONDS, Lag
from api.live.feed import Feed
from api.live.hub import Hub
from api.live.parts import Beat, Block, Part, Post
from api.live.source import Source as Engine
from api.live.stream import EventStream
from engine.errors import GraphUnavailable, InvalidInput, NotFound
from engine.estimates.prediction import Prediction
from engine.forecasts import Forecast
from engine.model import Event, Glance, Task
from engine.states import TaskStatus
from tests.support.clock import FakeClock, settle_down
from tests.support.fake_engine import NOW, a_task

TASK = a_task().id


class Source:
    """A task whose events happen when the test says so."""

    def __init__(self, clock: FakeClock, past: int = 0) -> None:
        self.clock = clock
        self.stopped = False
        self.down = False
        self.stored = [_event(seq) for seq in range(1, past + 1)]
        self.status = TaskStatus.PROCESSING
        self.completed = 0
        self.foretold: Forecast | None = None
        self.followers = 0
        self.pages: list[int] = []
        self._fresh = asyncio.Event()
        self._back = asyncio.Event()

    def happen(self, number: int = 1, end: bool = False) -> None:
        first = len(self.stored) + 1
        self.stored += [_event(seq) for seq in range(first, first + number)]
        if end:
            self.status = TaskStatus.COMPLETED
            self.stored[-1] = msgspec.structs.replace(self.stored[-1], key="", status="completed")
        self.completed += number
        self._fresh.set()

    def stop(self) -> None:
        self.stopped = True
        self._fresh.set()
        self._back.set()

    def recover(self) -> None:
        self.down = False
        self._back.set()

    async def task(self, task_id: str) -> Task:
        self._answer()
        if task_id != TASK:
            raise NotFound("no such task")
        return self.shown(a_task())

    def shown(self, task: Task) -> Task:
        return msgspec.structs.replace(task, status=self.status, counts={"completed": self.completed})

    async def forecast(self, task: Task) -> Forecast | None:
        return self.foretold

    async def last_event(self, task_id: str) -> int:
        return len(self.stored)

    async def events_page(self, task_id: str, after: int, limit: int) -> list[Event]:
        self._answer()
        self.pages.append(after)
        await asyncio.sleep(0)
        return self.stored[after : after + limit]

    async def flushes(self, task_id: str, after: int = 0) -> AsyncGenerator[list[Event]]:
        self.followers += 1
        try:
            while not self.stopped:
                self._answer()
                if fresh := self.stored[after:]:
                    after = fresh[-1].seq
                    yield fresh
                elif self.status is TaskStatus.COMPLETED:
                    return
                else:
                    self._fresh.clear()
                    await self._fresh.wait()
        finally:
            self.followers -= 1

    async def a_while(self) -> None:
        self._back.clear()
        await self._back.wait()

    def _answer(self) -> None:
        if self.down:
            raise GraphUnavailable("down")


def _event(seq: int) -> Event:
    return Event(TASK, seq, NOW, f"k{seq}", "completed", 1, "succeed", "processing")


class Viewer:
    """Looks on, and reads only while it is told to."""

    def __init__(self, hub: Hub, after: int = 0, lag: Lag = "read", slow: bool = False) -> None:
        self.got: list[Part] = []
        self.writes = 0
        self.reading = asyncio.Event()
        if not slow:
            self.reading.set()
        self.task = asyncio.create_task(self._look(hub, after, lag))

    async def _look(self, hub: Hub, after: int, lag: Lag) -> None:
        async for parts in await hub.admit(TASK, after, lag):
            self.got += parts
            self.writes += 1
            await self.reading.wait()

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [json.loads(text) for part in self.got if part.kind == kind for text in part.texts]

    @property
    def seqs(self) -> list[int]:
        return [event["seq"] for event in self.of("event")]


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


def a_hub(source: Source, keep: int = 50) -> Hub:
    async def sleep(seconds: float) -> None:
        passed = asyncio.Event()
        source.clock.call_later(seconds, passed.set)
        await passed.wait()

    return Hub(source, keep, sleep)


async def passing(clock: FakeClock, seconds: float = 5.0, step: float = FLUSH_SECONDS) -> None:
    for _ in range(round(seconds / step)):
        await settle_down()
        clock.advance(step)
    await settle_down()


async def test_whoever_joins_whenever_gets_every_event_once_and_the_end(clock: FakeClock) -> None:
    source = Source(clock, past=7)
    hub = a_hub(source, keep=4)
    viewers = [Viewer(hub)]
    for after in (3, 8, 9, 14, 21, 22, 30):
        viewers.append(Viewer(hub, min(after, len(source.stored))))
        source.happen(3)
        await passing(clock, 0.3)
    starts = [0, *(min(after, 7 + 3 * place) for place, after in enumerate((3, 8, 9, 14, 21, 22, 30)))]
    source.happen(end=True)
    await passing(clock)

    total = len(source.stored)
    assert [viewer.seqs for viewer in viewers] == [list(range(start + 1, total + 1)) for start in starts]
    assert all(viewer.got[-1].kind == "end" and viewer.task.done() for viewer in viewers)
    assert viewers[0].of("end") == [{"type": "end", "seq": total, "status": "completed"}]
    assert (source.followers, hub.viewers, clock.waiting) == (0, 0, 0)


async def test_all_viewers_share_one_follower_one_reading_and_one_encoding(clock: FakeClock) -> None:
    source = Source(clock, past=PAGE + 5)
    hub = a_hub(source)
    viewers = [Viewer(hub) for _ in range(20)]
    await passing(clock, 0.2)
    source.happen(3)
    await passing(clock, 0.2)

    assert (source.followers, source.pages) == (1, [0, PAGE])
    assert all(viewer.seqs == list(range(1, PAGE + 9)) for viewer in viewers)
    assert len({id(part.sse) for viewer in viewers for part in viewer.got if isinstance(part, Block)}) == 3
    for viewer in viewers:
        viewer.task.cancel()
    await settle_down()
    assert (source.followers, hub.viewers, hub._channels) == (0, 0, {})


async def test_what_happens_within_a_moment_comes_at_once_and_ten_times_a_second_at_most(clock: FakeClock) -> None:
    source = Source(clock)
    viewer = Viewer(a_hub(source))
    await passing(clock, 1)
    before = viewer.writes
    for _ in range(200):
        source.happen()
        await settle_down()
        clock.advance(0.01)
    await settle_down()

    assert viewer.seqs == list(range(1, 201))
    assert 19 <= viewer.writes - before <= 21
    assert viewer.of("progress")[-1] == {
        "type": "progress", "percent": 100.0, "completed": 200, "total": 200, "eta": None, "eta_low": None,
        "eta_high": None, "late": False, "status": "processing", "phase": "aggregating", "counts": {"completed": 200},
    }  # fmt: skip
    viewer.task.cancel()


async def test_a_crowd_is_woken_a_few_at_a_time_each_in_turn(clock: FakeClock) -> None:
    source, number = Source(clock), 400
    hub = a_hub(source)
    viewers = [Viewer(hub) for _ in range(number)]
    turn = TOGETHER * VIEWER_SECONDS
    await passing(clock, 1.5, turn)
    before = [viewer.writes for viewer in viewers]
    source.happen()
    await settle_down()
    assert sum(viewer.writes for viewer in viewers) - sum(before) <= 2 * TOGETHER
    for _ in range(150):
        source.happen()
        await passing(clock, turn, turn)
    await passing(clock, 1, turn)

    assert all(viewer.seqs == list(range(1, 152)) for viewer in viewers)
    rounds = 150 * turn / (number * VIEWER_SECONDS)
    assert all(viewer.writes - writes <= rounds + 4 for viewer, writes in zip(viewers, before, strict=True))
    for viewer in viewers:
        viewer.task.cancel()


async def test_a_slow_viewer_reads_on_from_the_graph_and_holds_nobody_up(clock: FakeClock) -> None:
    source = Source(clock)
    hub = a_hub(source, keep=10)
    slow, quick = Viewer(hub, slow=True), Viewer(hub)
    await settle_down()
    for _ in range(30):
        source.happen(5)
        await passing(clock, 0.1)
    channel, _ = hub._channels[TASK]

    assert (quick.seqs, source.pages) == (list(range(1, 151)), [])
    assert sum(len(block) for block in channel._blocks) <= 15
    slow.reading.set()
    await passing(clock, 0.5)
    assert slow.seqs == list(range(1, 151))
    assert len(source.pages) == 1
    quick.task.cancel()
    slow.task.cancel()


async def test_a_slow_viewer_that_wants_one_gets_a_snapshot_and_goes_on_from_there(clock: FakeClock) -> None:
    source = Source(clock)
    hub = a_hub(source, keep=10)
    slow = Viewer(hub, lag="snapshot", slow=True)
    await passing(clock, 0.3)
    source.happen(8)
    await passing(clock, 0.3)
    source.happen(90)
    await passing(clock, 0.3)
    slow.reading.set()
    await passing(clock, 0.3)
    source.happen(2)
    await passing(clock, 0.3)

    assert slow.of("snapshot") == [{"type": "snapshot", "seq": 98, "status": "processing", "counts": {"completed": 98}}]
    assert slow.seqs[-2:] == [99, 100]
    assert not set(slow.seqs) & set(range(9, 99))
    assert source.pages == []
    assert next(part for part in slow.got if part.kind == "snapshot").sse.startswith(b"id: 98\nevent: snapshot\n")
    slow.task.cancel()


async def test_a_little_late_is_no_reason_for_a_snapshot(clock: FakeClock) -> None:
    source = Source(clock, past=30)
    viewer = Viewer(a_hub(source, keep=10), after=25, lag="snapshot")
    await passing(clock, 0.3)

    assert (viewer.seqs, viewer.of("snapshot")) == ([26, 27, 28, 29, 30], [])
    viewer.task.cancel()


async def test_a_forecast_is_told_again_when_it_has_moved_by_a_second(clock: FakeClock) -> None:
    source = Source(clock)
    viewer = Viewer(a_hub(source))
    for eta in (10.0, 10.4, 10.7, 11.5):
        source.foretold = Forecast(Prediction(eta, eta - 1, eta + 1, 1.0, 1.0, {}), NOW, False)
        await passing(clock, 1)

    told = [progress["eta"] for progress in viewer.of("progress")]
    assert told == [None, "2026-11-18T11:06:50.123Z", "2026-11-18T11:06:51.623Z"]
    viewer.task.cancel()


async def test_a_quiet_connection_gives_a_sign_of_life(clock: FakeClock) -> None:
    source = Source(clock)
    viewer = Viewer(a_hub(source))
    await passing(clock, 2.5 * QUIET_SECONDS)

    beats = [part for part in viewer.got if isinstance(part, Beat)]
    assert (len(beats), beats[0].sse[:1], list(beats[0].texts)) == (2, b":", [])
    viewer.task.cancel()


async def test_a_graph_that_goes_away_is_waited_for(clock: FakeClock) -> None:
    source = Source(clock, past=PAGE + 3)
    hub = a_hub(source)
    early, late = Viewer(hub, after=PAGE + 3), Viewer(hub, slow=True)
    await passing(clock, 0.3)
    source.down = True
    source.happen(3)
    late.reading.set()
    await passing(clock, 3)
    assert (early.seqs, late.seqs) == ([], list(range(1, PAGE + 1)))
    source.recover()
    await passing(clock, 0.3)

    assert (early.seqs, late.seqs) == (list(range(PAGE + 4, PAGE + 7)), list(range(1, PAGE + 7)))
    early.task.cancel()
    late.task.cancel()


@pytest.mark.parametrize("past", [2, 5 * PAGE], ids=["at the end", "in the middle of old events"])
async def test_streams_end_without_an_end_when_the_engine_stops(clock: FakeClock, past: int) -> None:
    source = Source(clock, past)
    hub = a_hub(source)
    viewer = Viewer(hub)
    source.stop()
    await passing(clock, 0.2)

    assert viewer.task.done()
    assert viewer.of("end") == []
    assert (source.followers, hub.viewers) == (0, 0)


async def test_who_is_ahead_of_the_task_or_asks_for_none_is_refused(clock: FakeClock) -> None:
    hub = a_hub(Source(clock, past=3))
    with pytest.raises(InvalidInput, match="the last event of task T0001 is 3"):
        await hub.admit(TASK, 4)
    with pytest.raises(NotFound):
        await hub.admit("another", 0)
    assert hub._channels == {}


async def test_a_stream_is_let_go_of_when_nobody_takes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.live.stream.SEND_SECONDS", 0.01)
    left = asyncio.Event()

    async def endless() -> AsyncGenerator[Sequence[Part]]:
        try:
            while True:
                yield [Beat()]
        finally:
            left.set()

    async def stuck(message: Any) -> None:
        if message.get("body", b"").startswith(b":"):
            await asyncio.Event().wait()

    with pytest.raises(ClientDisconnect):
        await EventStream(endless()).stream_response(stuck)
    assert left.is_set()


def test_messages_are_read_as_they_were_written() -> None:
    reader = Reader()
    block = Block.of([_event(7), msgspec.structs.replace(_event(8), detail="a\nb: ü\u2028")])
    text = f"retry: 1\n\n: quiet\n\n{block.sse.decode()}event: end\ndata: {{}}\n\n"
    found = [message for byte in text.encode() for message in reader.feed(bytes([byte]))]

    assert [(message.name, message.id) for message in found] == [("message", "7"), ("message", "8"), ("end", "8")]
    assert json.loads(found[1].data)["detail"] == "a\nb: ü\u2028"
    assert found[2] == Message("end", "{}", "8")


class Namespace:
    """Tasks that change when the test says so; the clock of the database is ``at``."""

    def __init__(self) -> None:
        self.at = 1_000_000
        self.stopped = False
        self.glances: dict[str, Glance] = {}
        self.asked = asyncio.Event()
        self.answer = asyncio.Event()
        self.answer.set()
        self._tick = asyncio.Event()

    def change(self, id_: str, status: TaskStatus, **counts: int) -> None:
        self.at += 1
        times = {"created_at": 0, "updated_at": self.at, "started_at": None, "completed_at": None}
        self.glances[id_] = Glance(id_, "t", "", "", status, "", counts, sum(counts.values()), **times)  # type: ignore[arg-type]

    async def look(self) -> None:
        """Time for another look."""
        self._tick.set()
        await settle_down()

    async def a_while(self) -> None:
        self._tick.clear()
        await self._tick.wait()

    def now(self) -> int:
        return self.at

    async def changed(self, since: int, after: str, limit: int) -> list[Glance]:
        self.asked.set()
        await self.answer.wait()
        found = sorted(self.glances.values(), key=lambda glance: (glance.updated_at, glance.id))
        return [row for row in found if (row.updated_at, row.id) > (since, after)][:limit]

    async def last_events(self, ids: Sequence[str]) -> dict[str, int]:
        return dict.fromkeys(ids, 7)


async def test_all_tasks_are_told_from_the_moment_that_the_first_viewer_came() -> None:
    space = Namespace()
    space.change("old", TaskStatus.PROCESSING, ready=1)
    space.at += 10
    feed, got = Feed(cast(Engine, space)), []  # type: ignore[var-annotated]
    space.answer.clear()
    looking = asyncio.create_task(feed.run())

    async def view() -> None:
        async for parts in feed.view(None, lambda glance: glance.type == "t"):
            got.extend((part.kind, cast(Post, part).glance.id, cast(Post, part).glance.status) for part in parts)

    viewer = asyncio.create_task(view())
    await space.asked.wait()
    space.change("new", TaskStatus.PENDING, ready=2)  # while the first look is on its way
    space.answer.set()
    await settle_down()
    space.change("new", TaskStatus.PENDING, ready=1, processing=1)
    await space.look()
    await space.look()
    space.change("new", TaskStatus.FAILED, failed=2)
    await space.look()
    space.stopped = True
    await space.look()
    await asyncio.gather(looking, viewer)

    assert got == [("task", "new", "pending"), ("progress", "new", "pending"), ("task", "new", "failed")]
