"""How answers put things: times, durations, numbers and names in plain words. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from engine.times import iso

LONGEST_QUOTE = 200
"""Characters of somebody else's text that a sentence quotes."""


def duration(seconds: float) -> str:
    """A duration for people: 0.25 s, 12 s, 3 min 5 s, 2 h 5 min, 3 d 2 h."""
    if seconds < 9.95:
        return f"{seconds:.2g} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    for large, small, size, part in (("min", "s", 60, 1), ("h", "min", 3600, 60), ("d", "h", 86_400, 3600)):
        if whole < size * {60: 60, 3600: 24, 86_400: 10**9}[size]:
            rest = whole % size // part
            return f"{whole // size} {large}" + (f" {rest} {small}" if rest else "")
    raise AssertionError(seconds)


def counted(number: int, one: str, many: str = "") -> str:
    """A number with its noun: 1 subtask, 3 subtasks."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def listed(names: Sequence[str], most: int = 3) -> str:
    """Some names in a row: a, b and c; a, b, c and 4 more."""
    shown = list(names[:most])
    if len(names) > most:
        return f"{', '.join(shown)} and {len(names) - most:,} more"
    return " and ".join([", ".join(shown[:-1]), shown[-1]]) if len(shown) > 1 else "".join(shown)


def quoted(text: str) -> str:
    """Somebody else's text on one line, cut when it is long."""
    line = " ".join(text.split())
    return line if len(line) <= LONGEST_QUOTE else line[: LONGEST_QUOTE - 1] + "…"


def ordinal(number: int) -> str:
    """1st, 2nd, 3rd, 11th."""
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number:,}{ending}"


def seen_at(at: int | None, now: int) -> str:
    """A moment in the past, and how long ago that is."""
    if at is None:
        return "at an unknown time"
    return f"{iso(at)} ({duration(max(0.0, (now - at) / 1000))} ago)"
