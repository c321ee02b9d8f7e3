"""Reads the body of a task from a file or stdin: JSON, or YAML that means what the same text would mean in JSON."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import msgspec
import yaml

from api.cli.exits import USAGE, Stop
from api.yaml12 import load_yaml
from engine.model import Json


def read_task(text: str) -> Json:
    """The task in a file or on stdin; a text with blanks that names no file is a sentence. Raises ``Stop``."""
    if text != "-" and any(map(str.isspace, text)) and not _is_file(text):
        return {"description": text}
    return read_plan(text)


def _is_file(text: str) -> bool:
    try:
        return Path(text).exists()
    except OSError:
        return False  # too long for a path


def read_plan(name: str) -> Json:
    """The body in the file ``name``, or on stdin for "-".

    Raises:
        Stop: in one line, with exit code 2, when there is no such file or its content cannot be read.
    """
    data = _bytes(name)
    shown = "stdin" if name == "-" else name
    if not data.strip():
        raise Stop(f"{shown} is empty; it should hold a task as JSON or YAML", USAGE)
    if name.endswith(".json") or data.lstrip()[:1] in (b"{", b"["):
        return _json(data, shown, strict=name.endswith(".json"))
    return _yaml(data, shown)


def _bytes(name: str) -> bytes:
    try:
        return sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
    except OSError as error:
        raise Stop(f"cannot read {name}: {error.strerror}; name a JSON or YAML file, or - for stdin", USAGE) from None


def _json(data: bytes, shown: str, *, strict: bool) -> Json:
    try:
        return msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        if not strict and not isinstance(error, RecursionError):
            return _yaml(data, shown)  # YAML has braces too
        raise Stop(f"{shown} is not usable JSON: {error}{_place(data, str(error))}", USAGE) from None


def _yaml(data: bytes, shown: str) -> Json:
    try:
        return load_yaml(data)
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        place = f" in line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        reason = " ".join(str(getattr(error, "problem", None) or error).split())
        raise Stop(f"{shown} is neither usable JSON nor YAML: {reason}{place}", USAGE) from None


def _place(data: bytes, message: str) -> str:
    """Line and column for the parser's "(byte N)"."""
    found = re.search(r"\(byte (\d+)\)", message)
    if not found:
        return ""
    before = data[: int(found[1])]
    line, column = before.count(b"\n") + 1, len(before) - before.rfind(b"\n")
    return f", in line {line}, column {column}"
