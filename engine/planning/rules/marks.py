"""Addresses, file names and quoted texts of a sentence, taken out before its words are read.

Each becomes a mark, so that no rule ever looks inside of them: a quoted "delete all" is text, and a sentence that
holds an address which no rule expects is not understood.
"""

from __future__ import annotations

import re

from engine.model import Value
from engine.planning.sources import FORMATS

_OPEN, _CLOSE = "\ue000", "\ue001"
MARK = rf"{_OPEN}(\d+){_CLOSE}"
"""The regular expression of one mark; its group is the number."""
_FORMAT_OF = {**FORMATS, "tsv": "csv", "htm": "html", "txt": "text", "text": "text", "log": "text"}
_ENDINGS = "|".join(sorted(_FORMAT_OF, key=len, reverse=True))
_URL = r"https?://[^\s\"'<>“”‘’`]+"
_FILE = rf"(?:\.{{0,2}}/)?[\w][\w.@+-]*(?:/[\w.@+-]+)*\.(?:{_ENDINGS})"
_QUOTED = r"\"[^\"]+\"|“[^”]+”|`[^`]+`|(?<!\w)'[^']+'(?!\w)|‘[^’]+’"
_FIND = re.compile(rf"(?P<quoted>{_QUOTED})|(?P<url>{_URL})|(?<![\w/.-])(?P<file>{_FILE})(?![\w/])", re.IGNORECASE)
_AT_THE_END = ".,;:!?)]"


class Thing(Value, frozen=True):
    """What a mark stands for. ``kind`` is url, file or text; ``format`` is told by the ending, "" when it is not."""

    kind: str
    text: str
    format: str = ""


class Marked(Value, frozen=True):
    """A sentence in small letters with marks, and what they stand for by number."""

    text: str
    things: list[Thing]


def mark(sentence: str) -> Marked | None:
    """Takes the addresses, files and quoted texts out; None for a sentence that already holds signs used as marks."""
    if _OPEN in sentence or _CLOSE in sentence:
        return None
    things: list[Thing] = []

    def put(match: re.Match[str]) -> str:
        text, rest = match[0], ""
        if match["url"]:
            text = match[0].rstrip(_AT_THE_END)
            rest = match[0][len(text) :]
        things.append(_thing(text, match.lastgroup or ""))
        return f"{_OPEN}{len(things) - 1}{_CLOSE}{rest}"

    marked = _FIND.sub(put, sentence)
    return Marked(" ".join(marked.lower().split()), things)


def _thing(text: str, group: str) -> Thing:
    if group == "quoted":
        text = text[1:-1]
        group = "file" if re.fullmatch(_FILE, text, re.IGNORECASE) else "text"
        group = "url" if re.fullmatch(_URL, text, re.IGNORECASE) else group
    if group == "text":
        return Thing("text", text, "text")
    ending = re.search(rf"\.({_ENDINGS})(?:[?#].*)?$", text, re.IGNORECASE)
    return Thing(group, text, _FORMAT_OF[ending[1].lower()] if ending else "")
