"""Which tasks go to which engine."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from engine.balance import MOST_AT_ONCE, Movable, farewell, idlest, shares
from engine.ownerstore import Load

FREE = Load(0, 1_000)


def tasks(*sizes: int, running: bool = False) -> list[Movable]:
    return [Movable(f"t{n}", size, running) for n, size in enumerate(sizes)]


def test_an_engine_that_joins_gets_half_of_what_waits() -> None:
    moves = shares(600, 10, {"new": FREE}, tasks(100, 100, 100, 100, 100, 100))
    assert moves == [("t0", "new"), ("t1", "new"), ("t2", "new")]


def test_two_that_join_get_a_third_each() -> None:
    moves = shares(600, 10, {"b": FREE, "c": FREE}, tasks(100, 100, 100, 100, 100, 100))
    assert sorted(to for _, to in moves) == ["b", "b", "c", "c"]


def test_a_single_task_stays_for_another_engine_would_run_it_no_sooner() -> None:
    assert shares(1_000, 10, {"new": FREE}, tasks(1_000)) == []


def test_what_fits_into_the_slots_here_is_not_moved() -> None:
    assert shares(10, 10, {"new": FREE}, tasks(1, 1, 1)) == []


def test_a_task_of_which_nothing_runs_goes_before_a_larger_one() -> None:
    moves = shares(100, 4, {"new": FREE}, [Movable("busy", 50, running=True), Movable("still", 50)])
    assert moves == [("still", "new")]


def test_what_an_engine_has_no_room_for_stays() -> None:
    assert shares(300, 4, {"full": Load(0, 90)}, tasks(100, 100, 100)) == []


def test_without_others_nothing_goes() -> None:
    assert shares(300, 4, {}, tasks(100, 100, 100)) == []
    assert farewell({}, tasks(1)) == []


def test_one_that_stops_gives_away_what_does_not_run_each_to_the_idlest() -> None:
    quiet = [Movable("a", 50), Movable("b", 30), Movable("c", 10), Movable("runs", 5, running=True)]
    assert farewell({"x": FREE, "y": Load(10, 100)}, quiet) == [("a", "x"), ("b", "y"), ("c", "y")]


def test_a_look_moves_no_more_than_the_next_can_judge() -> None:
    assert len(farewell({"x": FREE}, tasks(*[1] * 50))) == MOST_AT_ONCE


def test_the_idlest_is_the_one_with_least_then_with_most_room() -> None:
    assert idlest({"a": Load(1, 5), "b": Load(1, 6), "c": Load(2, 99)}) == "b"


@given(
    sizes=st.lists(st.integers(1, 500), max_size=30),
    others=st.dictionaries(st.sampled_from("abcd"), st.integers(0, 3_000), max_size=4),
    slots=st.integers(1, 50),
)
def test_no_move_makes_the_giver_the_one_with_less(sizes: list[int], others: dict[str, int], slots: int) -> None:
    given = tasks(*sizes)
    loads = {id_: Load(unsettled, 10_000) for id_, unsettled in others.items()}
    own, taken = sum(sizes), dict(others)
    size_of = {task.id: task.unsettled for task in given}
    moves = shares(own, slots, loads, given)
    assert len({task for task, _ in moves}) == len(moves)
    for task, to in moves:
        own -= size_of[task]
        taken[to] += size_of[task]
        assert own >= taken[to], "else the two would pass it back and forth"
        assert own >= slots
