"""What the terminal shows of a task, and how an expected error ends a command."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from api.cli.board import Board, Gap, Node, Row
from api.cli.exits import SHOWN_FAULTS, Stop, code_of, lines_of, report
from api.cli.progress import TALKATIVE_LINES, Display, PlainDisplay, Tally
from api.cli.tree import TreeDisplay, display_for, tree
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
    feed(display_for(1), "a=completed")
    assert capsys.readouterr() == ("", "[1/1] a completed\n")


PLAN = [Node("fetch", "http_request", 0), Node("count", "python", 1), Node("sum 1", "python", 2)]


def test_a_terminal_shows_a_tree_with_what_grew_and_the_last_state_of_each() -> None:
    output = io.StringIO()
    console = Console(file=output, force_terminal=True, width=100, height=40, color_system=None)
    display = display_for(3, PLAN, console=console)
    assert isinstance(display, TreeDisplay)
    items = [f"count[{number}]=completed" for number in range(6)]
    with display:
        feed_into = [
            "=processing",
            "fetch=processing",
            "fetch=failed",
            "count=completed",
            *items,
            "count[6]=processing",
        ]
        for step in feed_into:
            display.see(event(*step.split("=")))
        display.tell("ends about 2026-11-26T17:55:36.202Z (four times of five)")
    last = output.getvalue().rpartition("8/9")[2]
    lines = [" ".join(line.split()) for line in last.splitlines()]
    assert lines[0].startswith("88 % 1 run 1 without success")
    assert "0 ✗ fetch failed" in lines[1]
    assert lines[2].startswith("1 ✓ count")
    assert lines[3].startswith("▶ count[#] ━━━━━━━━━━━━━─── 6/7 1 processing, the longest for")
    assert lines[4].startswith("2 ○ sum 1 pending python")
    assert "ends about" not in last


def test_a_small_screen_shows_what_runs_and_what_failed_and_counts_the_rest() -> None:
    board = Board([Node(f"{chr(97 + number % 26)}{'x' * number}", "noop", number) for number in range(60)])
    for number in range(40):
        board.see(f"{chr(97 + number % 26)}{'x' * number}", "failed" if number == 7 else "completed", 5)
    board.see(f"o{'x' * 40}", "processing", 10)

    shown = board.window(6)

    assert len(shown) == 6
    assert sum(row.rows if isinstance(row, Gap) else 1 for row in shown) == 60
    assert {row.status for row in shown if isinstance(row, Row)} == {"failed", "processing", "pending"}
    assert next(line.plain.split()[0] for line in tree(board, 80, 6, 5010)) == "…"
    assert "5.0s" in "".join(line.plain for line in tree(board, 80, 6, 5010))


@pytest.mark.parametrize(("count", "generations", "rows"), [(500, 1, 1), (5000, 1000, 1), (120, 2, 2)])
def test_unlike_keys_are_rows_of_their_type_where_they_are_too_many(count: int, generations: int, rows: int) -> None:
    keys = ["".join(chr(97 + int(digit)) for digit in str(number)) for number in range(count)]
    board = Board([Node(key, "noop", number % generations) for number, key in enumerate(keys)])
    assert len(board.rows) == rows
    for key in keys:
        board.see(key, "completed", 1)
    assert [row.name for row in board.rows] == ["noop …"] * rows
    assert sum(row.settled for row in board.rows) == count


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
