"""A task's body as YAML: what the form of the page sends, where people write plans by hand."""

from __future__ import annotations

import asyncio
from typing import Any

import yaml

from api.yaml12 import PlanLoader
from engine.errors import Fault, InvalidInput, TooLarge
from engine.model import Json

MEDIA_TYPE = "application/yaml"
LIMIT_BYTES = 256 * 1024
"""YAML takes a thousand times as long to read as JSON, and nobody writes so much of it by hand."""


class _Plain(PlanLoader):
    """A loader that takes no aliases: a few lines of them unfold into more than fits in memory."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        """The next node; raises ``yaml.YAMLError`` at an alias."""
        if self.check_event(yaml.AliasEvent):
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            raise yaml.composer.ComposerError(None, None, "write out what the alias stands for", mark)
        return super().compose_node(parent, index)


async def parse_yaml(data: bytes) -> Json:
    """Parses YAML text in a thread; raises ``TooLarge`` and ``InvalidInput``."""
    if len(data) > LIMIT_BYTES:
        raise TooLarge(f"a body in YAML may have {LIMIT_BYTES:,} bytes; send a larger one as JSON")
    try:
        return await asyncio.to_thread(_load, data)
    except (yaml.YAMLError, UnicodeDecodeError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        place = f" in line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        reason = " ".join(str(getattr(error, "problem", None) or error).split())
        raise InvalidInput([Fault("", f"the body is not usable YAML: {reason}{place}")]) from None
    except RecursionError:
        raise InvalidInput([Fault("", "the body is nested too deeply; make it flatter")]) from None


def _load(data: bytes) -> Json:
    loader = _Plain(data)
    try:
        return loader.get_single_data()
    finally:
        loader.dispose()
