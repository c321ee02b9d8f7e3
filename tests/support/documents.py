"""The fenced blocks of a Markdown document, by the heading that they stand under."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from tests.support.transcripts import REPOSITORY

README = REPOSITORY / "README.md"
QUICKSTART = REPOSITORY / "docs" / "quickstart.md"
_FENCE = re.compile(r"```(\w*)")
_SAVED = re.compile(r"as `([\w.]+)`:$")


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block: its language, its heading, and the file that the text before it wants it saved as, or ""."""

    language: str
    text: str
    heading: str
    saved_as: str


def blocks(document: Path) -> list[Block]:
    """Every fenced block, in order."""
    found: list[Block] = []
    heading = before = ""
    lines = iter(document.read_text(encoding="utf-8").splitlines())
    for line in lines:
        if fence := _FENCE.fullmatch(line):
            inside: list[str] = []
            while (line := next(lines)) != "```":
                inside.append(line)
            saved = _SAVED.search(before)
            found.append(Block(fence[1], "\n".join(inside) + "\n", heading, saved[1] if saved else ""))
        elif line.startswith("#"):
            heading = line.lstrip("# ")
        before = line or before
    return found


def prose(document: Path) -> str:
    """The document without its fenced blocks."""
    return re.sub(r"(?ms)^```.*?^```$", "", document.read_text(encoding="utf-8"))
