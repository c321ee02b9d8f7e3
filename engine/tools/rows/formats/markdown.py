"""A Markdown table (the pipe syntax of GitHub)."""

from __future__ import annotations

import re

from engine.model import Json
from engine.tools.rows.formats.csv import cell
from engine.tools.rows.formats.fault import FormatFault, cells, columns_of, table_rows

_RULE = re.compile(r"\s*\|?(\s*:?-+:?\s*\|)*\s*:?-+:?\s*\|?\s*")
_BAR = re.compile(r"(?<!\\)\|")
_BREAK = re.compile(r"<br ?/?>")


def read(text: str) -> list[dict[str, Json]]:
    """The rows of the first table, as texts."""
    lines = text.splitlines()
    for index, line in enumerate(lines[1:], 1):
        if "|" in lines[index - 1] and "-" in line and _RULE.fullmatch(line):
            body = []
            for row in lines[index + 1 :]:
                if "|" not in row:
                    break
                body.append(_split(row))
            return cells(_split(lines[index - 1]), body, "row")
    raise FormatFault("there is no table in it (a line of names, then a line of dashes)")


def write(value: Json) -> str:
    """A table. Bars are escaped, and so is what would be HTML; line breaks become <br>."""
    rows = table_rows(value, "Markdown table")
    names = columns_of(rows)
    if not names:
        return ""
    lines = [map(_escaped, names), ["---"] * len(names), *([_escaped(row.get(name)) for name in names] for row in rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _split(line: str) -> list[str]:
    inner = line.strip()
    inner = inner.removeprefix("|")
    if inner.endswith("|") and not inner.endswith("\\|"):
        inner = inner[:-1]
    return [_plain(part.strip()) for part in _BAR.split(inner)]


def _plain(text: str) -> str:
    text = _BREAK.sub("\n", text).replace("\\|", "|").replace("\\\\", "\\")
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def _escaped(value: Json) -> str:
    text = cell(value).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("\r\n", "\n").replace("\n", "<br>")
