"""The simulator against an event loop written down plainly, and what no schedule may ever do."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.estimates.simulator import Schedule, by_urgency, network, run
from engine.estimates.urgency import MOST, urgency
from engine.plan.order import order
from tests.bench.schedule import stg
from tests.bench.schedule.rules import RULES, makespan

Plan = tuple[list[list[int]], list[float]]


@st.composite
def plans(draw: st.DrawFn, shortest: int = 0) -> Plan:
    """Small acyclic plans in whole seconds, so that many things happen at the same time."""
    size = draw(st.integers(1, 12))
    numbers = st.lists(st.integers(0, 30), max_size=3)
    dependencies = [sorted({number % node for number in draw(numbers)}) if node else [] for node in range(size)]
    return dependencies, [float(draw(st.integers(shortest, 5))) for _ in range(size)]


def plainly(
    plan: Plan,
    slots: int,
    sequence: Sequence[int],
    types: Sequence[str] = "",
    limits: Mapping[str, int] | None = None,
    running: Mapping[int, float] | None = None,
) -> list[float]:
    """When each starts, found by trying every second; subtasks of no length are beyond it."""
    dependencies, durations = plan
    end = dict(running or {})
    start = dict.fromkeys(end, 0.0)
    now = 0.0
    while len(end) < len(durations):
        active = [node for node in end if end[node] > now]
        for node in sequence:
            settled = all(end.get(need, math.inf) <= now for need in dependencies[node])
            allowed = not limits or [types[other] for other in active].count(types[node]) < limits.get(types[node], 99)
            if node not in end and settled and allowed and len(active) < slots:
                start[node], end[node] = now, now + durations[node]
                active.append(node)
        now += 1.0
    return [start[node] for node in range(len(durations))]


def ends(found: Schedule, durations: Sequence[float]) -> list[float]:
    return [start + seconds for start, seconds in zip(found.start, durations, strict=True)]


@given(plans(shortest=1), st.integers(1, 4), st.randoms(use_true_random=False))
def test_it_starts_what_a_plain_event_loop_starts(plan: Plan, slots: int, chance: object) -> None:
    dependencies, durations = plan
    sequence = list(range(len(durations)))
    chance.shuffle(sequence)  # type: ignore[attr-defined]

    assert run(network(dependencies, sequence), durations, slots).start == plainly(plan, slots, sequence)


@given(plans(shortest=1), st.integers(1, 4), st.integers(1, 3), st.data())
def test_limits_by_type_and_what_runs_already_are_kept(plan: Plan, slots: int, limit: int, data: st.DataObject) -> None:
    dependencies, durations = plan
    sequence = list(range(len(durations)))
    types = data.draw(st.lists(st.sampled_from("ab"), min_size=len(sequence), max_size=len(sequence)))
    roots = [node for node in sequence if not dependencies[node] and types[node] == "b"][:slots]
    running = {
        node: durations[node] for node in data.draw(st.sets(st.sampled_from(roots)) if roots else st.just(set()))
    }
    limits = {"a": limit}

    found = run(network(dependencies, sequence, types), durations, slots, limits=limits, running=running)

    assert found.start == plainly(plan, slots, sequence, types, limits, running)


@given(plans(), st.integers(1, 4))
def test_no_schedule_breaks_a_dependency_or_uses_more_than_its_slots(plan: Plan, slots: int) -> None:
    dependencies, durations = plan
    found = run(network(dependencies, by_urgency(order(dependencies, durations).rank)), durations, slots)
    end = ends(found, durations)

    for node, needed in enumerate(dependencies):
        assert all(end[dependency] <= found.start[node] for dependency in needed)
    for moment in found.start:
        assert sum(a <= moment < b for a, b in zip(found.start, end, strict=True)) <= slots
    assert found.makespan == max(end)
    assert found.makespan >= max(max(order(dependencies, durations).rank), sum(durations) / slots) - 1e-9
    assert found.busy == sum(durations)


def test_what_runs_holds_its_slot_for_as_long_as_it_will_still_take() -> None:
    found = run(network([[], [0], []], [2, 0, 1]), [5.0, 1.0, 1.0], 1, running={0: 2.0})

    assert (found.start, found.makespan, found.busy) == ([0.0, 3.0, 2.0], 4.0, 4.0)


def test_more_runs_than_there_are_slots_when_slots_were_taken_away() -> None:
    found = run(network([[], [], []], [0, 1, 2]), [1.0, 1.0, 1.0], 1, running={0: 1.0, 1: 2.0})

    assert found.start[2] == 2.0


def test_priority_comes_before_urgency_and_plan_order_last() -> None:
    assert by_urgency([1.0, 9.0, 9.0, 2.0], [5, 5, 5, 8]) == [3, 1, 2, 0]
    assert by_urgency([1.0, 1.0], [5, 5], [7, 3]) == [1, 0]


@given(plans(), st.integers(1, 4))
def test_the_search_is_never_worse_than_the_upward_rank(plan: Plan, slots: int) -> None:
    dependencies, durations = plan

    plain = makespan(dependencies, RULES["upward rank"](*plan, slots), durations, slots)
    searched = makespan(dependencies, RULES["engine"](*plan, slots), durations, slots)

    assert searched <= plain


def test_the_search_finds_a_shorter_run_than_the_longest_path_first() -> None:
    """Two slots: 1 and 2 first, so that 0 and 3 end together."""
    dependencies: list[list[int]] = [[], [], [], [1]]
    durations = [4.0, 1.0, 3.0, 2.0]

    assert makespan(dependencies, RULES["upward rank"](dependencies, durations, 2), durations, 2) == 6.0
    assert makespan(dependencies, RULES["engine"](dependencies, durations, 2), durations, 2) == 5.0


def test_a_large_plan_and_one_of_a_single_subtask_keep_the_upward_rank() -> None:
    for size in (1, MOST + 1):
        found = order([[] for _ in range(size)], [float(node) for node in range(size)])

        assert urgency(found, [[] for _ in range(size)], found.rank, 2) is found.rank


def test_published_graphs_are_scheduled_close_to_their_optimum() -> None:
    """Every twentieth case; all of them: ``make bench-schedule``."""
    if not stg.FOLDER.is_dir():
        pytest.skip(f"{stg.FOLDER} is missing")
    over = []
    for case in stg.cases()[::20]:
        graph = case.graph
        sequence = RULES["engine"](graph.dependencies, graph.durations, case.slots)
        over.append(makespan(graph.dependencies, sequence, graph.durations, case.slots) / case.optimum - 1)

    assert len(over) == 68
    assert statistics.fmean(over) < 0.002
    assert sum(part == 0 for part in over) / len(over) > 0.9
