"""Which tasks are ranked anew, and how often: the look at them, without a graph."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, cast

from engine.estimates.learning import Learner
from engine.estimates.profile import Observation
from engine.estimates.ranking import Ranked
from engine.estimates.sizes import Sizes
from engine.ledger import Ledger
from engine.ports import Graph
from engine.reranking import AGAIN_SECONDS, LEAST, MOST, Reranker
from engine.running import RunningTask
from tests.support.clock import FakeClock
from tests.support.ledger import running_task


class Desk:
    """A reranker whose work is noted and not done."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.ledger = Ledger(4, {})
        nothing = cast(Graph, None)
        self.learner = Learner(nothing, self.clock, lambda _: "1", Sizes(lambda _: None))
        self.works: list[Coroutine[Any, Any, None]] = []
        self.reranker = Reranker(nothing, self.ledger, self.clock, self.learner, self.works.append, cast(Any, None))

    def task(self, id_: str = "T", waiting: int = LEAST, **kinds: float | None) -> RunningTask:
        task = running_task(id_, waiting)
        task.ranked = Ranked(dict(kinds))
        self.ledger.add(task)
        return task

    def learn(self, type_: str, seconds: float) -> None:
        self.learner.note(type_, "1", None, Observation(seconds))

    def look(self) -> list[str]:
        """Looks at what was learned; the tasks that want another order."""
        self.reranker.look(self.learner.changed)
        wanted = list(self.reranker._wanted)
        self.reranker._wanted.clear()
        for work in self.works:
            work.close()
        self.works.clear()
        return wanted


def test_a_task_is_ranked_anew_when_one_of_its_kinds_takes_much_longer() -> None:
    desk = Desk()
    desk.task(a=1.0, b=1.0)
    desk.task("U", c=1.0, d=1.0)

    desk.learn("a", 1.1)
    assert desk.look() == []
    for _ in range(5):
        desk.learn("b", 20.0)
    assert desk.look() == ["T"]


def test_small_large_and_closed_tasks_keep_their_order() -> None:
    desk = Desk()
    desk.task("small", LEAST - 1, a=1.0, b=1.0)
    desk.task("large", MOST + 1, a=1.0, b=1.0)
    desk.task("closed", a=1.0, b=1.0).gate = "cancelling"
    desk.task("right", MOST, a=1.0, b=1.0)

    desk.learn("a", 20.0)

    assert desk.look() == ["right"]


def test_a_task_is_not_ranked_again_at_once() -> None:
    desk = Desk()
    task = desk.task(a=1.0, b=1.0)
    task.ranked.due_at = desk.clock.monotonic() + AGAIN_SECONDS
    desk.learn("a", 20.0)
    assert desk.look() == []

    desk.clock.advance(AGAIN_SECONDS)

    assert desk.look() == ["T"]


def test_a_new_task_is_compared_with_what_is_expected_when_it_comes() -> None:
    desk = Desk()
    for _ in range(5):
        desk.learn("a", 20.0)
    task = desk.task(a=None, b=None)
    desk.reranker.begin(task)

    desk.learn("a", 20.0)

    assert desk.look() == []
    assert task.ranked.kinds is not None and 15 < (task.ranked.kinds["a"] or 0) < 25


def test_what_a_task_grows_counts_from_what_was_known_before() -> None:
    desk = Desk()
    task = desk.task(a=1.0)
    desk.learn("a", 1.0)
    desk.look()
    task.ranked.grown(["b"])

    desk.learn("b", 30.0)

    assert desk.look() == ["T"]


def test_after_a_restart_the_first_lesson_is_reason_enough() -> None:
    desk = Desk()
    desk.task().ranked.kinds = None

    desk.learn("a", 1.0)

    assert desk.look() == ["T"]
