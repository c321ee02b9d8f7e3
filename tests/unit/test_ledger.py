"""What the scheduler knows and decides, without I/O."""

from __future__ import annotations

import itertools
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from engine.ledger import MOST_PER_TURN, Ledger
from engine.model import Finish, OpenTask, Pause, Task
from engine.plan.items import items
from engine.plan.spec import MapSpec, Spec
from engine.states import SubtaskStatus, TaskStatus
from engine.turn import Change, Claim, Move, TaskChanges, TurnResult
from tests.support.ledger import World, claimed, interrupted, move, running_task, settle


def test_a_turn_asks_for_what_is_ready_up_to_the_free_slots() -> None:
    world = World(3)
    task = world.add("a", ["noop"] * 5)

    world.turn()

    assert (world.ledger.running, task.ready, task.counts["processing"], task.last_event) == (3, 2, 3, 4)
    assert task.started_at == 5
    assert world.ledger.turn("t", 6) is None


def test_a_task_that_settles_may_ask_for_more_than_is_known() -> None:
    """What it unlocks in that very turn would else wait a whole round trip."""
    ledger = Ledger(10, {})
    task = running_task("a", 1, pending=1)
    ledger.add(task)
    first = ledger.turn("t", 1)
    assert first is not None
    claim = Claim("a.1", "a", "k", "noop", "{}", 1, 0)
    ledger.apply(first, TurnResult([TaskChanges("a", 2, [claimed("a.1")])], [claim], [], []))
    ledger.outcome(settle(claim))

    second = ledger.turn("t", 2)

    assert second is not None
    assert [(wish.task_id, wish.count) for wish in second.claims] == [("a", 10)]
    assert second.sequences == {"a": 2}


def test_max_parallel_bounds_a_task() -> None:
    world = World(10)
    world.add("a", ["noop"] * 8, max_parallel=2)

    world.idle()
    assert world.ledger.running == 2
    world.settle()
    world.idle()

    assert world.ledger.running == 2


def test_a_task_whose_gate_is_closed_asks_for_nothing() -> None:
    world = World(10)
    task = world.add("a", ["noop"] * 3)
    task.gate = "cancelling"

    assert world.ledger.turn("t", 1) is None
    assert not world.ledger.wants_turn()


def test_a_draining_engine_settles_and_claims_nothing() -> None:
    world = World(2)
    world.add("a", ["noop"] * 5)
    world.turn()
    world.ledger.draining = True
    world.settle()

    turn = world.ledger.turn("t", 1)

    assert turn is not None
    assert (len(turn.settle), turn.claims) == (1, [])


def test_slots_are_shared_between_a_huge_and_a_small_task() -> None:
    world = World(10)
    world.add("huge", ["noop"] * 5_000)
    for _ in range(20):
        world.idle()
        while world.running:
            world.settle()
    world.add("small", ["noop"] * 20)

    turns = 0
    while sum(id_.startswith("small") for id_ in world.frontier.done) < 20:
        world.turn()
        while world.running:
            world.settle()
        turns += 1

    assert turns <= 6


def test_a_turn_settles_a_bounded_number() -> None:
    world = World(2 * MOST_PER_TURN)
    world.add("a", ["noop"] * (2 * MOST_PER_TURN))
    world.turn()
    while world.running:
        world.settle()

    sizes = []
    while world.ledger.has_outcomes:
        turn = world.ledger.turn("t", 1)
        assert turn is not None
        sizes.append(len(turn.settle))
        world.ledger.apply(turn, world.frontier.answer(turn))

    assert sizes == [MOST_PER_TURN, MOST_PER_TURN]


def test_a_limited_type_never_exceeds_its_limit_and_the_rest_fills_the_slots() -> None:
    world = World(6, {"shell": 2})
    world.add("a", ["shell"] * 10 + ["noop"] * 10)

    world.idle()

    assert Counter(claim.type for claim in world.running) == {"shell": 2, "noop": 4}


def test_holds_are_reopened_one_by_one_as_the_type_gets_free() -> None:
    world = World(4, {"shell": 1})
    world.add("a", ["shell"] * 5)
    order = []
    for _ in range(5):
        world.idle()
        assert len(world.running) == 1
        order.append(world.running[0].id[-1])
        world.settle()

    assert order == ["0", "1", "2", "3", "4"]


