"""Collects everything that is wrong with a body, so that the caller mends it all at once.

The list is bounded: a plan of 250,000 subtasks can be wrong in as many places, and nobody reads more than a page.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from engine.errors import Fault, InvalidInput
from engine.model import Json
from engine.plan.nearest import Nearest

MAX_LISTED = 100
"""Faults that are listed one by one; the rest is counted."""

_SHOWN = 80
_OPTION = re.compile(r"'([^']*)'")


class Faults:
    """The faults found so far, each place and detail once."""

    def __init__(self) -> None:
        self._listed: dict[Fault, None] = {}
        self._more = 0

    @property
    def full(self) -> bool:
        """No more will be listed, so details that are costly to word need not be worded."""
        return len(self._listed) >= MAX_LISTED

    def at(self, pointer: str) -> bool:
        """Whether one is listed at a JSON pointer."""
        return any(fault.pointer == pointer for fault in self._listed)

    def add(self, pointer: str, detail: str) -> None:
        """Notes a fault at a JSON pointer."""
        if self.full:
            self._more += 1
        else:
            self._listed[Fault(_clean(pointer), _clean(detail))] = None

    def add_shape(self, base: str, raw: Json, error: ValidationError, fields: Collection[str]) -> None:
        """Notes every fault that a model found in ``raw``, which stands at the pointer ``base``."""
        known = Nearest(fields)
        for item in error.errors(include_url=False, include_context=False):
            path = existing(raw, item["loc"], keep_last=item["type"] == "missing")
            self.add(base + pointer(*path), _wording(item, path, known))

    def raise_any(self) -> None:
        """Raises ``InvalidInput`` with all of them when there are any."""
        if self._listed:
            more = [Fault("", f"and {self._more:,} more faults; mend these first")] if self._more else []
            raise InvalidInput([*self._listed, *more])


def pointer(*path: str | int) -> str:
    """The RFC 6901 JSON pointer of a path; "" is the whole document."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path)


def existing(value: Json, path: Sequence[str | int], *, keep_last: bool) -> list[str | int]:
    """``path`` without the parts that ``value`` does not have: models add the names of union branches.

    ``keep_last`` keeps a last part that is missing from an object, because it names the field that should be there.
    """
    kept: list[str | int] = []
    for number, part in enumerate(path):
        if _holds(value, part):
            value = value[part]
        elif not (keep_last and number == len(path) - 1 and isinstance(value, dict)):
            continue
        kept.append(part)
    return kept


def _holds(value: Json, part: str | int) -> bool:
    """Whether an object has a field, or a list an element, of that name."""
    if isinstance(value, dict):
        return part in value
    return isinstance(value, list) and isinstance(part, int) and part < len(value)


def quoted(text: str) -> str:
    """``text`` in quotes, shortened, for a message."""
    return f'"{text}"' if len(text) <= _SHOWN else f'"{text[: _SHOWN - 3]}..."'


def _wording(item: ErrorDetails, path: Sequence[str | int], known: Nearest) -> str:
    if item["type"] == "missing":
        return "is missing"
    if item["type"] == "extra_forbidden":
        name = str(path[-1])
        return f"there is no field {quoted(name)} here" + (known.hint(name) if len(path) == 1 else "; leave it out")
    message = item["msg"]
    if item["type"] in ("literal_error", "enum") and isinstance(item["input"], str):
        message += Nearest(_OPTION.findall(message)).hint(item["input"])
    return message.removeprefix("Input ").removeprefix("Value error, ")


def _clean(text: str) -> str:
    """``text`` as it can be encoded: a lone surrogate, itself a fault, must not break the answer."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()
