"""The header ``Idempotency-Key`` of a POST that creates something. What a key means is in ``engine.idempotency``."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Header, Request

from api.headers import IDEMPOTENCY_KEY
from engine.errors import Fault, InvalidInput

MEANING = (
    "A text of your own, 1 to 255 visible ASCII characters, such as a UUID. Sent again with the same body it gets the "
    "same answer and makes no second task, also after a restart; with another body it is refused (409). It is kept as "
    "long as the task."
)


async def _idempotency_key(
    request: Request, given: Annotated[str | None, Header(alias=IDEMPOTENCY_KEY, description=MEANING)] = None
) -> str | None:
    if len(request.headers.getlist(IDEMPOTENCY_KEY)) > 1:
        raise InvalidInput([Fault("", f"there is more than one {IDEMPOTENCY_KEY} header; send one")])
    return given


IdempotencyKey = Annotated[str | None, Depends(_idempotency_key)]
"""A parameter of a route: the caller's key, None without the header. The engine checks its form."""
