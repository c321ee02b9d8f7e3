"""A plan whose dependencies go round in a circle is refused with the one entry that closes it."""

from __future__ import annotations

import pytest

from engine.errors import InvalidInput
from tests.support.plans import Body, new_task, plan, step

CYCLE = "the dependencies form a cycle, each waiting for the next: "


def faults_of(*steps: Body) -> dict[str, str]:
    """The faults of a plan by their pointer."""
    with pytest.raises(InvalidInput) as refused:
        new_task(plan(*steps))
    return {fault.pointer: fault.detail for fault in refused.value.faults}


def test_the_entry_that_closes_a_cycle_is_named() -> None:
    found = faults_of(step("fetch"), step("parse", "fetch", "check"), step("check", "parse"))

    assert found == {"/plan/subtasks/1/dependencies/1": f"{CYCLE}parse -> check -> parse; remove one of them"}


def test_of_a_long_cycle_it_is_an_entry_of_the_first_subtask_in_it() -> None:
    found = faults_of(step("free"), step("a", "free", "c"), step("b", "a"), step("c", "free", "b"))

    assert found == {"/plan/subtasks/1/dependencies/1": f"{CYCLE}a -> c -> b -> a; remove one of them"}


@pytest.mark.parametrize("listed", [["x", "a", "b"], ["b", "c", "b", "a"], ["x", {}, "b"]])
def test_entries_that_count_for_nothing_are_counted_in_its_place(listed: list[object]) -> None:
    """Unknown ones, repeats, the subtask itself, and what is no key at all."""
    first = {"key": "a", "type": "noop", "dependencies": listed}

    found = faults_of(first, step("b", "a"), step("c"))

    assert f"{CYCLE}a -> b -> a; remove one of them" == found[f"/plan/subtasks/0/dependencies/{listed.index('b')}"]


def test_each_knot_has_its_own_fault() -> None:
    found = faults_of(step("a", "b"), step("b", "a"), step("c", "d"), step("d", "c"))

    assert list(found) == ["/plan/subtasks/0/dependencies/0", "/plan/subtasks/2/dependencies/0"]


def test_a_reference_that_closes_a_cycle_is_named_where_it_stands() -> None:
    found = faults_of({"key": "a", "type": "noop", "input": ["{{subtasks.b.output}}"]}, step("b", "a"))

    assert list(found) == ["/plan/subtasks/0/input/0"]
    assert "a -> b -> a" in found["/plan/subtasks/0/input/0"]