def test_a_hold_is_not_reopened_for_a_turn_that_is_not_sent() -> None:
    """Its type is free but no slot is: whatever wakes the engine then must not lose track of what is held."""
    world = World(2, {"shell": 1})
    limited = world.add("limited", ["shell"] * 3)
    world.idle()
    assert limited.held["shell"] == 2
    world.add("greedy", ["noop"] * 9, weight=1_000)
    world.turn()
    world.settle()
    world.turn()
    assert [claim.type for claim in world.running] == ["noop", "noop"]
    known = (limited.ready, limited.held["shell"])

    assert world.ledger.turn("t", 1) is None

    assert (limited.ready, limited.held["shell"]) == known == (1, 1)


def test_a_claim_that_the_graph_did_not_have_is_noticed() -> None:
    ledger = Ledger(5, {})
    task = running_task("a", 3)
    ledger.add(task)
    turn = ledger.turn("t", 1)
    assert turn is not None

    ledger.apply(turn, TurnResult([], [], [], []))

    assert ledger.take_drifted() == [task]
    assert ledger.take_drifted() == []


def test_what_was_asked_in_vain_is_given_back_to_the_fair_share() -> None:
    ledger = Ledger(10, {})
    greedy, modest = running_task("greedy", 1), running_task("modest", 100)
    ledger.add(greedy)
    ledger.interrupted(interrupted("greedy"))
    turn = ledger.turn("t", 1)
    assert turn is not None
    assert [(wish.task_id, wish.count) for wish in turn.claims] == [("greedy", 10)]

    ledger.apply(turn, TurnResult([], [Claim("greedy.0", "greedy", "k", "noop", "{}", 1, 0)], [], []))
    ledger.add(modest)

    assert greedy.virtual_time <= 2 / greedy.weight


def test_interrupted_attempts_hold_no_slot() -> None:
    ledger = Ledger(1, {})
    ledger.add(running_task("a", 1))
    ledger.interrupted(interrupted("a"))

    turn = ledger.turn("t", 1)

    assert turn is not None
    assert (len(turn.settle), turn.claims[0].count, ledger.running) == (1, 1, 0)


def test_moves_are_made_by_the_next_turn_and_may_ask_for_slots() -> None:
    """What a move makes ready can be claimed in the very turn that makes it."""
    ledger = Ledger(3, {})
    ledger.add(running_task("a", 0, pending=2))
    moves = [move("a", id_, SubtaskStatus.PENDING, SubtaskStatus.BLOCKED) for id_ in "21"]

    ledger.move(moves)
    assert (ledger.has_outcomes, ledger.wants_turn()) == (True, True)
    turn = ledger.turn("t", 1)

    assert turn is not None
    assert [move.id for move in turn.moves] == ["a.1", "a.2"]
    assert [(wish.task_id, wish.count) for wish in turn.claims] == [("a", 3)]
    assert turn.sequences == {"a": 1}
    assert not ledger.has_outcomes


def test_what_goes_first_has_a_turn_of_its_own() -> None:
    """A verdict that waits was given on the state before: it must find what came between."""
    ledger = Ledger(3, {})
    ledger.add(running_task("a", 0, pending=2))
    verdict = move("a", "1", SubtaskStatus.PENDING, SubtaskStatus.BLOCKED)
    retry = move("a", "2", SubtaskStatus.QUARANTINED, SubtaskStatus.READY)

    ledger.move([verdict])
    ledger.move_first([retry])
    turns = [ledger.turn(id_, 1) for id_ in "tu"]

    assert [[move.id for move in turn.moves] for turn in turns if turn] == [["a.2"], ["a.1"]]
    assert not (ledger.has_first or ledger.has_outcomes)


def test_a_turn_makes_a_bounded_number_of_moves() -> None:
    ledger = Ledger(1, {})
    ledger.add(running_task("a", 0, pending=MOST_PER_TURN + 1))
    ledger.move([move("a", f"{n:04d}", SubtaskStatus.PENDING, SubtaskStatus.SKIPPED) for n in range(MOST_PER_TURN + 1)])

    turns = [ledger.turn("t", 1), ledger.turn("t", 1)]

    assert [len(turn.moves) for turn in turns if turn is not None] == [MOST_PER_TURN, 1]


def test_a_turn_moves_a_subtask_from_one_state_once() -> None:
    """Two verdicts on the same subtask may arrive together; each would find it where it was."""
    ledger = Ledger(1, {})
    ledger.add(running_task("a", 1, pending=1))
    first = move("a", "1", SubtaskStatus.PENDING, SubtaskStatus.BLOCKED)
    last = move("a", "1", SubtaskStatus.PENDING, SubtaskStatus.SKIPPED)
    other = move("a", "1", SubtaskStatus.READY, SubtaskStatus.SKIPPED)

    ledger.move([first, last, other])
    turn = ledger.turn("t", 1)

    assert turn is not None
    assert turn.moves == [last, other]


