"""What is due, when, and once; the clock is moved by hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.timers import Kind, Timer, Timers
from tests.support.clock import START, FakeClock


class Bell:
    """Timers on a clock of its own, and how often they rang."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.rings = 0
        self.timers = Timers(self.clock, self._ring)

    def _ring(self) -> None:
        self.rings += 1

    def set(self, name: str, seconds: float, task: str = "T") -> Timer:
        timer = Timer(task, name, name, Kind.BACKOFF)
        self.timers.set(timer, START + round(1000 * seconds))
        return timer

    def due(self) -> list[str]:
        return [timer.id for timer in self.timers.due()]


@pytest.fixture
def bell() -> Bell:
    return Bell()


def test_it_rings_at_the_moment_and_tells_what_is_due_once(bell: Bell) -> None:
    bell.set("b", 2)
    bell.set("a", 1)
    bell.clock.advance(0.999)
    assert (bell.rings, bell.due()) == (0, [])

    bell.clock.advance(0.001)
    assert (bell.rings, bell.due(), bell.due()) == (1, ["a"], [])
    bell.clock.advance(5)
    assert (bell.rings, bell.due(), len(bell.timers), bell.clock.waiting) == (2, ["b"], 0, 0)


def test_what_is_due_comes_earliest_first(bell: Bell) -> None:
    for name, seconds in (("c", 3), ("a", 1), ("b", 2)):
        bell.set(name, seconds)
    bell.clock.advance(10)

    assert bell.due() == ["a", "b", "c"]


def test_one_that_is_set_again_is_moved_either_way(bell: Bell) -> None:
    bell.set("later", 1)
    bell.set("later", 5)
    bell.set("sooner", 9)
    bell.set("sooner", 2)

    bell.clock.advance(1)
    assert bell.due() == []
    bell.clock.advance(1)
    assert bell.due() == ["sooner"]
    bell.clock.advance(3)
    assert bell.due() == ["later"]
    bell.clock.advance(10)
    assert bell.due() == []


def test_one_that_is_dropped_is_never_due_and_can_be_set_again(bell: Bell) -> None:
    timer = bell.set("a", 1)
    bell.timers.drop(timer)
    bell.timers.drop(timer)
    bell.clock.advance(2)
    assert (bell.due(), len(bell.timers)) == ([], 0)

    bell.set("a", 1)
    assert bell.due() == ["a"]


def test_kinds_of_one_subtask_do_not_disturb_each_other(bell: Bell) -> None:
    for kind in Kind:
        bell.timers.set(Timer("T", "a", "a", kind), START + 1000)
    bell.timers.drop(Timer("T", "a", "a", Kind.QUEUE))
    bell.clock.advance(1)

    assert {timer.kind for timer in bell.timers.due()} == set(Kind) - {Kind.QUEUE}


def test_a_task_takes_its_own_with_it(bell: Bell) -> None:
    bell.set("a", 1)
    bell.set("b", 2)
    bell.set("c", 1, task="U")
    bell.timers.drop_task("T")
    bell.timers.drop_task("nobody")
    bell.clock.advance(5)

    assert bell.due() == ["c"]


def test_what_is_set_in_the_past_rings_at_once(bell: Bell) -> None:
    bell.set("a", -60)
    bell.clock.advance(0)

    assert (bell.rings, bell.due()) == (1, ["a"])


def test_the_database_s_time_counts_not_the_process_s(bell: Bell) -> None:
    """The alarm was set by what was known then; when it goes off too early it is set once more."""
    bell.set("a", 10)
    bell.clock.correct(-4_000)

    bell.clock.advance(10)
    assert (bell.rings, bell.due()) == (1, [])
    bell.clock.advance(4)
    assert (bell.rings, bell.due()) == (2, ["a"])


def test_it_rings_no_more_when_closed(bell: Bell) -> None:
    bell.set("a", 1)
    bell.timers.close()
    bell.clock.advance(5)

    assert bell.rings == 0


def test_one_alarm_is_enough_for_all(bell: Bell) -> None:
    for number in range(1_000):
        bell.set(f"k{number}", 1 + number)

    assert bell.clock.waiting == 1


@given(
    st.lists(
        st.tuples(st.sampled_from(["set", "drop", "task", "pass"]), st.integers(0, 5), st.integers(0, 20)), max_size=60
    )
)
def test_it_agrees_with_a_plain_table(steps: list[tuple[str, int, int]]) -> None:
    bell = Bell()
    table: dict[Timer, int] = {}
    for what, number, seconds in steps:
        timer = Timer(f"T{number % 2}", f"k{number}", "", Kind.TOTAL)
        if what == "set":
            table[timer] = START + seconds * 1000
            bell.timers.set(timer, table[timer])
        elif what == "drop":
            table.pop(timer, None)
            bell.timers.drop(timer)
        elif what == "task":
            table = {other: at for other, at in table.items() if other.task_id != timer.task_id}
            bell.timers.drop_task(timer.task_id)
        else:
            bell.clock.advance(seconds / 4)
            due = bell.timers.due()
            assert sorted(due) == sorted(timer for timer, at in table.items() if at <= bell.clock.now())
            assert [table[timer] for timer in due] == sorted(table[timer] for timer in due)
            table = {timer: at for timer, at in table.items() if at > bell.clock.now()}
        assert len(bell.timers) == len(table)
        assert bell.clock.waiting >= bool(table)
