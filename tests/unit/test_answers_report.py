"""Reports from subtasks by hand: what ran at once, what took longest, what was estimated; and their Markdown."""

from __future__ import annotations

import re

from api.markdown import code, plain, render
from api.report_view import report_view
from engine.answers import story
from engine.answers.facts import Behind
from engine.answers.report import MOST, Gathered, Tally, busy
from engine.answers.story import Failure, Path, Report
from engine.lookups import Timing
from engine.model import Event
from engine.states import TaskStatus
from tests.support.facts import timing
from tests.support.fake_engine import NOW, a_task


def _gathered(*rows: Timing) -> Gathered:
    tally = Tally(NOW + 10_000)
    for row in rows:
        tally.add(row)
    return tally.gathered()


def test_how_many_ran_at_once() -> None:
    found = busy([0, 0, 10, 20], [10, 30, 20, 30])
    assert (found.peak, found.peak_at, found.average, found.seconds) == (2, 0, 2.0, 0.06)
    assert busy([5], [5]).peak == 1
    assert busy([], []).peak == 0
    late = busy([0, 100, 110, 120], [90, 200, 200, 200])
    assert (late.peak, late.peak_at) == (3, 120)


def test_what_ran_is_told_apart_from_what_was_reused_and_what_never_ran() -> None:
    found = _gathered(
        timing("a", 0, 1000),
        timing("b", 1000, 4000, attempts=3, queued_at=NOW + 500),
        timing("c", None, None, status="blocked", attempts=0),
        timing("d", 0, 0, outcome="cached", expected=7.0, saved_seconds=9.0, saved_cost=0.5),
        timing("e", 0, 0, outcome="reused", expected=2.0),
        timing("f", 2000, None, status="processing"),
        timing("g", None, 4500, status="skipped", attempts=0),
    )
    assert (found.subtasks, found.first_start, found.last_end) == (7, NOW, NOW + 10_000)
    assert found.last is not None
    assert found.last.key == "b"
    assert [(row.key, row.seconds, row.waited) for row in found.slowest] == [("b", 3.0, 0.5), ("a", 1.0, 0.0)]
    assert [(row.type, row.count, row.seconds, row.longest) for row in found.types] == [("noop", 2, 4.0, 3.0)]
    assert (found.repeats.subtasks, found.repeats.attempts, found.repeats.most) == (1, 2, [("b", 3)])
    saved = found.saved
    assert (saved.cached, saved.reused, saved.seconds, saved.known, saved.cost) == (1, 1, 11.0, 2, 0.5)
    assert (found.busy.peak, found.busy.peak_at) == (2, NOW + 2000)


def test_estimates_are_held_against_what_it_took() -> None:
    found = _gathered(
        timing("slow", 0, 9000, expected=1.0),
        timing("quick", 0, 1000, expected=4.0),
        timing("tiny", 0, 1, expected=0.02),
        timing("failed", 0, 5000, expected=1.0, status="failed"),
        timing("unknown", 0, 5000),
    ).estimates
    assert (found.count, found.expected, found.actual) == (3, 5.02, 10.001)
    assert [(row.key, row.expected, row.actual) for row in found.longer] == [("slow", 1.0, 9.0)]
    assert [row.key for row in found.shorter] == ["quick"]


def test_lists_hold_the_largest_and_no_more() -> None:
    found = _gathered(*(timing(f"k{n}", 0, n * 100) for n in range(1000)))
    assert [row.key for row in found.slowest] == [f"k{n}" for n in range(999, 999 - MOST, -1)]


def test_the_way_back_says_what_waited_between() -> None:
    path = story.way([timing("c", 5000, 6000), timing("b", 2000, 4000), timing("a", 0, 2000)], cut=False)
    assert [(hop.key, hop.seconds, hop.waited) for hop in path.hops] == [("a", 2, 0), ("b", 2, 0), ("c", 1, 1)]
    assert (path.seconds, path.waited) == (5.0, 1.0)


# --- in words -------------------------------------------------------------------------------------------------------

HOSTILE = (
    "# Not a title\n\n| a | b |\n|---|---|\n```\n<script>alert(1)</script> "
    "[x](javascript:1) ![i](u) **bold** `code`\u202e"
)


