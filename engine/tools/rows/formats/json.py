"""JSON, and NDJSON with one value per line."""

from __future__ import annotations

import json
import re

import msgspec

from engine.model import Json
from engine.tools.rows.formats.fault import FormatFault

_BYTE = re.compile(r"\s*\(byte (\d+)\)")


def read(text: str) -> Json:
    """The value."""
    try:
        return msgspec.json.decode(text.encode())
    except (msgspec.DecodeError, UnicodeError) as error:
        raise FormatFault(_placed(text, str(error))) from None


def read_lines(text: str) -> list[Json]:
    """The values, one of each line that is not blank."""
    values = []
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            try:
                values.append(msgspec.json.decode(line.encode()))
            except (msgspec.DecodeError, UnicodeError) as error:
                raise FormatFault(f"line {number}: {_BYTE.sub('', str(error))}") from None
    return values


def write(value: Json) -> str:
    """Indented by two blanks."""
    return json.dumps(value, ensure_ascii=False, indent=2) + "\n"


def write_lines(value: Json) -> str:
    """One line for each item of a list; any other value is one line."""
    items = value if isinstance(value, list) else [value]
    return "".join(json.dumps(item, ensure_ascii=False, separators=(",", ":")) + "\n" for item in items)


def _placed(text: str, message: str) -> str:
    found = _BYTE.search(message)
    line = text.encode()[: int(found[1])].count(b"\n") + 1 if found else max(text.count("\n"), 1)
    return f"line {line}: {_BYTE.sub('', message)}"
