"""The life of a task under whatever may happen to it, legal or not, in any order: an engine on the embedded graph.

Hypothesis chooses what happens: attempts end well or badly, time passes, people interfere, the engine stops or is gone.
The clock is moved by hand and each tool waits for the test, so a run is what was chosen and nothing else.
"""

from __future__ import annotations

import asyncio
import os
import random
import tempfile
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from engine import machinery
from engine.errors import Category, Conflict, ToolError
from engine.model import Event, Json, Subtask, Task
from engine.service import Engine
from engine.states import FINAL, SETTLED, SUBTASK_MOVES, TASK_MOVES, SubtaskStatus, TaskStatus, subtask_verbs
from tests.support.clock import FakeClock
from tests.support.engines import HELD, Lab, kill, story, subtasks
from tests.support.graphs import breaches, make_template
from tests.support.plans import plan, step
from tests.support.services import eventually

T = TypeVar("T")
LEGAL = {(move.event, move.source, move.target) for move in SUBTASK_MOVES}
TASK_EVENTS = {move.event for move in TASK_MOVES} | {"created"}
BACK = {"retry", "skip", "unblock"}
HELP = {"type": "hold"}
PLAN = plan(
    step("a", **HELP),
    step("b", type="hold", on_interrupt="ask", retry={"max_attempts": 2, "backoff_seconds": 10}),
    step("c", "a", "b", **HELP),
    step("d", "a", type="hold", run_if="any_failed", critical=False),
    step("e", "b", type="hold", optional=True),
    step("f", "c", "e", timeouts={"queue_seconds": 50}, **HELP),
    step("g", "a", "b", type="hold", run_if="all_settled", on_interrupt="fail", critical=False),
    step("h", type="hold", fallback={"type": "hold"}, timeouts={"total_seconds": 300}),
    step("i", "h", "d", run_if={"expression": 'subtasks.h.status == "completed"'}, **HELP),
    step("j", "f", "i", critical=False),
)
KEYS = [one["key"] for one in PLAN["plan"]["subtasks"]]
SPECS = {one["key"]: one for one in PLAN["plan"]["subtasks"]}
FAILURES = {SubtaskStatus.FAILED, SubtaskStatus.BLOCKED, SubtaskStatus.QUARANTINED}
SEEDS = [int(seed) for seed in os.environ.get("LIVES", "1,2,3,4").split(",")]
"""A life for each; name others in LIVES to look for more."""
VERBS = ["approve", "reject", "retry", "skip"]


