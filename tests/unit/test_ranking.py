"""When the order of a running task is looked at again, and what becomes of it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from engine.estimates.estimate import Estimate
from engine.estimates.ranking import Ranked, apart, ranked_again
from engine.model import Rank, Standing
from engine.plan.build import order_key

Edges = list[tuple[str, str]]


def _row(key: str, type_: str, index: int, rank: float = 1.0, *, status: str = "ready", tail: str = "") -> Standing:
    return Standing(key, type_, status, order_key(5, rank, index) + tail, None, None, 1.0, f"T.{index:07d}")


def _expect(**seconds: float) -> object:
    return lambda _, type_: Estimate(seconds[type_], 0.0, 0.0, 3)


def _again(rows: list[Standing], edges: Edges | None = None, has_run: bool = False, **seconds: float) -> list[Rank]:
    return ranked_again(rows, edges or [], _expect(**seconds), 2, has_run)  # type: ignore[arg-type]


def test_the_long_kind_comes_first() -> None:
    rows = [_row("a", "short", 0), _row("b", "long", 1), _row("c", "short", 2), _row("d", "long", 3)]

    found = _again(rows, short=0.1, long=2.0)

    assert [rank.id[-1] for rank in found] == ["1", "3", "0", "2"]
    assert (found[0].expected, found[0].rank, found[0].order_key) == (2.0, 2.0, order_key(5, 2.0, 1))


def test_a_path_counts_to_its_end() -> None:
    rows = [_row("a", "short", 0), _row("b", "short", 1), _row("c", "long", 2, status="pending")]

    found = _again(rows, [("c", "b")], short=0.1, long=2.0)

    assert [rank.id[-1] for rank in found][:2] == ["1", "2"]
    assert found[0].rank == 2.1


def test_nothing_is_written_where_the_order_stays() -> None:
    rows = [_row("a", "long", 0, 2.0), _row("b", "short", 1, 1.0)]

    assert _again(rows, short=3.0, long=40.0) == []


def test_what_runs_or_has_ended_keeps_its_place() -> None:
    rows = [
        _row("a", "short", 0, status="processing"),
        _row("b", "long", 1, status="completed"),
        _row("c", "short", 2),
        _row("d", "long", 3),
    ]

    assert {rank.id[-1] for rank in _again(rows, short=0.1, long=2.0)} == {"2", "3"}


def test_priority_goes_before_the_rank() -> None:
    urgent = Standing("u", "short", "ready", order_key(9, 1.0, 0), None, None, 1.0, "T.0000000")
    rows = [urgent, _row("a", "short", 1), _row("b", "long", 2)]

    found = _again(rows, short=0.1, long=2.0)

    assert [rank.id[-1] for rank in found] == ["0", "2", "1"]


def test_a_lane_keeps_together() -> None:
    """Items stream through the stages of a chain: lower item first, then the later stage."""
    items = [_row(f"m[{item}]", "short", 1, tail=f".{item:07d}.99") for item in range(3)]
    later = [_row(f"n[{item}]", "long", 1, tail=f".{item:07d}.98", status="pending") for item in range(3)]
    edges = [(f"n[{item}]", f"m[{item}]") for item in range(3)]
    rows = [_row("a", "short", 0), *items, *later]
    rows = [Standing(r.key, r.type, r.status, r.order_key, None, None, 1.0, r.key) for r in rows]

    found = _again(rows, edges, short=0.1, long=2.0)

    assert [rank.id for rank in found] == ["n[0]", "m[0]", "n[1]", "m[1]", "n[2]", "m[2]", "a"]


def test_what_was_known_of_sizes_stays() -> None:
    rows = [_row(key, "t", index) for index, key in enumerate("abc")]
    rows[2] = Standing("c", "t", "ready", order_key(5, 1.0, 2), None, None, 4.0, "T.0000002")

    found = _again(rows, t=10.0)

    assert found[0].id == "T.0000002"
    assert found[0].expected is not None and found[1].expected is not None
    assert round(found[0].expected / found[1].expected, 6) == 4.0


def test_a_subtask_without_work_of_its_own_expects_nothing() -> None:
    rows = [_row("a", "short", 0), Standing("m", "long", "ready", order_key(5, 1.0, 1), None, None, None, "m")]

    assert _again(rows, short=0.1, long=2.0)[0] == Rank("m", None, 2.0, order_key(5, 2.0, 1))


def test_a_plan_that_has_run_is_searched() -> None:
    rows = [_row(f"k{index}", "long" if index % 2 else "short", index) for index in range(9)]

    found = _again(rows, has_run=True, short=0.1, long=2.0)

    assert {int(rank.id[-1]) % 2 for rank in found[:4]} == {1}


@given(st.lists(st.tuples(st.sampled_from("xyz"), st.sampled_from(["ready", "pending", "retrying"])), max_size=12))
def test_the_new_order_is_the_one_that_is_written(kinds: list[tuple[str, str]]) -> None:
    """Beside those that keep their key, what is written sorts by rank, ties in plan order."""
    rows = [_row(f"k{index}", type_, index, status=status) for index, (type_, status) in enumerate(kinds)]
    seconds = {"x": 0.1, "y": 2.0, "z": 30.0}

    keys = {row.id: row.order_key for row in rows} | {
        rank.id: rank.order_key for rank in _again(rows, x=0.1, y=2.0, z=30.0)
    }

    wanted = sorted(rows, key=lambda row: (-seconds[row.type], row.id))
    assert sorted(rows, key=lambda row: keys[row.id]) == wanted


# --- when ---------------------------------------------------------------------------------------------------------


def test_an_estimate_has_to_change_by_half() -> None:
    assert [apart(1.0, seconds) for seconds in (0.5, 0.7, 1.0, 1.4, 1.6)] == [True, False, False, False, True]
    assert not apart(0.00001, 0.0005), "instant is instant"


def test_a_task_is_outdated_by_a_kind_that_waits_in_it() -> None:
    ranked = Ranked({"a": 1.0, "b": 1.0})

    assert not ranked.outdated({"c": 9.0}, {})
    assert not ranked.outdated({"a": 1.2}, {})
    assert ranked.outdated({"a": 1.2, "b": 0.1}, {})


def test_one_kind_has_no_order_to_change() -> None:
    assert not Ranked({"a": 1.0}).outdated({"a": 9.0}, {})


def test_a_kind_that_came_later_counts_from_what_was_known_then() -> None:
    ranked = Ranked({"a": 1.0})
    ranked.grown(["b"])

    assert not ranked.outdated({"b": 3.0}, {"b": 2.9})
    assert ranked.outdated({"b": 9.0}, {"b": 8.9}), "from then on it is compared with that"


def test_what_grows_in_a_task_with_another_order_makes_it_outdated() -> None:
    ranked = Ranked({"a": 1.0, "b": 1.0}, again=True)
    assert not ranked.outdated({"a": 1.0}, {})

    ranked.grown(["b"])

    assert ranked.outdated({"a": 1.0}, {})


def test_after_a_restart_the_first_lesson_has_it_looked_at() -> None:
    assert Ranked(None).outdated({"a": 1.0}, {})
