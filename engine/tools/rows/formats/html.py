"""An HTML table."""

from __future__ import annotations

from html import escape
from html.parser import HTMLParser

from engine.model import Json
from engine.tools.rows.formats.csv import cell
from engine.tools.rows.formats.fault import FormatFault, cells, columns_of, table_rows


class _Tables(HTMLParser):
    """The cells of the first table; tables inside it are text of their cell."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.lines: list[list[str]] = []
        self._depth, self._done = 0, False
        self._open = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002
        if tag == "table":
            self._depth += 1
        if self._done or self._depth != 1:
            return
        if tag == "tr":
            self.lines.append([])
            self._open = False
        elif tag in ("td", "th"):
            if not self.lines:
                self.lines.append([])
            self.lines[-1].append("")
            self._open = True
        elif tag == "br":
            self.handle_data("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag == "table":
            self._depth -= 1
            self._done = self._done or self._depth == 0
        elif tag in ("td", "th", "tr") and self._depth == 1:
            self._open = False

    def handle_data(self, data: str) -> None:
        if self._open and self._depth and not self._done:
            self.lines[-1][-1] += data


def read(text: str) -> list[dict[str, Json]]:
    """The rows of the first table, as texts; its first row holds the names."""
    parser = _Tables()
    parser.feed(text)
    parser.close()
    lines = [[part.strip() for part in line] for line in parser.lines if line]
    if not lines:
        raise FormatFault("there is no table in it")
    return cells(lines[0], lines[1:], "row")


def write(value: Json) -> str:
    """A table; everything in it is escaped."""
    rows = table_rows(value, "HTML table")
    names = columns_of(rows)
    head = "".join(f"<th>{escape(name)}</th>" for name in names)
    lines = ["".join(f"<td>{_escaped(row.get(name))}</td>" for name in names) for row in rows]
    body = "".join(f"<tr>{line}</tr>\n" for line in lines)
    return f"<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}</tbody>\n</table>\n"


def _escaped(value: Json) -> str:
    return escape(cell(value)).replace("\n", "<br>")
