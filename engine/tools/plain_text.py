"""Text from outside as plain text: no markup, no control or invisible characters, on one line, not too long."""

from __future__ import annotations

import unicodedata
from html.parser import HTMLParser

_UNSEEN = {"script", "style", "template", "noscript", "iframe", "object", "svg"}
_LONGEST = 100_000
"""Characters that are looked at; what comes after is not."""


def plain_text(value: object, most: int) -> str:
    """At most ``most`` characters of what a person would read in ``value``; "" for what is no text."""
    if not isinstance(value, str):
        return ""
    reader = _Reader()
    reader.feed(value[:_LONGEST])
    reader.close()
    return clipped(" ".join("".join(map(_visible, "".join(reader.parts))).split()), most)


def clipped(text: str, most: int) -> str:
    """At most ``most`` characters of a text; it says where something is left out."""
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"


def _visible(character: str) -> str:
    """Control, formatting (bidirectional, zero-width), private and unassigned characters become spaces or nothing."""
    kind = unicodedata.category(character)
    if kind == "Cf":
        return ""
    return " " if kind[0] in "CZ" else character


class _Reader(HTMLParser):
    """Collects what is read, and no tag."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._unseen = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002
        if tag in _UNSEEN:
            self._unseen += 1
        self.parts.append(" " if tag in ("br", "p", "div", "li", "tr", "td") else "")

    def handle_endtag(self, tag: str) -> None:
        if tag in _UNSEEN and self._unseen:
            self._unseen -= 1

    def handle_data(self, data: str) -> None:
        if not self._unseen:
            self.parts.append(data)
