"""Which of the forms that a route has its caller likes best (RFC 9110, section 12.5.1)."""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import HTTPException, Response
from fastapi.datastructures import DefaultPlaceholder
from fastapi.requests import HTTPConnection
from fastapi.routing import APIRoute


def preferred(accept: str, offered: Sequence[str]) -> str:
    """The media type among ``offered`` that ``accept`` ranks highest; the first one where it says nothing of use."""
    ranges = [_range(part) for part in accept.split(",") if part.strip()]
    weights = [_weight(kind, ranges) for kind in offered]
    best = max(weights, default=0.0)
    return offered[weights.index(best)] if best > 0 else offered[0]


def acceptable(accept: str, offered: Sequence[str]) -> bool:
    """Whether a caller who sends ``accept`` takes one of the forms; whoever sends nothing takes any."""
    ranges = [_range(part) for part in accept.split(",") if part.strip()]
    return not ranges or any(_weight(kind, ranges) > 0 for kind in offered)


async def refuse_unacceptable(connection: HTTPConnection) -> None:
    """A dependency of every route: nothing is done for a caller who would not take the answer.

    Raises:
        HTTPException: 406.
    """
    route = connection.scope.get("route")
    if connection.scope["type"] != "http" or not isinstance(route, APIRoute):
        return
    offered = _offered(route)
    if offered and not acceptable(connection.headers.get("accept", ""), offered):
        raise HTTPException(
            406, f"This is served as {', '.join(offered)}; name one of them in Accept, or leave it out."
        )


def _offered(route: APIRoute) -> list[str]:
    """The forms of what a route answers with; none when it has no body, or is not part of the contract."""
    if route.status_code == 204 or not route.include_in_schema:
        return []
    given = route.response_class
    made: type[Response] = given.value if isinstance(given, DefaultPlaceholder) else given
    own = [made.media_type] if made.media_type else []
    return own + list(route.responses.get(route.status_code or 200, {}).get("content", ()))


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
