"""Start-time fair queueing over the open tasks."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from engine.fairness import FairShare


@dataclass(eq=False)
class Asker:
    """A task as the share-out sees it, and how many slots it still wants."""

    id: str
    wants: int = 0
    weight: float = 1.0
    virtual_time: float = 0.0
    queued: bool = False


def _wants(task: Asker) -> int:
    return task.wants


def _give(fair: FairShare[Asker], tasks: list[Asker], slots: int) -> dict[str, int]:
    """One share-out, after which nobody wants any more what it was given."""
    for task in tasks:
        fair.offer(task)
    shares = fair.share(_wants, slots)
    for task in tasks:
        task.wants -= shares.get(task.id, 0)
    return shares


def _given(fair: FairShare[Asker], tasks: list[Asker], slots: int, rounds: int) -> Counter[str]:
    total: Counter[str] = Counter()
    for _ in range(rounds):
        total.update(_give(fair, tasks, slots))
    return total


def test_one_task_takes_what_it_wants_up_to_the_slots() -> None:
    fair: FairShare[Asker] = FairShare()
    task = Asker("a", wants=3)

    assert _give(fair, [task], 2) == {"a": 2}
    assert _give(fair, [task], 2) == {"a": 1}
    assert _give(fair, [task], 2) == {}


def test_equal_tasks_share_equally() -> None:
    fair: FairShare[Asker] = FairShare()

    assert _give(fair, [Asker(name, wants=100) for name in "abcd"], 40) == {"a": 10, "b": 10, "c": 10, "d": 10}


def test_what_one_does_not_want_goes_to_the_others() -> None:
    fair: FairShare[Asker] = FairShare()

    assert _give(fair, [Asker("a", wants=2), Asker("b", wants=100)], 10) == {"a": 2, "b": 8}


def test_slots_go_by_weight() -> None:
    fair: FairShare[Asker] = FairShare()
    tasks = [Asker("light", wants=10**6, weight=1.0), Asker("heavy", wants=10**6, weight=11.0)]

    total = _given(fair, tasks, 10, 120)

    assert total.total() == 1_200
    assert abs(total["heavy"] - 1_100) <= 11


def test_a_huge_task_never_starves_a_small_one() -> None:
    """The small one comes when the huge one has had thousands of slots, and is served at once all the same."""
    fair: FairShare[Asker] = FairShare()
    huge, small = Asker("huge", wants=10**6), Asker("small", wants=20)
    _given(fair, [huge], 10, 500)

    rounds = 0
    while small.wants:
        assert _give(fair, [huge, small], 10)["small"] >= min(5, small.wants)
        rounds += 1

    assert rounds <= 4


def test_a_task_with_nothing_to_run_saves_nothing_up() -> None:
    fair: FairShare[Asker] = FairShare()
    steady, rare = Asker("steady", wants=10**6), Asker("rare", wants=1)
    _given(fair, [steady, rare], 10, 100)

    rare.wants = 10**6
    shares = _given(fair, [steady, rare], 10, 10)

    assert abs(shares["rare"] - shares["steady"]) <= 10


def test_many_newcomers_do_not_push_an_old_task_out() -> None:
    fair: FairShare[Asker] = FairShare()
    old = Asker("old", wants=10**6)
    _given(fair, [old], 10, 100)

    for batch in range(50):
        shares = _give(fair, [old, *(Asker(f"new{batch}.{n}", wants=1) for n in range(10))], 20)
        assert shares["old"] >= 10


def test_a_refund_gives_the_turn_back() -> None:
    fair: FairShare[Asker] = FairShare()
    tasks = [Asker("a", wants=10**6), Asker("b", wants=10**6)]
    total: Counter[str] = Counter()
    for _ in range(100):
        shares = _give(fair, tasks, 10)
        fair.refund(tasks[0], shares["a"])
        total.update({"b": shares["b"]})
        assert abs(tasks[0].virtual_time) <= 100 * 10

    assert total["b"] <= 100 * 10
    assert _give(fair, tasks, 10)["a"] >= 5


def test_whoever_wants_nothing_leaves_the_queue_and_may_come_back() -> None:
    fair: FairShare[Asker] = FairShare()
    task = Asker("a", wants=1)
    _give(fair, [task], 5)
    assert fair.wanted(_wants) is False
    assert task.queued is False

    task.wants = 2
    assert fair.wanted(_wants) is False
    fair.offer(task)
    assert fair.wanted(_wants) is True


def test_looking_takes_nothing() -> None:
    fair: FairShare[Asker] = FairShare()
    tasks = [Asker("a", wants=1), Asker("b", wants=1)]
    for task in tasks:
        fair.offer(task)

    assert [fair.wanted(_wants) for _ in range(3)] == [True] * 3
    assert fair.share(_wants, 5) == {"a": 1, "b": 1}


@given(
    wants=st.lists(st.integers(0, 30), min_size=1, max_size=8),
    weights=st.lists(st.integers(1, 11), min_size=8, max_size=8),
    slots=st.integers(0, 40),
)
def test_all_slots_are_given_out_as_long_as_anyone_wants_one(wants: list[int], weights: list[int], slots: int) -> None:
    fair: FairShare[Asker] = FairShare()
    tasks = [Asker(str(n), wants=want, weight=weights[n]) for n, want in enumerate(wants)]
    wanted = {task.id: task.wants for task in tasks}

    shares = _give(fair, tasks, slots)

    assert sum(shares.values()) == min(slots, sum(wanted.values()))
    assert all(0 < given <= wanted[id_] for id_, given in shares.items())


@given(st.lists(st.tuples(st.integers(1, 11), st.integers(1, 60)), min_size=2, max_size=6), st.integers(1, 12))
def test_the_work_of_every_task_is_done_in_time_proportional_to_its_share(
    tasks: list[tuple[int, int]], slots: int
) -> None:
    """No task waits longer than its fair share of all that was given out before it ended, plus one slot for each."""
    fair: FairShare[Asker] = FairShare()
    askers = [Asker(str(n), wants=wants, weight=weight) for n, (weight, wants) in enumerate(tasks)]
    total_weight = sum(task.weight for task in askers)
    sizes: dict[str, int] = {task.id: task.wants for task in askers}
    given = 0
    while any(task.wants for task in askers):
        given += sum(_give(fair, askers, slots).values())
        for task in askers:
            if task.wants:
                got = sizes[task.id] - task.wants
                assert got >= given * task.weight / total_weight - len(askers) * 2
