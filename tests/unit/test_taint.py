"""What came from outside: where it goes, what it meets, and the fewest approvals in between."""

from __future__ import annotations

from typing import Any

import pytest

from engine.model import Json
from engine.plan.spec import FallbackSpec, MapSpec, Refs, Spec
from engine.states import SubtaskStatus
from engine.taint.desk import Taint, taint_of
from engine.taint.flow import Row
from engine.taint.marks import GROWN_FROM, Marks
from engine.toolport import Declared

TASK = "T"


class Web(Declared):
    """Takes something in."""

    name, untrusted = "web", True


class Work(Declared):
    """Works on what it gets."""

    name = "work"


class Shell(Declared):
    """Refuses what came from outside."""

    name, refuses_tainted = "shell", True


TOOLS: dict[str, Any] = {tool.name: tool() for tool in (Web, Work, Shell)}


def row(index: int, type_: str, *needs: int, settled: bool = False, tainted: bool = False, **fields: Json) -> Row:
    """A subtask named by its type and place that takes the outputs of others."""
    refs = Refs(keys={f"k{need}": (need, False) for need in needs}) if needs else None
    status = SubtaskStatus.COMPLETED if settled else SubtaskStatus.PENDING
    spec = Spec(refs=refs, **fields).encode()
    return Row(f"{TASK}.{index:07d}", f"{type_}{index}", type_, spec, status, tainted)


def told(*rows: Row) -> Taint:
    return taint_of(list(rows), TOOLS.get, TASK)


def test_a_path_through_several_subtasks_asks_at_its_end() -> None:
    found = told(row(0, "web"), row(1, "work", 0), row(2, "work", 1), row(3, "shell", 2))
    assert (found.sources, found.asking) == (["web0"], ["shell3"])
    assert found.paths[0].keys == ["web0", "work1", "work2", "shell3"]
    assert found.approvals == ["shell3"]


def test_what_waits_without_a_reference_takes_nothing_over() -> None:
    assert told(row(0, "web"), row(1, "shell")).asking == []


def test_one_approval_where_all_ways_meet_is_the_smallest_set() -> None:
    ends = [row(index, "shell", 3) for index in range(4, 14)]
    found = told(row(0, "web"), row(1, "web"), row(2, "work", 0), row(3, "work", 1, 2), *ends)
    assert len(found.asking) == 10
    assert found.approvals == ["work3"]


def test_what_has_run_cannot_be_approved_any_more() -> None:
    done = {"settled": True, "tainted": True}
    ends = [row(index, "shell", 1) for index in (2, 3)]
    found = told(row(0, "web", **done), row(1, "work", 0, **done), *ends)
    assert found.approvals == ["shell2", "shell3"]
    assert found.tainted == ["web0", "work1"]


def test_two_ways_want_two_approvals_and_a_planned_one_is_none_more() -> None:
    rows = [row(0, "web"), row(1, "work", 0), row(2, "work", 0), row(3, "shell", 1), row(4, "shell", 2, approval=True)]
    found = told(*rows)
    assert found.asking == ["shell3", "shell4"]
    assert found.approvals == ["shell3"]


def test_an_approval_in_the_plan_stops_it() -> None:
    found = told(row(0, "web"), row(1, "work", 0, approval=True), row(2, "shell", 1))
    assert (found.asking, found.approvals) == ([], [])


def test_a_source_that_refuses_is_asked_for_what_comes_in_and_not_for_its_own() -> None:
    TOOLS["both"] = type("Both", (Web,), {"name": "both", "refuses_tainted": True})()
    assert told(row(0, "both")).asking == []
    found = told(row(0, "web"), row(1, "both", 0), row(2, "shell", 1))
    assert found.asking == ["both1", "shell2"]
    assert found.approvals == ["both1", "shell2"]


def test_a_fallback_counts_as_what_may_run() -> None:
    found = told(row(0, "web"), row(1, "work", fallback=FallbackSpec("shell", {}, Refs(keys={"k0": (0, False)}))))
    assert found.asking == ["work1"]
    assert told(row(0, "work", fallback=FallbackSpec("web", {})), row(1, "shell", 0)).asking == ["shell1"]


def test_a_circle_of_references_ends() -> None:
    assert told(row(0, "web", 1), row(1, "work", 0), row(2, "shell", 1)).asking == ["shell2"]


# --- in memory ---------------------------------------------------------------------------------------------------


def refs(**places: tuple[int, bool]) -> Spec:
    return Spec(refs=Refs(keys=dict(places)))


def test_nothing_is_looked_at_where_nothing_is_tainted() -> None:
    assert Marks().reaching(TASK, "T.0000001", refs(a=(0, False))) == []


def test_an_input_with_a_tainted_output_is_named_by_its_key() -> None:
    marks = Marks(["T.0000000"])
    assert marks.reaching(TASK, "T.0000001", refs(a=(0, False), b=(2, False))) == ["a"]
    marks.note("T.0000000", tainted=False)
    assert marks.reaching(TASK, "T.0000001", refs(a=(0, False))) == []


def test_items_are_tainted_by_the_list_that_they_were_made_from_and_taint_their_join() -> None:
    marks = Marks(["T.0000000"])
    item, join = "T.0000000.0000001", refs(m=(0, True))
    assert marks.reaching(TASK, item, Spec()) == [GROWN_FROM]
    assert marks.reaching(TASK, "T.0000001", join) == []
    marks.note(item, tainted=True)
    assert marks.reaching(TASK, "T.0000001", join) == ["m"]
    marks.note(item, tainted=False)
    marks.note(item, tainted=False)
    assert marks.reaching(TASK, "T.0000001", join) == []


def test_a_map_is_tainted_by_what_it_goes_over() -> None:
    over = Spec(map=MapSpec(over="", refs=Refs(keys={"a": (0, False)})))
    assert Marks(["T.0000000"]).reaching(TASK, "T.0000001", over) == ["a"]


@pytest.mark.parametrize("upstream", ["0000000.0000004", "0000000.0000004.0000001"])
def test_a_later_stage_is_tainted_by_the_item_that_it_follows(upstream: str) -> None:
    marks = Marks([f"T.{upstream}"])
    assert marks.reaching(TASK, "T.0000001.0000004", Spec(upstream=["0000000.0000004"])) != []
    assert marks.reaching(TASK, "T.0000001.0000005", Spec(upstream=["0000000.0000005"])) == []
