"""Steps in words: which of them can run side by side, by their words or by what they take and give."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.planning.ordering import Step, order_steps


def order(*texts: str) -> list[tuple[int, int]]:
    """The edges between steps that are words alone."""
    return order_steps([Step(text) for text in texts])


def test_a_step_needs_the_one_before_it() -> None:
    assert order("Mix the dough", "Bake it", "Eat") == [(0, 1), (1, 2)]


def test_steps_that_begin_alike_run_side_by_side_and_are_joined() -> None:
    assert order("Plan", "Buy flour", "Buy eggs", "2. buy milk", "Mix") == [
        (0, 1),
        (0, 2),
        (0, 3),
        (1, 4),
        (2, 4),
        (3, 4),
    ]


@pytest.mark.parametrize(
    "later", ["Paint the same wall again", "Paint it", "Paint the floor after that", "Paint the floor once dry"]
)
def test_a_step_that_points_back_is_no_sibling(later: str) -> None:
    assert order("Paint the wall", later) == [(0, 1)]


def test_steps_of_reasoning_build_on_one_another() -> None:
    assert order("Calculate the number of ducks", "Calculate the share of females") == [(0, 1)]


def test_nothing_and_one_and_steps_without_words() -> None:
    assert order() == order("Wait") == []
    assert order("...", "...") == [(0, 1)]


def test_what_steps_take_and_give_decides_where_it_is_known() -> None:
    steps = [
        Step("Scan", ("isbn code of the book",), ("details about the book", "whether it is available")),
        Step("Weather", ("city",), ("temperature",)),
        Step("Locate", ("book details",), ("place",)),
    ]
    assert order_steps(steps) == [(0, 2)]


@given(st.lists(st.builds(Step, st.text(max_size=20), st.just(()), st.just(())), max_size=8))
def test_edges_always_lead_forward(steps: list[Step]) -> None:
    edges = order_steps(steps)
    assert all(0 <= earlier < later < len(steps) for earlier, later in edges)
    assert len(set(edges)) == len(edges)
