"""Which format a text or a file has, by its name and by how it begins."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

import msgspec

_ENDINGS = {
    **dict.fromkeys((".csv", ".tsv"), "csv"),
    **dict.fromkeys((".ndjson", ".jsonl"), "ndjson"),
    **dict.fromkeys((".yaml", ".yml"), "yaml"),
    **dict.fromkeys((".md", ".markdown"), "markdown"),
    **dict.fromkeys((".html", ".htm"), "html"),
    **dict.fromkeys((".txt", ".text", ".log"), "text"),
    **{f".{name}": name for name in ("json", "parquet", "toml", "xml")},
}
_MARKDOWN_RULE = re.compile(r"\s*\|?(\s*:?-{3,}:?\s*\|)+(\s*:?-{3,}:?\s*)?\|?\s*")
DELIMITERS = (",", ";", "\t", "|")


def by_name(name: str) -> str | None:
    """The format that the ending of a path says; None when it says none."""
    return _ENDINGS.get(PurePosixPath(name).suffix.lower())


def by_content(start: bytes) -> str:
    """The format of something that begins so; text when it looks like nothing else."""
    if start.startswith(b"PAR1"):
        return "parquet"
    text = start.decode("utf-8-sig", errors="replace").lstrip()
    if text[:1] in ("{", "["):
        return _json_or_ndjson(text)
    if text.startswith("<"):
        head = text[:2_000].lower()
        return "html" if "<!doctype html" in head or "<html" in head or text.lower().startswith("<table") else "xml"
    lines = text.splitlines()
    if len(lines) > 1 and _MARKDOWN_RULE.fullmatch(lines[1]) and "|" in lines[0]:
        return "markdown"
    return "csv" if _is_csv(lines) else "text"


def _json_or_ndjson(text: str) -> str:
    """One object a line is NDJSON, if there are several lines."""
    first, _, rest = text.partition("\n")
    if not rest.strip():
        return "json"
    try:
        return "ndjson" if isinstance(msgspec.json.decode(first), dict) else "json"
    except msgspec.DecodeError:
        return "json"


def _is_csv(lines: list[str]) -> bool:
    """Several lines, with the same number of the same delimiter in each of the first ones, and no blank after it."""
    some = [line for line in lines[:10] if line.strip()]
    if len(lines) > 10:
        some = some[:-1]  # it may be cut off
    if len(some) < 2:
        return False
    return any(
        some[0].count(sign) > 0
        and all(line.count(sign) == some[0].count(sign) or '"' in line for line in some)
        and not all(f"{sign} " in line for line in some)
        for sign in DELIMITERS
    )


def delimiter(line: str) -> str:
    """What separates the fields of a header: the sign that it has most of, a comma when it has none."""
    return max(DELIMITERS, key=lambda sign: (line.count(sign), -DELIMITERS.index(sign)))
