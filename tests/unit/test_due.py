"""By when a task should have ended, and that it is told once when that has passed."""

from __future__ import annotations

import pytest

from engine.due import APPROVAL, LATE, LATE_SECONDS, TimeKeeper
from engine.estimates.prediction import Prediction
from engine.estimates.promise import encode
from engine.model import Pause
from engine.running import RunningTask
from tests.support.clock import FakeClock
from tests.support.ledger import running_task


class Watch:
    """A time keeper on a clock that is moved by hand."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.rings = 0
        self.keeper = TimeKeeper(self.clock, self._ring)
        self.task: RunningTask = running_task("T", 1)
        self.task.estimate = encode(Prediction(4.0, 3.0, 6.0, 4.0, 4.0, {}))

    def _ring(self) -> None:
        self.rings += 1

    def told(self) -> list[tuple[str, str]]:
        return [(gate, detail) for _, gate, detail in self.keeper.due({"T": self.task})[1]]


def test_a_task_is_late_a_moment_after_its_promise() -> None:
    watch = Watch()
    watch.task.started_at = watch.clock.now()
    watch.keeper.begin(watch.task)

    watch.clock.advance(5.9 + LATE_SECONDS)
    assert (watch.rings, watch.told()) == (0, [])
    watch.clock.advance(0.2)

    assert watch.rings == 1
    assert watch.told() == [(LATE, "expected to take 3 to 6 s, and it goes on")]
    assert watch.told() == []


@pytest.mark.parametrize("reason", ["nothing was foretold", "it has not begun", "it is closed", "it has ended"])
def test_others_are_never_late(reason: str) -> None:
    watch = Watch()
    watch.task.started_at = watch.clock.now()
    match reason:
        case "nothing was foretold":
            watch.task.estimate = None
        case "it has not begun":
            watch.task.started_at = None
        case "it is closed":
            watch.task.gate = "cancelling"
    watch.keeper.begin(watch.task)
    if reason == "it has ended":
        watch.keeper.forget(watch.task)

    watch.clock.advance(1_000)

    assert watch.told() == []


def test_a_pause_does_not_move_the_promise() -> None:
    watch = Watch()
    watch.task.started_at = watch.clock.now()
    watch.keeper.begin(watch.task)
    watch.task.pause = Pause("me", None, "resume")
    watch.keeper.paused(watch.task)

    watch.clock.advance(6.0 + LATE_SECONDS)

    assert [gate for gate, _ in watch.told()] == [LATE]


def test_a_request_to_a_person_is_looked_at_when_its_time_is_over_and_once_after_a_restart() -> None:
    watch = Watch()
    watch.keeper.expect(watch.task, "T.0000000", "a", watch.clock.now() + 5_000)

    watch.clock.advance(4.9)
    assert (watch.rings, watch.told()) == (0, [])
    watch.clock.advance(0.2)
    assert watch.told() == [(APPROVAL, "a")]
    assert watch.told() == []

    watch.task.counts["awaiting_approval"] = 1
    watch.keeper.restore(watch.task, [])
    assert watch.told() == [(APPROVAL, "")]
    assert watch.told() == []
