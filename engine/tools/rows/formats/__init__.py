"""Reading and writing texts: one file per format.

What is read from JSON, YAML and TOML has types. CSV, XML, Markdown and HTML know only text, so the caller finds out
what their cells mean.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from engine.model import Json
from engine.tools.rows.faults import bad_data
from engine.tools.rows.formats import csv, html, json, markdown, toml, xml, yaml
from engine.tools.rows.formats.fault import FormatFault

Family = Literal["text", "json"]
_READERS: dict[str, tuple[Callable[[str], Json], Family]] = {
    "json": (json.read, "json"),
    "ndjson": (json.read_lines, "json"),
    "yaml": (yaml.read, "json"),
    "toml": (toml.read, "json"),
    "csv": (csv.read, "text"),
    "xml": (xml.read, "text"),
    "markdown": (markdown.read, "text"),
    "html": (html.read, "text"),
}
_WRITERS: dict[str, Callable[[Json], str]] = {
    "json": json.write,
    "ndjson": json.write_lines,
    "yaml": yaml.write,
    "toml": toml.write,
    "csv": csv.write,
    "xml": xml.write,
    "markdown": markdown.write,
    "html": html.write,
}


def parse(text: str, format: str, label: str) -> tuple[Json, Family]:
    """The value of a text, and whether its cells are only text.

    Raises:
        ToolError: names ``label`` and the line where it cannot be read.
    """
    if format == "text":
        return text, "text"
    if format not in _READERS:
        raise bad_data(label, f"{format} is no text", "Name a file.")
    read, family = _READERS[format]
    try:
        return read(text), family
    except FormatFault as fault:
        raise bad_data(label, f"it is no {format}: {fault}", "Correct it, or name its format.") from None
    except RecursionError:
        raise bad_data(label, f"it is no {format}: it is nested too deeply", "Make it flatter.") from None


def render(value: Json, format: str) -> str:
    """A value, most often rows, as text; raises ``ToolError`` when the format cannot carry it."""
    if format == "text":
        return value if isinstance(value, str) else json.write(value)
    try:
        return _WRITERS[format](value)
    except FormatFault as fault:
        raise bad_data(format, str(fault), "Choose another format, such as json.") from None
