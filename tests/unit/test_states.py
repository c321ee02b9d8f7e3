"""The table of moves is whole, and docs/states.md and the headers of the Cypher files say nothing else.

``python -m tests.unit.test_states`` writes the page anew.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.states import (
    FINAL,
    SETTLED,
    SUBTASK_MOVES,
    TASK_MOVES,
    Move,
    SubtaskStatus,
    TaskStatus,
    legal_targets,
    legal_task_events,
)
from graph import catalog

PAGE = Path(__file__).parents[2] / "docs" / "states.md"
NOTHING = "nothing"
FIRST = {"pending", "ready"}
"""States in which a new subtask or task starts."""
CREATED = FIRST | {"completed", "skipped"}
"""States in which something is created: a rerun takes over what is settled as it was."""
SETS_STATUS = re.compile(r"\bSET\b(?:(?!\b(?:WITH|MATCH|RETURN|CREATE|CALL|WHERE)\b).)*?\.status\s*=", re.DOTALL)


def _reached(moves: tuple[Move, ...], start: set[str]) -> set[str]:
    reached = set(start)
    while more := {move.target for move in moves if move.source in reached} - reached:
        reached |= more
    return reached


def test_every_state_is_reached_and_nothing_else_is_named() -> None:
    assert _reached(SUBTASK_MOVES, FIRST) == {status.value for status in SubtaskStatus}
    assert _reached(TASK_MOVES, {"pending"}) == {status.value for status in TaskStatus}
    assert {move.source for move in SUBTASK_MOVES} <= {status.value for status in SubtaskStatus}
    assert {move.source for move in TASK_MOVES} <= {status.value for status in TaskStatus}


def test_an_open_subtask_can_always_be_cancelled_or_settled() -> None:
    for status in set(SubtaskStatus) - SETTLED:
        assert SETTLED & set(legal_targets(status)), status


def test_a_settled_subtask_leaves_its_state_only_while_its_task_is_open() -> None:
    outward = [move for move in SUBTASK_MOVES if SubtaskStatus(move.source) in SETTLED]

    assert {move.event for move in outward} == {"retry", "skip", "unblock"}
    assert all("open" in move.guard for move in outward)
    assert legal_targets(SubtaskStatus.COMPLETED) == []


def test_a_final_task_never_moves() -> None:
    assert [move for move in TASK_MOVES if TaskStatus(move.source) in FINAL] == []
    assert [legal_task_events(status) for status in FINAL] == [[], [], []]


def test_every_open_task_can_be_cancelled_and_end() -> None:
    for status in set(TaskStatus) - FINAL:
        assert {"cancel", "finish"} <= set(legal_task_events(status))


def test_the_settled_and_final_states() -> None:
    assert {status.value for status in SETTLED} == {
        "completed",
        "failed",
        "skipped",
        "blocked",
        "cancelled",
        "quarantined",
    }
    assert {status.value for status in FINAL} == {"completed", "failed", "cancelled"}


def test_targets_come_in_the_order_of_the_table_without_repeats() -> None:
    assert legal_targets(SubtaskStatus.FAILED) == [SubtaskStatus.SKIPPED, SubtaskStatus.READY]
    assert legal_task_events(TaskStatus.PENDING) == ["start", "pause", "finish", "cancel"]


@pytest.mark.parametrize("moves", [SUBTASK_MOVES, TASK_MOVES], ids=["subtask", "task"])
def test_no_move_stands_twice_and_each_has_a_guard(moves: tuple[Move, ...]) -> None:
    keys = [(move.event, move.source, move.target) for move in moves]

    assert len(keys) == len(set(keys))
    assert all(move.guard for move in moves)


def _statements() -> list[tuple[str, catalog.Statement]]:
    return [(dialect, one) for dialect in catalog.DIALECTS for one in catalog.load(dialect).values()]


def _pairs(header: str) -> Iterator[tuple[str, str, str]]:
    """(whose, from, to) of every move that a header names: "task a | b -> c; d -> e | f"."""
    for part in header.split(";"):
        sources, _, targets = part.partition("->")
        whose = "task" if sources.split()[0] == "task" else "subtask"
        for source in sources.removeprefix("task ").split("|"):
            for target in targets.split("|"):
                yield whose, source.strip().removeprefix("task "), target.strip()


@pytest.mark.parametrize("whose, moves", [("subtask", SUBTASK_MOVES), ("task", TASK_MOVES)])
def test_the_headers_of_the_statements_name_only_legal_moves(whose: str, moves: tuple[Move, ...]) -> None:
    legal = {(move.source, move.target) for move in moves} | {(NOTHING, first) for first in CREATED}

    named = [
        (dialect, one.name, source, target)
        for dialect, one in _statements()
        if one.moves
        for kind, source, target in _pairs(one.moves)
        if kind == whose
    ]

    assert [move for move in named if move[2:] not in legal] == []
    assert len(named) >= 6


def test_a_statement_that_moves_something_says_so() -> None:
    silent = [(dialect, one.name) for dialect, one in _statements() if SETS_STATUS.search(one.text) and not one.moves]

    assert silent == []
    assert sum(bool(SETS_STATUS.search(one.text)) for _, one in _statements()) >= 10


def test_a_statement_that_moves_subtasks_names_its_guard() -> None:
    for dialect, one in _statements():
        for whose, source, _ in _pairs(one.moves) if one.moves else ():
            if whose == "subtask" and source != NOTHING and not one.name.startswith("task/"):
                assert f"'{source}'" in one.text, (dialect, one.name, source)


def test_both_dialects_move_the_same() -> None:
    def turn(dialect: str) -> set[tuple[str, str, str]]:
        turns = [one for one in catalog.load(dialect).values() if one.name.startswith("turn/") and one.moves]
        return {pair for one in turns for pair in _pairs(one.moves)}

    assert turn("neo4j") == turn("ladybug")


def _diagram(moves: tuple[Move, ...], first: list[str], last: set[str]) -> list[str]:
    events: dict[tuple[str, str], list[str]] = {}
    for move in moves:
        events.setdefault((move.source, move.target), []).append(move.event)
    lines = [f"    [*] --> {status}" for status in first]
    lines += [f"    {source} --> {target}: {', '.join(names)}" for (source, target), names in events.items()]
    lines += [f"    {status} --> [*]" for status in sorted(last)]
    return ["```mermaid", "stateDiagram-v2", *lines, "```"]


def _table(moves: tuple[Move, ...]) -> list[str]:
    rows = [f"| {move.source} | {move.event} | {move.target} | {move.guard} |" for move in moves]
    return ["| from | event | to | when |", "|---|---|---|---|", *rows]


def page() -> str:
    """docs/states.md as the table of moves has it."""
    settled = ", ".join(f"`{status.value}`" for status in SubtaskStatus if status in SETTLED)
    final = ", ".join(f"`{status.value}`" for status in TaskStatus if status in FINAL)
    lines = [
        "# States",
        "",
        "Every state of a subtask and of a task, and every legal move between them. This page is generated from the",
        "table in `engine/states.py`; a test compares the two, and the `from -> to` headers of the Cypher files with",
        "that table. A move that the engine does not offer yet is listed all the same: the graph may hold it.",
        "",
        "## Subtask",
        "",
        f"Settled: {settled}. While its task is open a settled subtask can come back.",
        "",
        *_diagram(SUBTASK_MOVES, sorted(FIRST), set()),
        "",
        *_table(SUBTASK_MOVES),
        "",
        "## Task",
        "",
        f"Final: {final}. Nothing in a final task moves any more: a rerun is a new task.",
        "",
        *_diagram(TASK_MOVES, ["pending"], {status.value for status in FINAL}),
        "",
        *_table(TASK_MOVES),
    ]
    return "\n".join(lines) + "\n"


def test_the_page_is_what_the_table_says() -> None:
    assert PAGE.read_text("utf-8") == page(), "write it anew with `python -m tests.unit.test_states`"


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
