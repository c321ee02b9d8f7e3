"""The header ``Idempotency-Key`` of a POST that creates something. What a key means is in ``engine.idempotency``.

The texts of one user are that user's: another who sends the same text learns nothing by it, and is not refused for it.
"""

from __future__ import annotations

import hashlib
from typing import Annotated

from fastapi import Depends, Header, Request

from api.access import Caller
from api.headers import IDEMPOTENCY_KEY
from engine.errors import Fault, InvalidInput
from engine.idempotency import checked

MEANING = (
    "A text of your own, 1 to 255 visible ASCII characters, such as a UUID. Sent again with the same body it gets the "
    "same answer and makes no second task, also after a restart; with another body it is refused (409). It is kept as "
    "long as the task."
)


async def _idempotency_key(
    request: Request,
    caller: Caller,
    given: Annotated[str | None, Header(alias=IDEMPOTENCY_KEY, description=MEANING)] = None,
) -> str | None:
    if len(request.headers.getlist(IDEMPOTENCY_KEY)) > 1:
        raise InvalidInput([Fault("", f"there is more than one {IDEMPOTENCY_KEY} header; send one")])
    if given is None or caller is None or not caller.user_id:
        return given
    return own_text(caller.user_id, checked(given))


def own_text(user_id: str, key: str) -> str:
    """An idempotency key of one user, as it is kept: no other user's is ever the same."""
    return f"user:{hashlib.sha256(f'{len(user_id)} {user_id} {key}'.encode()).hexdigest()}"


IdempotencyKey = Annotated[str | None, Depends(_idempotency_key)]
"""A parameter of a route: the caller's key, None without the header. The engine checks its form."""
