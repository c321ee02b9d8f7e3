"""How answers put things, and what a caller likes best."""

from __future__ import annotations

import pytest

from api.accept import preferred
from engine.answers import words


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, "0 s"),
        (0.054, "0.054 s"),
        (1.44, "1.4 s"),
        (9.96, "10 s"),
        (59.4, "59 s"),
        (59.9, "1 min"),
        (185, "3 min 5 s"),
        (3600, "1 h"),
        (7500, "2 h 5 min"),
        (86_400 * 3 + 7200, "3 d 2 h"),
    ],
)
def test_durations(seconds: float, text: str) -> None:
    assert words.duration(seconds) == text


def test_lists_numbers_and_quotes() -> None:
    assert words.listed(["a"]) == "a"
    assert words.listed(["a", "b", "c"]) == "a, b and c"
    assert words.listed(["a", "b", "c", "d", "e"]) == "a, b, c and 2 more"
    assert [words.ordinal(number) for number in (1, 2, 3, 4, 11, 22, 113)] == [
        "1st", "2nd", "3rd", "4th", "11th", "22nd", "113th",
    ]  # fmt: skip
    assert words.counted(1, "subtask") == "1 subtask"
    assert words.counted(1200, "dependency", "dependencies") == "1,200 dependencies"
    assert words.quoted("a\n b " + "x" * 300) == "a b " + "x" * 195 + "…"


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        ("", "application/json"),
        ("*/*", "application/json"),
        ("text/html", "application/json"),
        ("text/markdown", "text/markdown"),
        ("TEXT/Markdown; charset=utf-8", "text/markdown"),
        ("text/*", "text/markdown"),
        ("application/json, text/markdown;q=0.9", "application/json"),
        ("application/json;q=0.5, text/markdown;q=0.9", "text/markdown"),
        ("text/markdown;q=0, */*", "application/json"),
        ("text/markdown;q=much", "application/json"),
    ],
)
def test_the_form_that_is_liked_best(accept: str, chosen: str) -> None:
    assert preferred(accept, ["application/json", "text/markdown"]) == chosen
