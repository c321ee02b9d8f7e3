"""The plans that are run, in the words of ``POST /tasks``: all of them noops."""

from __future__ import annotations

from tests.support.plans import Body, plan, step


def lanes(width: int, length: int) -> Body:
    """``width`` chains side by side: in every turn so many are settled, unlocked and claimed."""
    return plan(
        *(
            step(f"l{lane}s{index}", *([f"l{lane}s{index - 1}"] if index else ()))
            for index in range(length)
            for lane in range(width)
        )
    )


def size(body: Body) -> int:
    """Subtasks of a plan."""
    return len(body["plan"]["subtasks"])
