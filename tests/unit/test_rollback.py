"""What is said of a task whose files were put back, and which tasks are."""

from __future__ import annotations

import json

from engine.model import Finish
from engine.plan.stored import StoredBody
from engine.rollback import told, wanted
from engine.states import TaskStatus
from engine.tools.undo import Undone


def end(error: str | None = None) -> Finish:
    """The end of a task."""
    return Finish("T", TaskStatus.FAILED, 1, 0, {}, 0, None, None, error, "")


def test_only_who_asks_for_it_and_does_not_complete_is_rolled_back() -> None:
    asks = StoredBody(on_failure="rollback")
    assert [wanted(asks, status) for status in (TaskStatus.FAILED, TaskStatus.CANCELLED)] == [True, True]
    assert not wanted(asks, TaskStatus.COMPLETED)
    assert not wanted(StoredBody(), TaskStatus.FAILED)


def test_the_event_says_how_many_files_and_the_error_stays_as_it_is() -> None:
    error = json.dumps({"message": "it failed", "suggestion": ""})
    said = told(end(error), Undone(["/a", "/b"]))
    assert (said.detail, said.error) == ("put back 2 file(s)", error)
    assert told(end(), Undone()).detail == "no file to put back"


def test_what_was_not_put_back_is_in_the_error() -> None:
    undone = Undone(["/a"], {f"/{number}": "no room" for number in range(7)})
    error = json.loads(told(end(json.dumps({"message": "it failed", "suggestion": "Mend it."})), undone).error or "")
    assert error["message"].startswith("it failed; not put back: /0 (no room), /1 (no room)")
    assert error["message"].endswith(", 2 more")
    assert error["suggestion"] == "Mend it. Mend that, then put back the rest: agent03 undo T."


def test_a_cancelled_task_has_an_error_only_then() -> None:
    error = json.loads(told(end(), Undone(failed={"/a": "no room"})).error or "")
    assert (error["category"], error["message"]) == ("resource", "cancelled; not put back: /a (no room)")
    assert error["suggestion"] == "Mend that, then put back the rest: agent03 undo T."
