"""Base of the stages: an input with a SOURCE, a workshop, and the flags that they share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel

from engine.model import Json
from engine.toolport import Risk
from engine.tools.addresses import endpoint_of
from engine.tools.base import ModelTool
from engine.tools.rows.parameters import parameter_faults
from engine.tools.rows.reuse import files, libraries, steady, url_of
from engine.tools.rows.source import Origin, SourceInput
from engine.tools.rows.workshop import Workshop

M = TypeVar("M", bound=BaseModel)


class Stage(ModelTool[M]):
    """Reads and gives results, and changes nothing: it may be repeated. A result is reused while the files that it was
    made of stay as they are.
    """

    idempotent = True
    risk: Risk = "read"

    def __init__(self, workshop: Workshop) -> None:
        self.workshop = workshop

    def examine(self, value: M) -> None:
        """One source, readable expressions, a sound schema."""
        if isinstance(value, SourceInput):
            value.source_faults(self.workshop.roots)
        parameter_faults(value)

    def cacheable(self, value: Json) -> bool:
        """Not what comes from the web, or is written to a file."""
        return steady(value, self.workshop.roots)

    def taints(self, value: Json) -> bool:
        """What is read from the web."""
        return bool(url_of(value))

    def endpoint(self, value: Json) -> str:
        """The host that the first URL of its sources names."""
        return endpoint_of(url_of(value))

    def environment(self, value: Json) -> Mapping[str, str]:
        """The library that works on rows, and the files that are read."""
        return {**libraries(), **files(value, self.workshop.roots)}

    async def close(self) -> None:
        """Closes the connections that all stages share."""
        await self.workshop.close()


def origins(value: Any) -> list[Origin]:
    """The sources of an input, the one that is joined included."""
    found = [value.origin] if isinstance(value, SourceInput) and value.named() else []
    join = getattr(value, "join", None)
    return found + ([join.origin] if join is not None else [])
