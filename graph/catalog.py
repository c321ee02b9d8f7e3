"""The statements under ``cypher/``, loaded once at start.

A statement is named by its path without ``.cypher`` ("task/get"). The dialect's folder goes before the shared one.
A name that the code uses and no file has, and a file without a proper header, stop the start, not the hundredth turn.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable

DIALECTS = ("neo4j", "ladybug")


class CatalogError(Exception):
    """A statement is missing or its header is not in order. The installation is broken: install it again."""


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement: its text and what its header says."""

    name: str
    text: str
    purpose: str
    params: frozenset[str]
    moves: str
    returns: str
    fields: Mapping[str, str]
    """Everything that the header says, by its name."""


def _parse(name: str, text: str) -> Statement:
    header: dict[str, str] = {}
    for line in text.splitlines():
        if not line.startswith("//"):
            break
        field, colon, value = line[2:].partition(":")
        if colon:
            header[field.strip()] = value.strip()
    missing = {"purpose", "returns"} - header.keys()
    if missing:
        raise CatalogError(f"cypher/{name}.cypher: the header has no {', '.join(sorted(missing))}")
    params = frozenset(part.strip() for part in header.get("params", "").split(",") if part.strip())
    body = "\n".join(line for line in text.splitlines() if not line.startswith("//"))
    return Statement(name, body, header["purpose"], params, header.get("from -> to", ""), header["returns"], header)


def _walk(folder: Traversable, prefix: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for entry in folder.iterdir():
        if entry.is_dir() and not entry.name.startswith(("_", ".")):
            found |= _walk(entry, f"{prefix}{entry.name}/")
        elif entry.name.endswith(".cypher"):
            found[f"{prefix}{entry.name.removesuffix('.cypher')}"] = entry.read_text("utf-8")
    return found


@cache
def load(dialect: str) -> dict[str, Statement]:
    """Every statement of a dialect by name. Raises ``CatalogError`` for a header that is not in order."""
    everything = _walk(files("cypher"), "")
    shared = {name: text for name, text in everything.items() if name.split("/")[0] not in DIALECTS}
    prefix = f"{dialect}/"
    own = {name.removeprefix(prefix): text for name, text in everything.items() if name.startswith(prefix)}
    return {name: _parse(name, text) for name, text in sorted((shared | own).items())}


def require(dialect: str, names: frozenset[str]) -> dict[str, Statement]:
    """The dialect's statements, after a check that all of ``names`` are there. Raises ``CatalogError``."""
    statements = load(dialect)
    missing = sorted(names - statements.keys())
    if missing:
        raise CatalogError(f"no file for the statement(s) {', '.join(missing)} in the dialect {dialect}")
    return statements


def folder(dialect: str, subject: str) -> list[Statement]:
    """The statements of one subject in the order of their names ("schema", "invariant")."""
    return [statement for name, statement in load(dialect).items() if name.startswith(f"{subject}/")]
