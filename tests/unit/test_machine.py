"""``decide``: what each event means, and that an illegal one is refused in words."""

from __future__ import annotations

import random
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import machine
from engine.errors import Category, Conflict
from engine.machine import (
    POISON_LIMIT,
    Approve,
    BackoffOver,
    Cancelled,
    Decision,
    Event,
    Failed,
    IllegalMove,
    Interrupted,
    PutBack,
    Reject,
    Retry,
    Settled,
    Skip,
    Standing,
    Succeeded,
    TimedOut,
    Unblock,
    decide,
)
from engine.plan.spec import RetrySpec
from engine.retries import Defaults
from engine.states import SETTLED, SUBTASK_MOVES, SubtaskStatus, legal_events

NOW = 1_000_000
DEFAULTS = Defaults(max_retries=3, backoff_seconds=2.0, max_backoff_seconds=300.0)
RUNNING = Standing(SubtaskStatus.PROCESSING)
STATUSES = st.sampled_from(list(SubtaskStatus))
EVENTS: st.SearchStrategy[Event] = st.one_of(
    st.builds(
        Failed,
        st.sampled_from(list(Category)),
        st.sampled_from([None, True, False]),
        st.one_of(st.none(), st.floats(0, 1e6)),
        st.booleans(),
    ),
    st.builds(Settled, STATUSES),
    st.builds(PutBack, st.booleans()),
    st.sampled_from(
        [Succeeded(), Interrupted(), Cancelled(), TimedOut(), BackoffOver(), Approve(), Reject(), Retry(), Skip()]
    ),
    st.just(Unblock()),
)
STANDINGS = st.builds(
    Standing,
    status=STATUSES,
    spent=st.integers(0, 10),
    interrupted=st.integers(0, 4),
    retry=st.one_of(st.none(), st.builds(RetrySpec, st.integers(1, 5), jitter=st.booleans())),
    fallback=st.booleans(),
    on_interrupt=st.sampled_from(["retry", "fail", "ask"]),
    expires_at=st.one_of(st.none(), st.integers(0, 2 * NOW)),
)


def _decide(standing: Standing, event: Event, seed: int = 1) -> Decision:
    return decide(standing, event, NOW, DEFAULTS, random.Random(seed))


def _running(**fields: object) -> Standing:
    return Standing(SubtaskStatus.PROCESSING, **fields)  # type: ignore[arg-type]


@given(standing=STANDINGS, event=EVENTS)
def test_whatever_is_decided_is_in_the_table_and_whatever_is_not_is_refused(standing: Standing, event: Event) -> None:
    try:
        found = _decide(standing, event)
    except IllegalMove as refused:
        assert f"it is {standing.status.value}," in str(refused)
        for name in legal_events(standing.status):
            assert name in str(refused)
        return
    assert any((m.event, m.source, m.target) == (found.event, standing.status, found.to) for m in SUBTASK_MOVES)


@given(standing=STANDINGS, event=EVENTS)
def test_only_a_person_moves_what_is_settled(standing: Standing, event: Event) -> None:
    if standing.status in SETTLED and not isinstance(event, Retry | Skip | Unblock):
        with pytest.raises(IllegalMove):
            _decide(standing, event)


@given(event=EVENTS)
def test_what_is_completed_or_cancelled_never_moves(event: Event) -> None:
    for status in (SubtaskStatus.COMPLETED, SubtaskStatus.CANCELLED):
        with pytest.raises(IllegalMove, match="legal now: nothing: it is over"):
            _decide(Standing(status), event)


def test_an_illegal_move_is_a_conflict_that_names_the_state_and_what_is_legal() -> None:
    with pytest.raises(Conflict) as refused:
        _decide(Standing(SubtaskStatus.FAILED), Approve())

    assert str(refused.value) == "it is failed, so approve is not possible; legal now: skip, retry"


@pytest.mark.parametrize(
    "status, event, name, to",
    [
        ("processing", Succeeded(), "succeed", "completed"),
        ("processing", Cancelled(), "cancel", "cancelled"),
        ("retrying", Cancelled(), "cancel", "cancelled"),
        ("processing", PutBack(), "requeue", "ready"),
        ("retrying", BackoffOver(), "backoff_over", "ready"),
        ("ready", TimedOut(), "time_out", "failed"),
        ("awaiting_approval", TimedOut(), "time_out", "failed"),
        ("pending", Settled(SubtaskStatus.READY), "dependencies_settled", "ready"),
        ("pending", Settled(SubtaskStatus.SKIPPED), "dependencies_settled", "skipped"),
        ("pending", Settled(SubtaskStatus.BLOCKED), "dependencies_settled", "blocked"),
        ("pending", Settled(SubtaskStatus.FAILED), "dependencies_settled", "failed"),
        ("awaiting_approval", Approve(), "approve", "ready"),
        ("awaiting_approval", Reject(), "reject", "failed"),
        ("quarantined", Skip(), "skip", "skipped"),
        ("pending", Skip(), "skip", "skipped"),
        ("blocked", Unblock(), "unblock", "pending"),
        ("skipped", Unblock(), "unblock", "pending"),
    ],
)
def test_the_plain_moves(status: str, event: Event, name: str, to: str) -> None:
    found = _decide(Standing(SubtaskStatus(status)), event)

    assert (found.event, found.to) == (name, to)