class Life(RuleBasedStateMachine):
    """One task, one engine after the other."""

    template: Path

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.clock = FakeClock()
        self.seen: list[Event] = []
        self.rows: dict[str, Subtask] = {}
        self.ended: Task | None = None
        HELD.clear()

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        """Does something, lets everything that follows happen, and checks what there is then."""
        result = self.runner.run(work)
        self.runner.run(self._look())
        return result

    # --- what happens -----------------------------------------------------------------------------------------------

    @initialize(policy=st.sampled_from(["continue", "continue", "fail_fast"]), deadline=st.sampled_from([None, 2_000]))
    def begin(self, policy: str, deadline: int | None) -> None:
        folder = Path(tempfile.mkdtemp(dir=self.template.parent))
        self.lab = Lab("embedded", folder, folder.name, self.template)
        extra: dict[str, Json] = {"deadline_seconds": deadline} if deadline else {}

        async def start() -> None:
            self.engine = await self._start()
            self.task_id = (await self.engine.submit({**PLAN, **extra, "failure_policy": policy})).task_id

        self.do(start())

    async def _start(self) -> Engine:
        return await self.lab.start(
            max_parallel_tasks=4, shutdown_grace_seconds=0, retry_backoff_seconds=5, heartbeat_seconds=3_600
        )

    @rule(which=st.integers(0, 9), output=st.integers())
    def succeeds(self, which: int, output: int) -> None:
        if held := self._held(which):

            async def end() -> None:
                held.set_result(output)

            self.do(end())

    @rule(which=st.integers(0, 9), category=st.sampled_from(list(Category)), crashed=st.booleans())
    def fails_somehow(self, which: int, category: Category, crashed: bool) -> None:
        self.fails(which, category, crashed)

    def fails(self, which: int, category: Category, crashed: bool) -> None:
        if held := self._held(which):

            async def end() -> None:
                held.set_exception(ToolError("it broke", category=category, crashed=crashed))

            self.do(end())

    @rule(which=st.integers(0, 9), category=st.sampled_from([Category.LOGIC, Category.TRANSIENT]))
    def fails_plainly(self, which: int, category: Category) -> None:
        self.fails(which, category, False)

    @rule(which=st.integers(0, 9))
    def crashes(self, which: int) -> None:
        self.fails(which, Category.TRANSIENT, True)

    def _held(self, which: int) -> asyncio.Future[Json] | None:
        waiting = [held for _, held in sorted(HELD.items()) if not held.done()]
        return waiting[which % len(waiting)] if waiting else None

    @rule(seconds=st.sampled_from([1, 11, 60, 400]))
    def time_passes(self, seconds: int) -> None:
        async def wait() -> None:
            self.clock.advance(seconds)

        self.do(wait())

    @rule(mode=st.sampled_from(["drain", "now"]), until=st.sampled_from([None, (30, "resume"), (500, "cancel")]))
    def paused(self, mode: Any, until: tuple[int, Any] | None) -> None:
        seconds, then = until or (None, "resume")
        self._verb(lambda: self.engine.pause(self.task_id, mode, timeout_seconds=seconds, on_timeout=then))

    @rule()
    def resumed(self) -> None:
        self._verb(lambda: self.engine.resume(self.task_id))

    @rule(really=st.integers(0, 5))
    def cancelled(self, really: int) -> None:
        if really == 0:
            self._verb(lambda: self.engine.cancel(self.task_id), TaskStatus.CANCELLED)

    def _verb(self, verb: Callable[[], Awaitable[Task]], goal: TaskStatus | None = None) -> None:
        """A verb on the task: refused, and then without effect, if and only if the task is final in another way."""
        before, legal = list(self.seen), self.ended is None or self.ended.status is goal

        async def act() -> bool:
            try:
                await verb()
            except Conflict as refused:
                assert "legal now" in str(refused)
                return False
            return True

        assert self.do(act()) is legal
        if not legal:
            assert self.seen == before

    @rule(verb=st.sampled_from(VERBS), which=st.sampled_from(KEYS))
    def a_person_tries(self, verb: str, which: str) -> None:
        self.a_person_acts(verb, which)

    def a_person_acts(self, verb: str, which: str) -> None:
        before, row, open_ = list(self.seen), self.rows[which], self.ended is None

        async def act() -> Conflict | None:
            try:
                await getattr(self.engine, verb)(self.task_id, which, "ann")
            except Conflict as refused:
                return refused
            return None

        refused = self.do(act())
        if not open_:
            assert refused is not None
        elif verb in subtask_verbs(row.status) and not row.unmet:
            assert refused is None, refused
            assert any(event.key == which and event.event == verb for event in self.seen[len(before) :])
        if refused is not None:
            assert self.seen == before, "what is refused changes nothing"
            if open_:
                assert f"is {row.status.value}" in str(refused)
                assert "legal now" in str(refused)

    @precondition(lambda self: self.ended is None)
    @rule(which=st.integers(0, 99))
    def a_person_does_what_is_possible(self, which: int) -> None:
        possible = [(verb, key) for key, row in self.rows.items() for verb in subtask_verbs(row.status)]
        rare = [one for one in possible if self.rows[one[1]].status in SETTLED | {SubtaskStatus.AWAITING_APPROVAL}]
        if chosen := rare or possible:
            self.a_person_acts(*chosen[which % len(chosen)])

    @rule(really=st.integers(0, 2))
    def stops_and_starts(self, really: int) -> None:
        if really:
            return

        async def again() -> None:
            await self.lab.stop(self.engine)
            HELD.clear()
            self.engine = await self._start()

        self.do(again())

    @precondition(lambda self: self.ended is None)
    @rule(really=st.integers(0, 2))
    def is_killed_and_starts(self, really: int) -> None:
        if really:
            return

        async def again() -> None:
            await kill(self.engine)
            self.lab.engines.remove(self.engine)
            HELD.clear()
            self.engine = await self._start()

        self.do(again())

    # --- what must hold ---------------------------------------------------------------------------------------------

    async def _look(self) -> None:
        """Waits until nothing happens any more by itself; then the story so far must make sense."""
        await eventually(self._quiet, 20, poll=0.002)
        before, ended = self.seen, self.ended
        self.seen = await story(self.engine, self.task_id)
        self.rows = await subtasks(self.engine, self.task_id)
        task = await self.engine.task(self.task_id)
        self.ended = task if task.status in FINAL else None
        assert self.seen[: len(before)] == before, "what is recorded stays"
        if ended is not None:
            assert (self.seen, task) == (before, ended), "nothing changes after the end"
        self._check(task)

    def _quiet(self) -> bool:
        scheduler = self.engine._scheduler
        live = scheduler.ledger.tasks.get(self.task_id)
        held = live is None or all((found := HELD.get(id_)) and not found.done() for id_ in live.running)
        busy = (
            scheduler._jobs
            or scheduler._beside._working
            or scheduler.ledger.has_outcomes
            or scheduler.ledger.wants_turn()
        )
        return bool(scheduler._wake._waiters) and not busy and not scheduler._wake.is_set() and held

    def _check(self, task: Task) -> None:
        assert [event.seq for event in self.seen] == list(range(1, len(self.seen) + 1))
        status: dict[str, str] = {}
        claims = dict.fromkeys(KEYS, 0)
        for event in self.seen:
            if not event.key:
                assert event.event in TASK_EVENTS
                continue
            assert (event.event, event.source, event.status) in LEGAL, event
            assert status.get(event.key, event.source) == event.source, ("it was elsewhere", event)
            if event.source in SETTLED:
                assert event.event in BACK, event
            status[event.key] = event.status
            claims[event.key] += event.event == "claim"
        for key, row in self.rows.items():
            assert status.get(key, row.status) == row.status, key
            assert row.attempts == claims[key], key
        if self.ended is not None:
            assert all(row.status in SETTLED for row in self.rows.values())
            assert self.seen[-1].key == ""
            self._check_end(task)

    def _check_end(self, task: Task) -> None:
        critical = {key for key in KEYS if SPECS[key].get("critical", True) and not SPECS[key].get("optional", False)}
        unsuccessful = any(self.rows[key].status in FAILURES for key in critical)
        if task.status is TaskStatus.COMPLETED:
            assert not unsuccessful
        elif task.status is TaskStatus.FAILED:
            assert unsuccessful or "deadline" in (task.error or "")

    def teardown(self) -> None:
        """Everybody decides, everything ends well: then the task ends, and the graph breaks no rule."""
        try:
            if hasattr(self, "engine"):
                self.breaks_no_rule()
                self._to_the_end()
                self.runner.run(self.lab.close())
        finally:
            self.runner.close()

    def breaks_no_rule(self) -> None:
        """The counters and all else in the graph are in order, also while the task is open."""
        assert self.runner.run(breaches(self.engine._graph)) == {}

    def _to_the_end(self) -> None:
        for _ in range(60):
            if self.ended is not None:
                return
            self.do(self.engine.resume(self.task_id))
            for key in KEYS:
                self._help(key)
            if self._held(0):
                self.succeeds(0, 1)
            else:
                self.time_passes(60)
        raise AssertionError(f"it does not end: { {key: row.status.value for key, row in self.rows.items()} }")

    def _help(self, key: str) -> None:
        row = self.rows[key]
        if self.ended is None and row.status is SubtaskStatus.QUARANTINED:
            self.do(self.engine.skip(self.task_id, key))
        if self.ended is None and row.status is SubtaskStatus.AWAITING_APPROVAL:
            self.do(self.engine.approve(self.task_id, key))


