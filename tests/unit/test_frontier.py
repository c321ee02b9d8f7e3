"""The embedded graph's order of the ready frontier, its holds and its adjacency."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from graph.ladybug.frontier import TaskFrontier


def _frontier(*keys: str, type: str = "noop") -> TaskFrontier:
    return TaskFrontier([], [(key, f"id-{key}", type) for key in keys])


def test_the_lowest_order_key_goes_first() -> None:
    frontier = _frontier("c", "a", "b")
    frontier.push(("aa", "id-aa", "noop"))

    assert frontier.take(3, {}) == (["id-a", "id-aa", "id-b"], [])
    assert frontier.take(3, {}) == (["id-c"], [])
    assert frontier.take(3, {}) == ([], [])


def test_what_meets_a_closed_limit_is_held_and_taken_out_of_the_way() -> None:
    frontier = TaskFrontier([], [("a", "1", "x"), ("b", "2", "x"), ("c", "3", "noop"), ("d", "4", "x")])
    free = {"x": 1}

    assert frontier.take(3, free) == (["1", "3"], ["x"])
    assert free == {"x": 0}
    assert frontier.take(3, free) == ([], ["x"])
    assert frontier.take(3, {"x": 5}) == ([], [])


def test_holds_come_back_most_urgent_first() -> None:
    frontier = _frontier("c", "a", "b", type="x")
    frontier.take(3, {"x": 0})

    frontier.reopen("x", 2)
    frontier.reopen("other", 2)

    assert frontier.take(9, {}) == (["id-a", "id-b"], [])
    assert frontier.release() == 1
    assert frontier.take(9, {}) == (["id-c"], [])


def test_what_is_ready_no_more_is_passed_over_and_may_come_back_once() -> None:
    frontier = _frontier("a", "b", "c")

    frontier.drop("id-a")
    frontier.drop("id-b")
    frontier.push(("b", "id-b", "noop"))

    assert frontier.take(9, {}) == (["id-b", "id-c"], [])
    frontier.push(("a", "id-a", "noop"))
    assert frontier.take(9, {}) == (["id-a"], [])


def test_what_was_passed_over_takes_nobody_s_place() -> None:
    frontier = _frontier("a", "b", "c", type="x")
    frontier.drop("id-a")

    assert frontier.take(1, {"x": 1}) == (["id-b"], [])
    assert frontier.take(1, {"x": 1}) == (["id-c"], [])


def test_a_dependant_is_named_once_with_how_much_it_lost() -> None:
    frontier = TaskFrontier([("j", "a"), ("j", "b"), ("j", "c"), ("k", "a")], [])

    lowered = frontier.lowered([("a", 1, 0, 0), ("b", 1, 1, 0), ("c", 1, 1, 1), ("nobody", 1, 0, 0)])

    assert sorted(lowered) == [("j", 3, 2, 1), ("k", 1, 0, 0)]


def test_what_comes_back_raises_the_counters_again() -> None:
    frontier = TaskFrontier([("j", "a"), ("j", "b")], [])

    assert frontier.lowered([("a", -1, -1, 0), ("b", 1, 0, 0)]) == [("j", 0, -1, 0)]


def test_edges_may_come_later() -> None:
    frontier = TaskFrontier([("j", "m")], [])
    frontier.link([("i0", "m"), ("j", "i0")])

    assert sorted(frontier.lowered([("m", 1, 0, 0)])) == [("i0", 1, 0, 0), ("j", 1, 0, 0)]
    assert frontier.lowered([("i0", 1, 0, 0)]) == [("j", 1, 0, 0)]


@given(
    entries=st.lists(st.tuples(st.text("abc", max_size=4), st.sampled_from("xyz")), max_size=30),
    steps=st.lists(st.tuples(st.integers(0, 7), st.integers(0, 4), st.sampled_from("xyz")), max_size=20),
)
def test_nothing_is_lost_and_nothing_is_taken_twice(
    entries: list[tuple[str, str]], steps: list[tuple[int, int, str]]
) -> None:
    frontier = TaskFrontier([], [(key, str(number), type_) for number, (key, type_) in enumerate(entries)])
    taken: list[str] = []
    held = 0
    for count, free, type_ in steps:
        ids, types = frontier.take(count, {type_: free})
        assert len(ids) + len(types) <= count
        assert set(types) <= {type_}
        taken += ids
        held += len(types)
        frontier.reopen(type_, free)
    frontier.release()
    taken += frontier.take(len(entries), {})[0]

    assert sorted(taken, key=int) == [str(number) for number in range(len(entries))]


@given(
    st.lists(st.sampled_from("xy"), max_size=12),
    st.lists(st.integers(0, 11), max_size=6),
    st.permutations(range(12)),
)
def test_other_order_keys_lose_nothing(types: list[str], gone: list[int], keys: list[int]) -> None:
    """What is taken comes in the new order, each once, held ones too, and nothing that is gone."""
    frontier = TaskFrontier([], [(f"{place:02d}", str(place), type_) for place, type_ in enumerate(types)])
    frontier.take(len(types) // 2, {"x": 0, "y": 0})
    left = {str(place) for place in range(len(types))}
    ready = {id_ for _, id_, _ in frontier.ready}
    for place in map(str, gone):
        if place in ready:
            ready.discard(place)
            left.discard(place)
            frontier.drop(place)

    frontier.reorder({str(place): f"{key:02d}" for place, key in enumerate(keys)})

    frontier.release()
    assert frontier.take(99, {})[0] == sorted(left, key=lambda id_: keys[int(id_)])
