"""What the terminal shows of a task, and how an expected error ends a command."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from api.cli.exits import SHOWN_FAULTS, Stop, code_of, lines_of, report
from api.cli.progress import TALKATIVE_LINES, Display, LiveDisplay, PlainDisplay, Tally, display_for
from engine.errors import EngineError, Fault, GraphLocked, GraphRefused, InvalidInput, NotFound, SettingsError
from engine.model import Event


def event(key: str, status: str) -> Event:
    return Event(task_id="T", seq=1, at=0, key=key, status=status, token=0)


def feed(display: Display, *steps: str) -> None:
    with display as shown:
        for step in steps:
            shown.see(event(*step.split("=")))


def test_the_tally_follows_repeats_and_late_arrivals() -> None:
    tally = Tally(2)
    assert not tally.add(event("a", "processing"))
    assert list(tally.running) == ["a"]
    assert tally.add(event("a", "failed"))
    assert (tally.settled, tally.bad, list(tally.running)) == (1, 1, [])
    tally.add(event("a", "ready"))
    assert (tally.settled, tally.bad) == (0, 0)
    tally.add(event("a", "completed"))
    for item in ("b[0]", "b[1]", "b[2]"):
        tally.add(event(item, "completed"))
    assert (tally.settled, tally.total) == (4, 4)


def test_plain_lines_name_what_is_settled() -> None:
    lines: list[str] = []
    feed(PlainDisplay(2, write=lines.append), "=processing", "a=processing", "a=completed", "b=blocked", "=failed")
    assert lines == ["[1/2] a completed", "[2/2] b blocked"]


def test_plain_lines_are_bounded_but_failures_are_always_told() -> None:
    lines: list[str] = []
    now = [100.0]
    display = PlainDisplay(1000, write=lines.append, clock=lambda: now[0])
    feed(display, *[f"k{number}=completed" for number in range(TALKATIVE_LINES + 500)])
    assert len(lines) == TALKATIVE_LINES
    feed(display, "bad=failed", "quiet=completed")
    assert lines[-1] == "[601/1000] bad failed"
    now[0] += 1.5
    feed(display, "later=completed", "same_second=completed")
    assert lines[-1] == "[603/1000] later completed"


def test_plain_lines_go_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    feed(display_for(1, live=False), "a=completed")
    assert capsys.readouterr() == ("", "[1/1] a completed\n")


def test_the_live_display_shows_what_runs_and_what_failed() -> None:
    output = io.StringIO()
    console = Console(file=output, force_terminal=True, width=100, color_system=None)
    running = [f"run[{number}]=processing" for number in range(6)]
    feed(LiveDisplay(8, console), "=processing", "a=completed", "bad[0]=failed", *running)
    shown = output.getvalue()
    assert "failed bad[0]" in shown
    assert "2/8" in shown
    assert "run[0], run[1], run[2], run[3] +2" in shown


def test_a_terminal_gets_the_live_display() -> None:
    assert isinstance(display_for(1, live=True), LiveDisplay)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (Stop("x", 3), 3),
        (SettingsError("x"), 2),
        (InvalidInput([]), 2),
        (GraphLocked(), 3),
        (GraphRefused(), 3),
        (NotFound(), 1),
    ],
)
def test_exit_codes(error: Stop | EngineError, code: int) -> None:
    assert code_of(error) == code


def test_an_error_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert report(GraphLocked("held by 42:\n  stop it")) == 3
    assert capsys.readouterr() == ("", "agent03: held by 42: stop it\n")


def test_a_faulty_plan_is_a_line_for_each_fault() -> None:
    faults = [Fault(f"/plan/subtasks/{number}/key", "is missing") for number in range(SHOWN_FAULTS + 3)]
    lines = lines_of(InvalidInput([Fault("", "no plan"), *faults[1:]]))
    assert lines[0] == f"the plan has {SHOWN_FAULTS + 3} fault(s); nothing was stored:"
    assert lines[1:3] == ["  /: no plan", "  /plan/subtasks/1/key: is missing"]
    assert lines[-1] == "  and 3 more"
