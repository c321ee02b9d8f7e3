"""What a text can be checked for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from engine.errors import Category, ToolError
from engine.model import Json
from engine.tools.rows.formats import parse


@dataclass(frozen=True, slots=True)
class TextChecks:
    """Lengths are characters; ``contains`` must all be there; ``parses_as`` is a format."""

    min_length: int | None
    max_length: int | None
    contains: list[str]
    parses_as: str | None

    @property
    def asked(self) -> bool:
        """Whether there is anything to check."""
        return bool(self.contains or self.parses_as) or (self.min_length, self.max_length) != (None, None)


def check_text(text: str, checks: TextChecks, on_fault: str) -> dict[str, Json]:
    """{"data": text, "valid", "faults"}; raises ``ToolError`` when a fault is to end the stage."""
    faults: list[Json] = [{"row": None, "column": None, "message": message} for message in _faults(text, checks)]
    if faults and on_fault == "fail":
        raise ToolError(
            "; ".join(fault["message"] for fault in faults[:5]),
            category=Category.LOGIC,
            suggestion='Correct the text, or only report with "on_fault": "drop".',
            output={"faults": faults},
        )
    return {"data": text, "valid": not faults, "faults": faults}


def _faults(text: str, checks: TextChecks) -> Iterator[str]:
    if checks.min_length is not None and len(text) < checks.min_length:
        yield f"the text has {len(text)} characters, fewer than {checks.min_length}"
    if checks.max_length is not None and len(text) > checks.max_length:
        yield f"the text has {len(text)} characters, more than {checks.max_length}"
    for wanted in checks.contains:
        if wanted not in text:
            yield f"the text does not contain {wanted!r}"
    if checks.parses_as is not None:
        try:
            parse(text, checks.parses_as, "the text")
        except ToolError as error:
            yield str(error)