def test_what_comes_for_a_task_that_has_ended_is_dropped() -> None:
    ledger = Ledger(1, {})
    ledger.add(running_task("a", 0, pending=1))
    ledger.move([move("a", "1", SubtaskStatus.PENDING, SubtaskStatus.READY)])
    ledger.interrupted(interrupted("a"))
    ledger.remove("a")

    assert ledger.turn("t", 1) is None
    assert not ledger.has_outcomes


def test_a_held_subtask_that_moved_makes_the_count_doubtful() -> None:
    """The ledger does not know which of the ready ones it was: it is counted anew."""
    world = World(2, {"shell": 1})
    task = world.add("a", ["shell"] * 3)
    world.idle()
    assert task.held["shell"] == 2
    skip = Move("a.0000002", "a", "k", "skip", SubtaskStatus.READY, SubtaskStatus.SKIPPED)
    world.ledger.move([skip])
    turn = world.ledger.turn("t", 1)
    assert turn is not None

    gone = Change(skip.id, "k", "skip", "ready", "skipped")
    world.ledger.apply(turn, TurnResult([TaskChanges("a", turn.sequences["a"] + 1, [gone])], [], [], []))

    assert world.ledger.take_drifted() == [task]


def test_a_paused_task_asks_for_nothing_until_it_goes_on() -> None:
    world = World(10)
    task = world.add("a", ["noop"] * 3)
    task.pause = Pause()
    assert world.ledger.turn("t", 1) is None

    task.pause = None
    world.ledger.offer(task)
    world.idle()

    assert world.ledger.running == 3


def test_a_shortage_of_resources_lowers_what_runs_of_the_type() -> None:
    world = World(8)
    world.add("a", ["shell"] * 20)
    world.idle()
    world.ledger.outcome(settle(world.running.pop(0), SubtaskStatus.RETRYING, "resource"))

    while world.running:
        world.settle()
    world.idle()

    assert Counter(claim.type for claim in world.running) == {"shell": 4}


def test_items_are_counted_as_they_grow_and_go() -> None:
    ledger = Ledger(1, {})
    task = running_task("a", 1)
    ledger.add(task)

    ledger.expanded("a", items(Spec(map=MapSpec([])), "T.0000001", "m", "noop", [1] * 5).children, 0)
    ledger.expanded("a", items(Spec(map=MapSpec([]), queue=3.0), "T.0000001", "m", "noop", [1] * 2).children, 5)

    assert (task.counts["pending"], ledger.unsettled, task.dirty) == (2, 3, True)
    assert [limit.queue for limit in task.timed.values()] == [3.0, 3.0]


def test_a_recount_replaces_what_was_believed() -> None:
    ledger = Ledger(5, {})
    task = running_task("a", 4, pending=3)
    ledger.add(task)
    task.held["shell"] = 2
    found = OpenTask(_stored("a"), {"completed": 5, "ready": 1, "pending": 1}, 40)

    ledger.recounted(task, found)

    assert (task.ready, +task.held, task.last_event, ledger.unsettled) == (1, Counter(), 40, 2)


def test_the_unsettled_of_all_tasks_are_counted_through_their_lives() -> None:
    world = World(3)
    world.add("a", ["noop"] * 4)
    world.add("b", ["noop"] * 2)
    assert world.ledger.unsettled == 6

    world.turn()
    world.settle()
    world.turn()
    assert world.ledger.unsettled == 5

    world.ledger.remove("b")
    assert world.ledger.unsettled == sum(task.unsettled for task in world.ledger.tasks.values())


def test_after_a_lost_answer_what_was_held_counts_as_ready() -> None:
    world = World(4, {"shell": 1})
    task = world.add("a", ["shell"] * 4)
    world.idle()
    assert (task.ready, task.held["shell"]) == (0, 3)
    world.settle()
    turn = world.ledger.turn("t", 1)
    assert turn is not None

    world.ledger.forget_answer(turn)

    assert (task.ready, +task.held) == (3, Counter())


def test_the_end_of_a_task_is_numbered_after_its_last_event() -> None:
    world = World(1)
    world.add("a", ["noop"])
    world.turn()
    world.settle()
    world.turn()

    end = world.ledger.numbered(Finish("a", TaskStatus.COMPLETED, 9, None, {}, 0, "1", None, None))

    assert (end.last_event, end.counts, end.started_at, end.result) == (4, {"completed": 1}, 5, "1")