def _walk(life: Life, seed: int, steps: int) -> None:
    """A long life in which failures and people are more frequent than Hypothesis makes them."""
    chance = random.Random(seed)

    def anyone() -> int:
        return chance.randrange(100)

    acts: list[tuple[int, Callable[[], object]]] = [
        (8, lambda: life.succeeds(anyone(), 1)),
        (5, lambda: life.fails(anyone(), chance.choice(list(Category)), False)),
        (3, lambda: life.crashes(anyone())),
        (4, lambda: life.time_passes(chance.choice([1, 11, 60, 60, 400]))),
        (8, lambda: life.ended or life.a_person_does_what_is_possible(anyone())),
        (2, lambda: life.a_person_tries(chance.choice(VERBS), chance.choice(KEYS))),
        (1, lambda: life.paused(chance.choice(["drain", "now"]), chance.choice([None, (30, "resume")]))),
        (2, lambda: life.resumed()),
        (1, lambda: life.stops_and_starts(0)),
        (2, lambda: life.ended or life.is_killed_and_starts(0)),
    ]
    life.begin("continue", None)
    try:
        for number, act in enumerate(chance.choices([act for _, act in acts], [weight for weight, _ in acts], k=steps)):
            act()
            if number % 5 == 0:
                life.breaks_no_rule()
        if chance.random() < 0.3:
            life.cancelled(0)
    finally:
        life.teardown()


@pytest.fixture
def lives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> type[Life]:
    """Lives that begin with an empty graph, and whose engines look at the test's clock."""

    class OneLife(Life):
        """One life of this test."""

        template = make_template(tmp_path / "template")

        def __init__(self) -> None:
            super().__init__()
            monkeypatch.setattr(machinery, "SystemClock", lambda: self.clock)

    return OneLife


def test_whatever_happens_a_task_lives_by_the_rules(lives: type[Life]) -> None:
    few = settings(max_examples=10, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck))

    run_state_machine_as_test(lives, settings=few)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_long_life_ends_by_the_rules(lives: type[Life], seed: int) -> None:
    _walk(lives(), seed, 60)
