"""What a report of a running task says, and when one is due."""

from __future__ import annotations

import pytest

from api import interim as shown
from engine.answers.interim import EVENT, Interim, causes, counted, interim
from engine.answers.why import Why
from engine.estimates import promise
from engine.estimates.prediction import Prediction
from engine.model import Event, Troubled
from engine.plan.stored import StoredReports
from engine.states import SubtaskStatus

NOW = 1_795_000_000_000
WANTED = StoredReports(None, (75, 25, 50), True)


@pytest.mark.parametrize(
    ("counts", "told", "found"),
    [
        ({"pending": 4}, [], []),
        ({"completed": 1, "pending": 3}, [], ["25 %"]),
        ({"completed": 3, "pending": 1}, ["25 %"], ["50 %", "75 %"]),
        ({"completed": 1, "quarantined": 1, "pending": 2}, ["25 %"], ["50 %", "first_failure"]),
        ({"failed": 1, "pending": 9}, ["first_failure"], []),
        ({"completed": 4}, [], []),
        ({"completed": 3, "failed": 1}, ["25 %"], ["first_failure"]),
        ({}, [], []),
    ],
)
def test_each_cause_is_due_once_and_the_end_is_no_milestone(
    counts: dict[str, int], told: list[str], found: list[str]
) -> None:
    assert causes(WANTED, told, counts) == found


def test_a_hundred_is_said_only_when_nothing_is_left() -> None:
    assert counted({"completed": 999, "processing": 1}).percent == 99
    assert counted({"completed": 999, "failed": 1}).percent == 100


def test_it_says_estimate_against_actual_and_cost_and_comes_back_from_its_text() -> None:
    why = Why("T", None, "processing", "It runs.", [], expected_end=NOW + 30_000)
    failed = Troubled("T.1", "bad", SubtaskStatus.FAILED, True, error='{"message": "no"}')
    estimate = promise.encode(Prediction(80.0, 70.0, 99.0, 80.0, 80.0, {}))
    counts = {"completed": 4, "failed": 1, "processing": 2, "ready": 3, "pending": 0}
    made = interim("50 %", counts, why, [failed], 60.0, estimate, 0.5, ["50 %"], NOW)

    assert made.words == (
        "5 of 10 subtasks are settled (50 %), 1 of them failed, 2 run and 3 wait. "
        "It has taken 1 min and will take about 30 s more; 1 min 20 s in all were expected. It has cost $0.5."
    )
    assert "pending" not in made.counts
    assert Interim.decode(made.encode()) == made
    assert Interim.decode("put back by somebody") is None


def test_what_a_user_has_written_forms_no_part_of_the_page() -> None:
    hostile = "| </td><script>alert(1)</script> `*x*` [a](http://b)"
    failed = Troubled("T.1", hostile, SubtaskStatus.FAILED, True, error='{"message": "<b>"}')
    made = interim("interval", {"failed": 1, "ready": 1}, None, [failed], None, None, 0.0, [], NOW)
    page = shown.listed([Event("T", 7, NOW, "", "processing", 0, EVENT, "", made.encode())] * 2, 1)
    text = shown.markdown("T", page)

    assert page.next_cursor == "7"
    assert "<script>" not in text and "<b>" not in text and "[a](" not in text
    assert "None yet." in shown.markdown("T", shown.listed([], 1))