@pytest.mark.parametrize("status", ["failed", "quarantined", "retrying"])
def test_a_person_s_retry_starts_the_counts_anew(status: str) -> None:
    found = _decide(Standing(SubtaskStatus(status), spent=4, interrupted=2), Retry())

    assert found == Decision("retry", SubtaskStatus.READY, spent=0, interrupted=0, fell_back=False)


def test_every_event_has_its_rule() -> None:
    assert set(get_args(machine.Event)) == set(machine._RULES)


# --- failures -------------------------------------------------------------------------------------------------------


def test_a_transient_failure_waits_and_is_counted() -> None:
    found = _decide(_running(spent=1), Failed(Category.TRANSIENT))

    assert (found.event, found.to, found.spent) == ("retry_later", "retrying", 2)
    assert found.wake_at is not None
    assert NOW <= found.wake_at <= NOW + 4_000


@pytest.mark.parametrize(
    "category, attempts",
    [
        (Category.TRANSIENT, 4),
        (Category.RESOURCE, 4),
        (Category.PERMISSION, 2),
        (Category.TIMEOUT, 2),
        (Category.CONFIGURATION, 1),
        (Category.LOGIC, 1),
        (Category.CANCELLED, 1),
    ],
)
def test_the_category_decides_after_how_many_attempts_it_fails(category: Category, attempts: int) -> None:
    spent, decisions = 0, []
    while not decisions or decisions[-1].to is SubtaskStatus.RETRYING:
        decisions.append(_decide(_running(spent=spent), Failed(category)))
        spent = decisions[-1].spent or 0

    assert (len(decisions), decisions[-1].to, decisions[-1].spent) == (attempts, "failed", attempts)


def test_a_wait_that_would_end_after_its_time_fails_at_once() -> None:
    wish = Failed(Category.TRANSIENT, delay=10.0)

    assert _decide(_running(expires_at=NOW + 10_001), wish).to is SubtaskStatus.RETRYING
    assert _decide(_running(expires_at=NOW + 10_000), wish).to is SubtaskStatus.FAILED


def test_a_fallback_takes_over_when_no_attempt_is_left() -> None:
    last = Failed(Category.LOGIC)

    assert _decide(_running(fallback=True, spent=3), last) == Decision(
        "fall_back", SubtaskStatus.READY, spent=0, fell_back=True
    )
    assert _decide(_running(fallback=False), last).to is SubtaskStatus.FAILED
    first = _decide(_running(fallback=True), Failed(Category.TRANSIENT))
    assert first.to is SubtaskStatus.RETRYING


def test_a_fallback_does_not_take_over_what_was_cancelled_or_is_out_of_time() -> None:
    assert _decide(_running(fallback=True), Failed(Category.CANCELLED)).to is SubtaskStatus.FAILED
    assert _decide(_running(fallback=True, expires_at=NOW), Failed(Category.LOGIC)).to is SubtaskStatus.FAILED
    assert _decide(_running(fallback=True, expires_at=NOW + 1), Failed(Category.LOGIC)).to is SubtaskStatus.READY


def test_a_crash_counts_as_an_attempt_and_towards_the_poison_limit() -> None:
    crash = Failed(Category.TRANSIENT, crashed=True)

    first = _decide(RUNNING, crash)
    last = _decide(_running(spent=2, interrupted=POISON_LIMIT - 1), crash)

    assert (first.to, first.spent, first.interrupted) == ("retrying", 1, 1)
    assert (last.event, last.to, last.spent, last.interrupted) == ("quarantine", "quarantined", 3, POISON_LIMIT)


def test_a_failure_that_is_no_crash_leaves_the_count_of_interruptions() -> None:
    found = _decide(_running(interrupted=POISON_LIMIT), Failed(Category.TRANSIENT))

    assert (found.to, found.interrupted) == ("retrying", None)


# --- interruptions --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "policy, event, to",
    [
        ("retry", "requeue", "ready"),
        ("ask", "approval_needed", "awaiting_approval"),
        ("fail", "fail", "failed"),
    ],
)
def test_an_interruption_spends_no_attempt_and_asks_the_policy(policy: str, event: str, to: str) -> None:
    found = _decide(_running(on_interrupt=policy, spent=1), Interrupted())

    assert found == Decision(event, SubtaskStatus(to), interrupted=1)
    assert _decide(_running(on_interrupt=policy), PutBack()).interrupted is None


@pytest.mark.parametrize("policy", ["retry", "ask", "fail"])
def test_one_interruption_too_many_sets_it_apart_whatever_the_policy(policy: str) -> None:
    found = _decide(_running(on_interrupt=policy, interrupted=POISON_LIMIT - 1), Interrupted())

    assert found == Decision("quarantine", SubtaskStatus.QUARANTINED, interrupted=POISON_LIMIT)
