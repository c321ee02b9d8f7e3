"""How many requests each key may send: an exact window for each, in this process."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from api.problems import TOO_OFTEN, Refused
from engine.clock import SystemClock
from engine.keys.key import ApiKey
from engine.limits.window import LocalLimiter
from engine.rates import Rate, Want

if TYPE_CHECKING:
    from engine.ports import Clock

MINUTE = 60.0


class Allowance:
    """The requests of the last minute, for each key by itself.

    Args:
        per_minute: requests that a key may send in any minute; 0 for any number.
        clock: tells the time.
    """

    def __init__(self, per_minute: int, clock: Clock | None = None) -> None:
        self._rate = Rate(per_minute, MINUTE) if per_minute else None
        self._limiter = LocalLimiter(clock or SystemClock())

    async def spend(self, caller: ApiKey) -> None:
        """Counts one request; raises ``Refused``, 429 with ``Retry-After``, when it is one too many."""
        if self._rate is None:
            return
        denied = await self._limiter.take([Want(caller.id, caller.subject, self._rate)], caller.id)
        if denied is not None:
            seconds = max(1, math.ceil(denied.wait or 1))
            many = f"the key of {caller.subject} may send {self._rate.count} requests a minute (KEY_RATE)"
            raise Refused(TOO_OFTEN, f"{many}: wait {seconds} s", {"Retry-After": str(seconds)})
