"""What becomes of an attempt that was cut off: by the end of its engine, by a pause, or for good."""

from __future__ import annotations

import json
import random

import pytest

from engine import outcomes
from engine.interruption import on_interrupt, on_request
from engine.machine import Cancelled, Event, Interrupted, PutBack, decide
from engine.plan.spec import FallbackSpec, MapSpec, Spec
from engine.retries import Defaults
from engine.settings import Settings
from engine.states import SubtaskStatus
from engine.tools.registry import ToolRegistry, builtin_tools
from engine.turn import Claim, Settle

TOOLS = ToolRegistry(builtin_tools(Settings()))
STOP, PAUSE = PutBack(), PutBack(asked=True)


def claim(type_: str = "shell", **fields: object) -> Claim:
    values = {"spec": "{}", "token": 3, "queued_at": 0, "spent": 1, "interrupted": 1, "reason": "resource:2"} | fields
    return Claim("T.1", "T", "k", type_, **values)  # type: ignore[arg-type]


def settled(event: Event, policy: str, found: Claim | None = None) -> Settle:
    running = found or claim()
    stands = outcomes.standing(running, Spec(), policy, None)
    decision = decide(stands, event, 5_000, Defaults(), random.Random(1))
    return outcomes.cut_off(running, Spec(), event, decision, 1_000, 5_000)


@pytest.mark.parametrize(
    ("type_", "spec", "expected"),
    [
        ("shell", Spec(), "ask"),
        ("python", Spec(), "ask"),
        ("noop", Spec(), "retry"),
        ("http_request", Spec(input={"url": "http://host/"}), "retry"),
        ("http_request", Spec(input={"url": "http://host/", "method": "POST"}), "ask"),
        ("gone", Spec(), "ask"),
        ("noop", Spec(on_interrupt="fail"), "fail"),
        ("shell", Spec(on_interrupt="retry"), "retry"),
        ("shell", Spec(map=MapSpec([])), "retry"),
    ],
)
def test_the_tool_decides_unless_the_subtask_does(type_: str, spec: Spec, expected: str) -> None:
    assert on_interrupt(claim(type_), spec, TOOLS.get) == expected


def test_what_took_over_decides_once_it_has() -> None:
    spec = Spec(fallback=FallbackSpec("shell"))
    assert on_interrupt(claim("noop"), spec, TOOLS.get) == "retry"
    assert on_interrupt(claim("noop", fell_back=True), spec, TOOLS.get) == "ask"


@pytest.mark.parametrize(("said", "expected"), [(None, "retry"), ("retry", "retry"), ("ask", "ask"), ("fail", "fail")])
def test_after_a_pause_only_the_subtask_itself_can_refuse(said: str | None, expected: str) -> None:
    assert on_request(Spec(on_interrupt=said)) == expected


@pytest.mark.parametrize(
    ("policy", "to", "reason"),
    [
        ("retry", SubtaskStatus.READY, "resource:2"),
        ("ask", SubtaskStatus.AWAITING_APPROVAL, "interrupted"),
        ("fail", SubtaskStatus.FAILED, ""),
    ],
)
@pytest.mark.parametrize("event", [STOP, PAUSE])
def test_a_stop_or_a_pause_counts_as_nothing(event: PutBack, policy: str, to: SubtaskStatus, reason: str) -> None:
    found = settled(event, policy)
    assert (found.to, found.reason, found.outcome) == (to, reason, "interrupted")
    assert (found.spent, found.interrupted) == (None, None)
    assert (found.started_at, found.finished_at, found.token) == (1_000, 5_000, 3)


@pytest.mark.parametrize(
    ("policy", "to"),
    [("retry", SubtaskStatus.READY), ("ask", SubtaskStatus.AWAITING_APPROVAL), ("fail", SubtaskStatus.FAILED)],
)
def test_a_crash_counts_as_an_interruption(policy: str, to: SubtaskStatus) -> None:
    found = settled(Interrupted(), policy)
    assert (found.to, found.spent, found.interrupted) == (to, None, 2)


def test_the_third_interruption_sets_it_apart_and_stops_never_do() -> None:
    twice = claim(interrupted=2)
    assert settled(Interrupted(), "retry", twice).to is SubtaskStatus.QUARANTINED
    assert settled(STOP, "retry", twice).to is SubtaskStatus.READY


@pytest.mark.parametrize(
    ("event", "cause"), [(STOP, "the engine stopped"), (PAUSE, "the task was paused"), (Interrupted(), "the engine")]
)
@pytest.mark.parametrize("policy", ["ask", "fail"])
def test_the_error_says_what_to_do(event: Event, cause: str, policy: str) -> None:
    error = json.loads(settled(event, policy).error or "")
    assert error["message"].startswith(cause)
    assert '"on_interrupt": "retry"' in error["suggestion"]
    assert settled(event, "retry").error is None


def test_cancelled_is_for_good_whatever_the_policy() -> None:
    found = settled(Cancelled(), "ask")
    assert (found.to, found.outcome, found.category) == (SubtaskStatus.CANCELLED, "cancelled", "cancelled")
