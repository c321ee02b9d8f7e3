"""SOURCE: where the rows or the text of a stage come from, as fields of its input."""

from __future__ import annotations

from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from engine.model import Json
from engine.tools.addresses import web_address
from engine.tools.base import Input, InputFault
from engine.tools.roots import Roots

Format = Literal["csv", "json", "ndjson", "parquet", "yaml", "toml", "xml", "markdown", "html", "text"]
TABULAR_FORMATS = ("csv", "json", "ndjson", "parquet", "yaml", "toml", "xml", "markdown", "html")
Kind = Literal["integer", "number", "boolean", "string", "array", "object", "any", "null"]
_PLACES = ("data", "path", "url", "source")


WebAddress = Annotated[str, Field(max_length=65_536), AfterValidator(web_address)]


class Part(Input):
    """Some of the rows."""

    offset: int = Field(ge=0)
    """How many rows come before the first one."""
    rows: int = Field(ge=0)
    """How many rows at most."""


class Origin(Input):
    """Where data comes from: exactly one of ``data``, ``path`` and ``url``, and how to read it."""

    data: Json = None
    """Rows as a list of objects, a text, or the output of an earlier stage."""
    path: str | None = None
    """A file below FILE_ROOTS."""
    url: WebAddress | None = None
    """An http or https address."""
    format: Format | None = None
    """How it is written; guessed from the name or the content when not given."""
    part: Part | None = None
    """Only these rows."""
    columns: dict[str, Kind] | None = None
    """Types found by an earlier validation; a row with another type of value is left out."""
    row_schema: dict[str, Json] | None = None
    """JSON Schema used by an earlier validation; a row that does not follow it is left out."""
    delimiter: str | None = Field(default=None, min_length=1, max_length=1)
    """What separates the fields of a CSV file, found by an earlier validation."""
    bytes: list[int] | None = Field(default=None, min_length=2, max_length=2)
    """First byte of the part in the file and the byte after its last one, found by an earlier validation."""

    @property
    def label(self) -> str:
        """How errors call it; of a URL without what may be secret."""
        if self.path is not None:
            return self.path
        if self.url is not None:
            parts = urlsplit(self.url)
            return f"{parts.scheme}://{parts.hostname}{f':{parts.port}' if parts.port else ''}{parts.path}"
        return "data"

    def faults(self, roots: Roots, *at: str) -> None:
        """Raises ``InputFault`` when it names no place or several, or surely nothing that may be read."""
        named = _named(self)
        if len(named) != 1:
            raise InputFault(_exactly_one(named), *at)
        if self.path is not None and (fault := roots.fault(self.path)):
            raise InputFault(fault, *at, "path")


class SourceInput(Input):
    """Base of the stages that read one SOURCE."""

    data: Json = None
    """Rows as a list of objects, a text, or the output of an earlier stage."""
    path: str | None = None
    """A file below FILE_ROOTS."""
    url: WebAddress | None = None
    """An http or https address."""
    source: Origin | None = None
    """An object with these fields, such as one of the parts that validation gives."""
    format: Format | None = None
    """csv, json, ndjson, parquet, yaml, toml, xml, markdown, html or text; guessed when not given."""
    part: Part | None = None
    """Only these rows: {"offset": rows before the first one, "rows": how many at most}."""

    def named(self) -> list[str]:
        """The places that the input names."""
        return _named(self)

    @property
    def origin(self) -> Origin:
        """The source itself."""
        beside = {"format": self.format, "part": self.part}
        if self.source is not None:
            return self.source.model_copy(update={name: given for name, given in beside.items() if given is not None})
        place = {name: getattr(self, name) for name in self.named()}
        return Origin.model_construct(**{**place, **beside}, _fields_set=set(place) | set(beside))

    def source_faults(self, roots: Roots) -> None:
        """Raises ``InputFault``."""
        named = self.named()
        if len(named) != 1:
            raise InputFault(_exactly_one(named, with_source=True))
        if self.source is not None:
            self.source.faults(roots, "source")
        else:
            self.origin.faults(roots)


def _named(value: Input) -> list[str]:
    """Null is data too, so that a null from an earlier stage is told as such; elsewhere it is nothing."""
    given = value.model_fields_set
    return [name for name in _PLACES if name in given and (name == "data" or getattr(value, name) is not None)]


def _exactly_one(named: list[str], *, with_source: bool = False) -> str:
    places = "data, path, url and source" if with_source else "data, path and url"
    return f"should have exactly one of {places}, but has {' and '.join(named) or 'none'}"
