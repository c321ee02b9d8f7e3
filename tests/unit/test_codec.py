"""Rows to values and back."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.model import Event, Finish, Pause, Reused
from engine.plan.schema import KEY_PATTERN
from engine.states import SubtaskStatus, TaskStatus
from engine.turn import Change, TaskChanges
from graph import codec, history
from tests.support.plans import chain, new_task, plan, step

KEYS = st.from_regex(KEY_PATTERN.replace("$", r"\Z"))
STATES = st.sampled_from([status.value for status in SubtaskStatus])


@given(key=KEYS, source=STATES, status=STATES, token=st.integers(0, 10**9), detail=st.text())
def test_a_change_survives_its_text(key: str, source: str, status: str, token: int, detail: str) -> None:
    """The detail is what a person wrote: it may hold blanks, and be blank at either end."""
    change = Change("T.0000001", key, "fail", source, status, token, detail)

    assert history.change(history.change_text(change)) == change


@given(detail=st.text())
def test_a_task_s_own_change_has_no_key_and_no_state_before(detail: str) -> None:
    row = history.task_event("T", 7, "finish", "completed", 5, "n", detail)

    assert history.events("T", row, 0) == [Event("T", 7, 5, "", "completed", 0, "finish", "", detail)]
    assert (row["first"], row["last"], row["key"]) == (7, 7, "T:0000000007")


def test_the_event_of_a_pause_says_who_and_until_when() -> None:
    def detail(pause: Pause) -> str:
        return history.events("T", history.paused_event("T", pause, 5, 2, "n"), 0)[0].detail

    assert detail(Pause("ann")) == "ann"
    assert detail(Pause("ann", 99, "cancel")) == "ann; until 1970-01-01T00:00:00.099Z, then cancel"
    assert detail(Pause("", 99)) == "until 1970-01-01T00:00:00.099Z, then resume"
    assert detail(Pause()) == ""


@given(first=st.integers(1, 10**6), number=st.integers(0, 20), after=st.integers(-1, 30))
def test_the_events_of_a_node_are_numbered_and_cut(first: int, number: int, after: int) -> None:
    row = {
        "first": first,
        "at": 1,
        "changes": [f"claim ready processing 1 T.{index} k{index}" for index in range(number)],
    }

    found = history.events("T", row, first + after)

    assert [event.seq for event in found] == [seq for seq in range(first, first + number) if seq > first + after]
    assert all(event.key == f"k{event.seq - first}" for event in found)


@given(st.lists(st.integers(1, 10**10 - 1), min_size=2, max_size=20))
def test_event_keys_sort_by_number(numbers: list[int]) -> None:
    assert sorted(numbers) == sorted(numbers, key=lambda number: history.event_key("T", number))


def test_the_first_counts_leave_zeros_out() -> None:
    assert codec.initial_counts(new_task(chain(3)).subtasks) == {"ready": 1, "pending": 2}
    assert codec.initial_counts(new_task(chain(1)).subtasks) == {"ready": 1}


def test_only_what_waits_for_nothing_is_ready() -> None:
    task = new_task(plan(step("a"), step("b", "a")))

    ready, pending = (codec.subtask_row(subtask, task.id, "n", 9) for subtask in task.subtasks)

    assert (ready["status"], ready["queued_at"]) == ("ready", 9)
    assert ready["ready_key"] == ready["order_key"] == f"{task.id}|{task.subtasks[0].order_key}"
    assert pending["status"] == "pending"
    assert not {"ready_key", "queued_at"} & pending.keys()


def test_a_task_survives_its_row() -> None:
    sent = new_task(chain(2, name="n", user_id="u", tags=["x"], priority=3, max_parallel=2))

    task = codec.task(codec.task_row(sent, "E", "n"))

    for name in ("id", "type", "name", "user_id", "tags", "priority", "max_parallel", "failure_policy", "body"):
        assert getattr(task, name) == getattr(sent, name)
    assert (task.status, task.owner, task.gate, task.started_at) == (TaskStatus.PENDING, "E", "", None)


def test_what_a_rerun_takes_over_is_one_attempt() -> None:
    task = new_task(chain(1))
    taken = msgspec.structs.replace(task.subtasks[0], status=SubtaskStatus.COMPLETED, reused=Reused("[1]", "h", 3))

    row, attempt = codec.subtask_row(taken, task.id, "n", 9), codec.attempt(codec.reused_row(taken, "E", "n", 9))

    assert (row["status"], row["token"], row["completed_at"]) == ("completed", 1, 9)
    assert not {"ready_key", "queued_at"} & row.keys()
    assert (attempt.token, attempt.outcome, attempt.output, attempt.output_hash, attempt.output_bytes) == (
        1,
        "reused",
        "[1]",
        "h",
        3,
    )


def test_a_subtask_shows_its_current_attempt_only() -> None:
    task = new_task(chain(1))
    node = codec.subtask_row(task.subtasks[0], task.id, "n", 1) | {"token": 2, "status": "processing", "error": None}
    old = {"token": 1, "output": "1", "output_hash": "h", "error": "e", "ran_on": "E"}

    running = codec.subtask(node, old)
    settled = codec.subtask(node | {"status": "failed"}, old | {"token": 2})

    assert (running.output, running.error, running.ran_on, running.attempts) == (None, None, "", 2)
    assert (settled.output, settled.error, settled.ran_on) == ("1", "e", "E")


@pytest.mark.parametrize(
    "own, latest, shown",
    [
        ("blocked", None, "blocked"),
        (None, {"error": "attempt's"}, "attempt's"),
        ("rejected", {"error": "interrupted"}, "rejected"),
        (None, None, None),
    ],
)
def test_what_became_of_a_subtask_after_its_last_attempt_is_its_error(
    own: str | None, latest: dict[str, str] | None, shown: str | None
) -> None:
    row = {"id": "T.1", "key": "k", "status": "failed", "critical": True, "error": own}

    assert codec.produced(row, latest).error == codec.troubled(row, latest).error == shown


def test_the_end_of_a_task_brings_its_event() -> None:
    end = Finish("T", TaskStatus.FAILED, 9, 1, {"failed": 1, "completed": 2}, 12, None, None, "e")

    row = codec.finish_row(end, "n")

    assert (row["status"], row["total"], row["event"]["first"], row["error"]) == ("failed", 3, 12, "e")
    assert row["event"]["changes"] == ["finish - failed 0 T "]
    cancelled = codec.finish_row(msgspec.structs.replace(end, status=TaskStatus.CANCELLED, detail="ann"), "n")
    assert cancelled["event"]["changes"] == ["cancel - cancelled 0 T  ann"]


def test_the_changes_of_a_turn_keep_their_order() -> None:
    done = Change("T.1", "a", "succeed", "processing", "completed", 1)
    ready = Change("T.2", "b", "dependencies_settled", "pending", "ready")

    assert history.task_changes("T", 4, [history.change_text(done), history.change_text(ready)]) == TaskChanges(
        "T", 4, [done, ready]
    )
