"""Where the data of a typed task is, and how the first stages of a plan refer to it without copying it."""

from __future__ import annotations

import msgspec

from engine.errors import Fault, InvalidInput
from engine.model import Json, Value

PLACES = ("data", "path", "url", "paths")
"""The fields of a task's input that say where its data is; exactly one of them."""
_BESIDE = ("format", "part")
FORMATS = {
    "csv": "csv",
    "json": "json",
    "ndjson": "ndjson",
    "jsonl": "ndjson",
    "parquet": "parquet",
    "yaml": "yaml",
    "yml": "yaml",
    "toml": "toml",
    "xml": "xml",
    "markdown": "markdown",
    "md": "markdown",
    "html": "html",
}
"""Names of formats as people write them, with the one that the stages know."""
_ROW_FORMATS = ("csv", "json", "ndjson", "parquet", "yaml", "toml", "xml")
_ROW_ENDINGS = (".csv", ".tsv", ".json", ".ndjson", ".jsonl", ".parquet")


class Source(Value, frozen=True):
    """A task's data: ``kind`` is one of ``PLACES``; ``fields`` is the SOURCE of a stage that reads all of it.

    ``each`` holds one SOURCE per file where the kind is paths. ``rows`` is the number of rows by value, ``tabular``
    whether it surely is rows, ``partial`` whether the caller already chose a part.
    """

    kind: str
    fields: dict[str, Json]
    each: list[dict[str, Json]] = msgspec.field(default_factory=list)
    rows: int | None = None
    tabular: bool = False
    partial: bool = False


def source_of(input: Json) -> Source:
    """The source in a task's input; the input itself is the data where it names no place.

    Raises:
        InvalidInput: when it names several places, or ``paths`` is no list of files.
    """
    if not isinstance(input, dict) or not (named := [place for place in PLACES if place in input]):
        return _by_value("{{input}}", input, {})
    if len(named) > 1:
        raise _fault("/input", f"should have one of data, path, url and paths, but has {' and '.join(named)}")
    kind = named[0]
    beside: dict[str, Json] = {name: f"{{{{input.{name}}}}}" for name in _BESIDE if input.get(name) is not None}
    if kind == "data":
        return _by_value("{{input.data}}", input["data"], beside, input.get("format"))
    if kind == "paths":
        return _files(input["paths"], beside)
    fields = {kind: f"{{{{input.{kind}}}}}", **beside}
    return Source(kind, fields, tabular=_tabular(input[kind], input.get("format")), partial="part" in beside)


def _by_value(reference: str, data: Json, beside: dict[str, Json], format: Json = None) -> Source:
    rows = len(data) if isinstance(data, list) else None
    tabular = rows is not None or format in _ROW_FORMATS
    return Source("data", {"data": reference, **beside}, rows=rows, tabular=tabular, partial="part" in beside)


def _files(paths: Json, beside: dict[str, Json]) -> Source:
    if not isinstance(paths, list) or not paths:
        raise _fault("/input/paths", "should be a list of at least one file")
    for index, path in enumerate(paths):
        if not isinstance(path, str):
            raise _fault(f"/input/paths/{index}", "should be the path of a file")
    each: list[dict[str, Json]] = [{"path": f"{{{{input.paths[{index}]}}}}", **beside} for index in range(len(paths))]
    return Source("paths", each[0], each, tabular=all(_tabular(path, None) for path in paths))


def _tabular(address: Json, format: Json) -> bool:
    ending = isinstance(address, str) and address.lower().endswith(_ROW_ENDINGS)
    return format in _ROW_FORMATS or (format is None and ending)


def _fault(pointer: str, detail: str) -> InvalidInput:
    return InvalidInput([Fault(pointer, detail)])
