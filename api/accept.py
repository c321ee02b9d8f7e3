"""Which of the forms that a route has its caller likes best (RFC 9110, section 12.5.1)."""

from __future__ import annotations

from collections.abc import Sequence


def preferred(accept: str, offered: Sequence[str]) -> str:
    """The media type among ``offered`` that ``accept`` ranks highest; the first one where it says nothing of use."""
    ranges = [_range(part) for part in accept.split(",") if part.strip()]
    weights = [_weight(kind, ranges) for kind in offered]
    best = max(weights, default=0.0)
    return offered[weights.index(best)] if best > 0 else offered[0]


def _range(part: str) -> tuple[str, float]:
    kind, *parameters = (piece.strip() for piece in part.split(";"))
    weight = 1.0
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "q":
            try:
                weight = float(value)
            except ValueError:
                weight = 0.0
    return kind.lower(), weight


def _weight(kind: str, ranges: Sequence[tuple[str, float]]) -> float:
    """The weight of the most specific range that covers ``kind``; 0 when none does."""
    given = dict(ranges)
    for pattern in (kind, f"{kind.partition('/')[0]}/*", "*/*"):
        if pattern in given:
            return given[pattern]
    return 0.0
