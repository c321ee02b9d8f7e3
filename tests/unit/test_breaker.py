"""A breaker opens by what its window holds, lets one call try, and remembers that it is open."""

from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from engine.limits.breaker import Breaker, Rules, State, Stored

RULES = Rules(window=10.0, calls=4, rate=0.5, slow=2.0, open=30.0)
SECOND = 1000


def opened(at: int = 0) -> Breaker:
    """One that four failures have opened."""
    breaker = Breaker(RULES)
    for n in range(4):
        breaker.ended(f"s{n}", at, 0.1, failed=True)
    return breaker


def test_it_opens_when_enough_of_enough_calls_failed() -> None:
    breaker = Breaker(RULES)
    told = [breaker.ended("s", n, 0.1, failed=n % 2 == 1) for n in range(4)]

    assert told == [False, False, False, True]
    assert (breaker.state(3), breaker.stored.reason) == (State.OPEN, "2 of the last 4 calls failed")
    assert not breaker.enter("other", 3)


def test_calls_before_the_window_do_not_count() -> None:
    breaker = Breaker(RULES)
    for at in (0, 0, 0, 11 * SECOND):
        breaker.ended("s", at, 0.1, failed=True)

    assert breaker.state(11 * SECOND) is State.CLOSED


def test_slow_calls_open_it_as_failures_do() -> None:
    breaker = Breaker(RULES)
    for n in range(4):
        breaker.ended("s", n, 2.0, failed=False)

    assert breaker.stored.reason == "4 of the last 4 calls were slow"


def test_without_a_bound_no_call_is_slow() -> None:
    breaker = Breaker(msgspec.structs.replace(RULES, slow=None))
    for n in range(20):
        breaker.ended("s", n, 1e6, failed=False)

    assert breaker.state(20) is State.CLOSED


def test_one_call_tries_it_and_closes_it() -> None:
    breaker = opened()

    assert not breaker.enter("early", 30 * SECOND - 1)
    assert breaker.state(30 * SECOND) is State.HALF_OPEN
    assert [breaker.enter(who, 30 * SECOND) for who in ("probe", "second")] == [True, False]
    assert not breaker.ended("s0", 30 * SECOND, 0.1, failed=False)  # begun before it opened: says nothing any more
    assert breaker.ended("probe", 31 * SECOND, 0.1, failed=False)
    assert breaker.state(31 * SECOND) is State.CLOSED
    assert breaker.idle


def test_a_probe_that_fails_opens_it_again_for_as_long() -> None:
    breaker = opened()
    breaker.enter("probe", 30 * SECOND)

    assert breaker.ended("probe", 31 * SECOND, 0.1, failed=True)
    assert (breaker.state(60 * SECOND), breaker.state(61 * SECOND)) == (State.OPEN, State.HALF_OPEN)
    assert breaker.stored.opened_at == 0


def test_a_probe_that_says_nothing_makes_room_for_another() -> None:
    breaker = opened()
    breaker.enter("probe", 30 * SECOND)
    breaker.left("stranger")
    assert not breaker.admits(30 * SECOND)
    breaker.left("probe")

    assert breaker.enter("next", 30 * SECOND)


def test_a_clock_that_goes_back_does_not_take_half_open_back() -> None:
    breaker = opened()
    assert breaker.state(30 * SECOND) is State.HALF_OPEN

    assert breaker.state(29 * SECOND) is State.HALF_OPEN


def test_it_is_open_again_after_a_restart() -> None:
    stored = msgspec.json.decode(msgspec.json.encode(opened().stored), type=Stored)
    again = Breaker(RULES, stored)

    assert [again.state(at) for at in (0, 30 * SECOND)] == [State.OPEN, State.HALF_OPEN]
    assert again.stored.reason == "4 of the last 4 calls failed"


def test_a_person_closes_it() -> None:
    breaker = opened()
    breaker.reset()

    assert breaker.enter("s", 1)
    assert breaker.stored.state is State.CLOSED


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 5 * SECOND)), max_size=60))
def test_while_it_is_open_nobody_passes_and_half_open_one_at_a_time(steps: list[tuple[bool, int]]) -> None:
    breaker, now, inside = Breaker(RULES), 0, 0
    for n, (failed, wait) in enumerate(steps):
        now += wait
        state = breaker.state(now)
        if not breaker.enter(f"s{n}", now):
            assert state is State.OPEN
            continue
        inside += 1
        if state is State.HALF_OPEN:
            assert not breaker.admits(now)
        breaker.ended(f"s{n}", now, 0.1, failed)
    assert inside <= len(steps)
