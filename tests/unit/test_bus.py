"""Events inside the process: a slow follower loses its buffer, not its place."""

from __future__ import annotations

import asyncio

from engine.bus import BUFFER, Bus
from engine.model import Event


def _events(first: int, number: int = 1) -> list[Event]:
    return [Event("T", seq, 0, "k", "ready", 0) for seq in range(first, first + number)]


def _numbers(events: list[Event]) -> list[int]:
    return [event.seq for event in events]


def test_a_follower_gets_what_comes_after_it_has_subscribed() -> None:
    bus = Bus()
    bus.publish("T", _events(1))

    with bus.subscribe("T") as one, bus.subscribe("T") as other, bus.subscribe("another") as stranger:
        bus.publish("T", _events(2, 2))

        assert (_numbers(one.take()), _numbers(other.take()), stranger.take()) == ([2, 3], [2, 3], [])
        assert one.take() == []


def test_who_has_left_is_heard_no_more() -> None:
    bus = Bus()
    with bus.subscribe("T"):
        with bus.subscribe("T"):
            assert bus.heard("T")
        assert bus.heard("T")

    assert not bus.heard("T")
    bus.publish("T", _events(1))


def test_a_slow_follower_loses_its_buffer_and_is_told_so() -> None:
    bus = Bus()
    with bus.subscribe("T") as slow, bus.subscribe("T") as quick:
        for first in range(1, BUFFER + 2, 1_000):
            bus.publish("T", _events(first, 1_000))
            quick.take()

        assert (slow.lost, quick.lost) == (True, False)
        assert len(slow.take()) <= BUFFER


def test_a_lost_buffer_holds_no_events_before_the_gap() -> None:
    """What is left must be the end of the story: the follower reads on from the graph up to it."""
    bus = Bus()
    with bus.subscribe("T") as slow:
        bus.publish("T", _events(1, BUFFER))
        bus.publish("T", _events(BUFFER + 1))

        assert slow.lost
        assert min(_numbers(slow.take()), default=BUFFER + 1) > BUFFER


async def test_waiting_ends_when_something_comes() -> None:
    bus = Bus()
    with bus.subscribe("T") as follower:
        waiting = asyncio.create_task(follower.wait())
        await asyncio.sleep(0)
        assert not waiting.done()

        bus.publish("T", _events(1))
        await asyncio.wait_for(waiting, 1)

        assert _numbers(follower.take()) == [1]


async def test_waiting_ends_when_the_task_or_the_engine_ends() -> None:
    bus = Bus()
    with bus.subscribe("T") as one, bus.subscribe("U") as other:
        waiting = [asyncio.create_task(follower.wait()) for follower in (one, other)]
        await asyncio.sleep(0)

        bus.close("T")
        await asyncio.wait_for(waiting[0], 1)
        assert not waiting[1].done()
        bus.close_all()
        await asyncio.wait_for(waiting[1], 1)

        assert one.closed
        await asyncio.wait_for(one.wait(), 1)


def test_a_closed_subscription_still_hands_over_what_it_has() -> None:
    bus = Bus()
    with bus.subscribe("T") as follower:
        bus.publish("T", _events(1))
        bus.close("T")

        assert _numbers(follower.take()) == [1]