@given(
    slots=st.integers(1, 6),
    limits=st.dictionaries(st.sampled_from("xyz"), st.integers(1, 3), max_size=3),
    tasks=st.lists(st.tuples(st.text("wxyz", min_size=1, max_size=12), st.integers(0, 3)), min_size=1, max_size=4),
    script=st.lists(st.integers(0, 11), min_size=1, max_size=40),
)
def test_every_subtask_runs_once_within_all_limits(
    slots: int, limits: dict[str, int], tasks: list[tuple[str, int]], script: list[int]
) -> None:
    """Whatever ends when, and whatever wakes the engine in between."""
    world = World(slots, limits)
    waiting = list(enumerate(tasks))
    started: list[str] = []

    def turn() -> None:
        result = world.turn()
        started.extend(claim.id for claim in (result.claims if result else ()))

    for choice in itertools.cycle(script):
        if waiting and (choice % 2 or not world.running):
            number, (types, cap) = waiting.pop()
            world.add(str(number), list(types), max_parallel=cap)
        for _ in range(choice % 3):
            turn()
        while world.ledger.wants_turn():
            turn()
        _within(world, slots, limits, {str(number): cap for number, (_, cap) in enumerate(tasks)})
        if world.running:
            world.settle(choice % len(world.running))
        elif not waiting:
            break

    everything = [f"{number}.{place:07d}" for number, (types, _) in enumerate(tasks) for place in range(len(types))]
    assert sorted(started) == sorted(everything)
    assert world.ledger.unsettled == 0


def _within(world: World, slots: int, limits: dict[str, int], caps: dict[str, int]) -> None:
    assert world.ledger.running == len(world.running) <= slots
    by_type = Counter(claim.type for claim in world.running)
    assert all(by_type[type_] <= limit for type_, limit in limits.items())
    by_task = Counter(claim.task_id for claim in world.running)
    assert all(number <= (caps[id_] or slots) for id_, number in by_task.items())
    for id_, task in world.ledger.tasks.items():
        assert task.ready == len(world.frontier.ready[id_])
        assert all(task.held[type_] == len(world.frontier.held.get((id_, type_), ())) for type_ in limits)


def _stored(id_: str) -> Task:
    return Task(
        id_,
        "plan",
        "",
        "",
        "",
        (),
        5,
        0,
        "continue",
        TaskStatus.PENDING,
        "E",
        0,
        0,
        None,
        None,
        0,
        {},
        None,
        None,
        None,
    )


def test_what_is_claimed_ahead_holds_no_slot_and_lets_the_next_one_be_claimed_at_once() -> None:
    world = World(2)
    world.add("a", ["noop"] * 6)
    world.ledger.ahead = 1

    world.turn()

    assert len(world.running) == 3
    assert world.ledger.running == 2
    assert world.turn() is None
    world.settle()
    world.turn()
    assert len(world.running) == 3


def test_only_tasks_whose_every_type_may_run_twice_are_claimed_ahead() -> None:
    ledger = Ledger(2, {}, lambda type_: type_ != "shell")
    careful, patient = running_task("a", 9), running_task("b", 9)
    careful.ranked.grown({"noop", "shell"})
    patient.ranked.grown({"noop"})
    ledger.add(careful)
    ledger.add(patient)
    ledger.ahead = 2

    turn = ledger.turn("t", 1)

    assert turn is not None
    assert {wish.task_id: wish.count for wish in turn.claims} == {"a": 1, "b": 3}


def test_a_task_that_may_not_be_claimed_ahead_keeps_its_place_in_the_queue() -> None:
    ledger = Ledger(1, {}, lambda _: False)
    careful = running_task("a", 3)
    careful.ranked.grown({"shell"})
    ledger.add(careful)
    ledger.ahead = 1
    first = ledger.turn("t", 1)
    assert first is not None
    assert [wish.count for wish in first.claims] == [1]
    claim = Claim("a.1", "a", "k", "shell", "{}", 1, 0)
    ledger.apply(first, TurnResult([TaskChanges("a", 2, [claimed("a.1")])], [claim], [], []))

    assert ledger.turn("t", 2) is None
    ledger.outcome(settle(claim))
    second = ledger.turn("t", 3)

    assert second is not None
    assert [wish.count for wish in second.claims] == [1]


def test_a_task_of_unknown_types_is_not_claimed_ahead() -> None:
    """After a restart nobody has looked at them yet."""
    ledger = Ledger(1, {})
    task = running_task("a", 3)
    task.ranked.kinds = None
    ledger.add(task)
    ledger.ahead = 1

    turn = ledger.turn("t", 1)

    assert turn is not None
    assert [wish.count for wish in turn.claims] == [1]
