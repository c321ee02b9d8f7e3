"""What attempts log: gathered, written in batches, bounded, covered, and never in anybody's way."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from types import SimpleNamespace

import pytest

from engine import logbook
from engine.errors import GraphUnavailable
from engine.logbook import Logbook, covered
from engine.logstore import LogLine, LogWish
from tests.support.clock import FakeClock
from tests.support.services import eventually

ATTEMPT = SimpleNamespace(task_id="T1", key="a", token=2)


class Store:
    """A log in memory that can be away."""

    def __init__(self) -> None:
        self.lines: list[LogLine] = []
        self.away = False
        self.batches: list[int] = []

    async def put_log(self, lines: Sequence[LogLine]) -> None:
        await asyncio.sleep(0)
        if self.away:
            raise GraphUnavailable()
        self.batches.append(len(lines))
        self.lines += lines

    async def log_lines(self, wish: LogWish) -> list[LogLine]:
        return self.lines[::-1][: wish.limit]

    async def log_length(self) -> int:
        return len(self.lines)

    async def shorten_log(self, limit: int) -> None:
        self.lines = self.lines[limit:]

    async def sweep_log(self, before: str, limit: int) -> int:
        gone = [line for line in self.lines if line.id < before][:limit]
        self.lines = [line for line in self.lines if line not in gone]
        return len(gone)


@pytest.fixture
def store() -> Store:
    return Store()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


def book(store: Store, clock: FakeClock, level: str = "info", rows: int = 1_000_000, days: float = 7.0) -> Logbook:
    return Logbook(store, clock, lambda: "E1", level=level, days=days, rows=rows)


async def test_lines_gather_for_a_second_and_are_written_together(store: Store, clock: FakeClock) -> None:
    keep = book(store, clock).of(ATTEMPT)
    keep("info", "one", {"n": 1, "path": object})
    keep("unheard of", "two", {})
    assert store.lines == []
    clock.advance(1.0)
    await eventually(lambda: len(store.lines) == 2)
    first, second = store.lines
    assert (first.task_id, first.key, first.token, first.engine, first.message) == ("T1", "a", 2, "E1", "one")
    assert json.loads(first.fields) == {"n": 1, "path": "<class 'object'>"}
    assert (second.level, store.batches) == ("info", [2])
    assert first.id < second.id


async def test_what_is_not_severe_enough_is_not_kept(store: Store, clock: FakeClock) -> None:
    found = book(store, clock, level="warning")
    for level in ("debug", "info", "warning", "error"):
        found.of(ATTEMPT)(level, level, {})
    await found.stop()
    assert [line.level for line in store.lines] == ["warning", "error"]
    nothing = book(store, clock, rows=0)
    nothing.of(ATTEMPT)("error", "x", {})
    await nothing.stop()
    assert len(store.lines) == 2


async def test_who_asks_sees_what_has_just_been_said(store: Store, clock: FakeClock) -> None:
    found = book(store, clock)
    found.of(ATTEMPT)("info", "just now", {})
    assert [line.message for line in await found.lines(LogWish())] == ["just now"]


async def test_an_attempt_is_heard_so_long_and_then_it_is_said_that_there_was_more(
    store: Store, clock: FakeClock
) -> None:
    found = book(store, clock)
    keep = found.of(ATTEMPT)
    for number in range(logbook.MOST_OF_ATTEMPT + 50):
        keep("info", str(number), {})
    found.of(ATTEMPT)("info", "another attempt", {})
    await found.stop()
    assert len(store.lines) == logbook.MOST_OF_ATTEMPT + 2
    assert [line.level for line in store.lines[-2:]] == ["warning", "info"]


async def test_lines_wait_for_a_graph_that_is_away_and_the_oldest_are_dropped(
    store: Store, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logbook, "CROWDED", 5)
    found = book(store, clock)
    store.away = True
    for number in range(8):
        found.of(ATTEMPT)("info", str(number), {})
    clock.advance(1.0)
    await eventually(lambda: clock.waiting)
    assert (store.lines, found.dropped) == ([], 3)
    store.away = False
    clock.advance(logbook.AGAIN_SECONDS)
    await eventually(lambda: [line.message for line in store.lines] == ["3", "4", "5", "6", "7"])


async def test_the_log_is_shortened_by_number_and_by_age(store: Store, clock: FakeClock) -> None:
    found = book(store, clock, rows=20, days=1.0)
    for number in range(50):
        found.of(ATTEMPT)("info", str(number), {})
    clock.advance(1.0)
    await eventually(lambda: len(store.lines) == 20)
    assert store.lines[0].message == "30"
    clock.advance(86_400.0)
    found.of(ATTEMPT)("info", "new", {})
    clock.advance(1.0)
    await eventually(lambda: [line.message for line in store.lines] == ["new"])


async def test_what_the_engine_says_about_a_task_is_kept_with_it(store: Store, clock: FakeClock) -> None:
    found = book(store, clock)
    error = ValueError("no such oven")
    found.hear("warning", "the tool raised", {"event": "x", "task_id": "T1", "subtask": "a", "exc_info": error, "n": 1})
    found.hear("info", "task removed", {"task_id": "T1"})
    found.hear("debug", "too fine", {"task_id": "T1"})
    await found.stop()
    one, two = store.lines
    assert (one.task_id, one.key, one.token, one.level, one.message) == ("T1", "a", 0, "warning", "the tool raised")
    assert json.loads(one.fields) == {"error": "no such oven", "n": 1}
    assert (two.key, two.message) == ("", "task removed")


async def test_a_stop_writes_what_waits_and_takes_nothing_more(store: Store, clock: FakeClock) -> None:
    found = book(store, clock)
    keep = found.of(ATTEMPT)
    keep("info", "last", {})
    await found.stop()
    keep("info", "late", {})
    await found.stop()
    assert [line.message for line in store.lines] == ["last"]


def test_what_seems_to_be_a_secret_is_left_out() -> None:
    token = "ghp_" + "a1B2" * 9
    assert covered("all is well") == "all is well"
    assert token not in covered(f"push with {token} failed")
    assert "GitHub" in covered(f"push with {token} failed")


async def test_fields_that_are_long_or_secret_are_left_out(store: Store, clock: FakeClock) -> None:
    found = book(store, clock)
    token = "ghp_" + "a1B2" * 9
    for fields in ({"x": "y" * 10_000}, {"token": token}, {1: {2, 3}}):
        found.of(ATTEMPT)("info", "m" * 5_000, fields)  # type: ignore[arg-type]
    await found.stop()
    assert all(len(line.message) == logbook.MESSAGE_CHARACTERS for line in store.lines)
    assert [list(json.loads(line.fields)) for line in store.lines] == [["left_out"], ["left_out"], ["1"]]