def _report(**fields: object) -> Report:
    gathered = _gathered(timing("a", 0, 3000, expected=1.0, attempts=2), timing("b", 3000, 6000))
    task = a_task(
        status=TaskStatus.FAILED,
        name=HOSTILE.replace("\n", " "),
        description=HOSTILE,
        completed_at=NOW + 6000,
        counts={"completed": 1, "failed": 1, "blocked": 2},
    )
    failure = Failure("a|`b", "failed", True, "logic", HOSTILE, HOSTILE, 2, Behind(2, ["x"], more=True))
    path = story.way([timing("b", 3000, 6000), timing("a", 0, 3000)], cut=False)
    events = [
        Event(task.id, 1, NOW, "", "pending", 0, "created"),
        Event(task.id, 9, NOW, "", "x", 0, "pause", "", HOSTILE),
    ]
    made = {
        "task": task,
        "at": NOW,
        "words": story.summary(task, gathered, 1, NOW),
        "seconds": 6.0,
        "slots": 10,
        "result": '{"a": "```"}',
        "gathered": gathered,
        "phases": story.phases(task, gathered, NOW),
        "timeline": story.timeline(events, gathered),
        "failures": [failure],
        "failed": 12,
        "path": path,
        "next": story.advice(task, gathered, [failure], path, 10),
    }
    return Report(**(made | fields))  # type: ignore[arg-type]


def test_the_summary_and_the_advice() -> None:
    report = _report()
    assert report.words == (
        "The task ended failed after 6 s: 1 of 4 subtasks completed. 1 subtask failed, and 2 others could not run "
        "because of that. 1 subtask took 1 further attempt."
    )
    assert [(phase.name, phase.seconds) for phase in report.phases] == [
        ("waiting", 0.0),
        ("executing", 6.0),
        ("finishing", 0.0),
    ]
    assert report.next[1] == "then POST /tasks/T0001/rerun runs what failed, and keeps what completed"
    assert report.next[2].startswith("100% of the time went along one chain; its longest part is a with 3 s")
    open_task = a_task(counts={"awaiting_approval": 1})
    assert story.advice(open_task, report.gathered, [], Path(), 10) == [
        "1 subtask waits for a person: GET /tasks/T0001/subtasks?status=awaiting_approval lists them",
        "GET /tasks/T0001/why says what holds it up now",
    ]
    full = story.advice(report.task, report.gathered, [], report.path, 1)
    assert full == ["the slots were full most of the time: a larger MAX_PARALLEL_TASKS than 1 may make it quicker"]


def test_what_users_write_does_not_become_part_of_the_page() -> None:
    odd = {"key": "`x`\n```\n# <b>", "type": "noop", "status": "failed", "critical_path": True, "seconds": None}
    whole = render(_report(), {"nodes": [odd], "edges": [], "critical_path": []})
    page, pictures = re.subn(
        r"(?ms)^```mermaid\n(?:(?:flowchart LR|gantt|  [^`<\n]*(?:<br/>[^`<\n]*)?)\n)+```$", "", whole
    )
    assert pictures == 2
    lines = page.splitlines()
    assert [line for line in lines if line.startswith("#")] == [
        lines[0],
        "## Graph",
        "## Timeline",
        "## Failures",
        "## Slowest subtasks",
        "## Types",
        "## What decided when it ended",
        "## Estimate against actual",
        "## Retries",
        "## What to do next",
    ]
    assert "<" not in page
    assert "\u202e" not in page
    assert not [line for line in lines if line.startswith(("```", "|---|---|\n"))]
    outside = re.sub(r"(`+).+?\1", "", page)
    for active in ("**bold", "](", "![", "`code"):
        assert active not in outside.replace("\\" + active[0], "")
    for row in (line for line in lines if line.startswith("|")):
        cells = len(re.findall(r"(?<!\\)\|", row)) - 1
        assert cells in (2, 3, 4, 5), row
    failures = page[page.index("## Failures") : page.index("## Slowest")].splitlines()
    assert {len(re.findall(r"(?<!\\)\|", row)) for row in failures if row.startswith("|")} == {6}
    assert "at least 2" in failures[4]
    assert "11 more failed." in failures


def test_text_and_code_of_others() -> None:
    assert plain("a\nb  c\t*d*") == r"a b c \*d\*"
    assert plain("- x") == r"\- x"
    assert plain("1. x") == r"1\. x"
    assert plain("x" * 400) == "x" * 299 + "…"
    assert code("a`b``c") == "```a`b``c```"
    assert code("`") == "`` ` ``"
    assert code("a|b") == r"`a\|b`"
    assert code("") == ""


def test_the_json_says_the_same() -> None:
    view = report_view(_report())
    assert (view.failed, view.failures[0].behind.more, view.busy.peak, view.busy.slots) == (12, True, 1, 10)
    assert ([hop.key for hop in view.path.hops], view.estimates.count) == (["a", "b"], 1)
    assert view.retries.most == [("a", 2)]
