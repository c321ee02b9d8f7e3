"""Reads the body of a task from a file or stdin: JSON, or YAML that means what the same text would mean in JSON.

PyYAML follows YAML 1.1, where ``on`` is true (and a field of ``retry``), 010 is eight, 1:30 is ninety and a date is
an object. The loader here takes the scalars of YAML 1.2 instead, which are those of JSON.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

import msgspec
import yaml

from api.cli.exits import USAGE, Stop
from engine.model import Json


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


def load_yaml(text: str | bytes) -> Json:
    """The value of a YAML text; raises ``yaml.YAMLError``."""
    loader = PlanLoader(text)
    try:
        return loader.get_single_data()
    finally:
        loader.dispose()


def _bytes(name: str) -> bytes:
    try:
        return sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
    except OSError as error:
        raise Stop(f"cannot read {name}: {error.strerror}; name a JSON or YAML file, or - for stdin", USAGE) from None


def _json(data: bytes, shown: str, *, strict: bool) -> Json:
    try:
        return msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        if not strict:
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


class PlanLoader(yaml.SafeLoader):
    """A safe loader with the plain scalars of YAML 1.2."""


def _integer(loader: PlanLoader, node: yaml.ScalarNode) -> int:
    text = str(loader.construct_scalar(node))
    return int(text, 0) if text[:2].lower() in ("0x", "0o") else int(text)


def _float(loader: PlanLoader, node: yaml.ScalarNode) -> float:
    return float(str(loader.construct_scalar(node)).lower().replace(".inf", "inf").replace(".nan", "nan"))


_PLAIN = {
    "null": (r"~|null|Null|NULL|", "~nN\0"),
    "bool": (r"true|True|TRUE|false|False|FALSE", "tTfF"),
    "int": (r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", "-+0123456789"),
    "float": (
        r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)",
        "-+.0123456789",
    ),
}
PlanLoader.yaml_implicit_resolvers = {}
for _tag, (_pattern, _first) in _PLAIN.items():
    _starts = [character.replace("\0", "") for character in _first]
    PlanLoader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(f"(?:{_pattern})\\Z"), _starts)
PlanLoader.add_implicit_resolver("tag:yaml.org,2002:merge", re.compile(r"<<\Z"), ["<"])
PlanLoader.add_constructor("tag:yaml.org,2002:int", _integer)
PlanLoader.add_constructor("tag:yaml.org,2002:float", _float)
