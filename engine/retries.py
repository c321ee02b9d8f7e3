"""Whether a failed attempt is repeated, and after how long. Pure.

The category of the error decides unless the subtask's ``retry`` or the error itself says otherwise. The wait grows
exponentially with full jitter, so that many subtasks that failed together do not come back together.
(Marc Brooker: "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.)
"""

from __future__ import annotations

import random

from engine.errors import Category
from engine.model import Value
from engine.plan.spec import RetrySpec

LONGEST_WISH_SECONDS = 3600.0
"""A service that asks to be left alone (``Retry-After``) is obeyed up to this long."""


class Defaults(Value, frozen=True):
    """What holds where a subtask says nothing: repeats after the first attempt, and the back-off in seconds."""

    max_retries: int = 3
    backoff_seconds: float = 2.0
    max_backoff_seconds: float = 300.0


ONE_REPEAT = frozenset({Category.PERMISSION, Category.TIMEOUT})
"""Permission: after the tool has refreshed its credentials. Timeout: it may have been bad luck once."""
REPEATED = frozenset({Category.TRANSIENT, Category.RESOURCE})
"""Up to ``MAX_RETRIES`` times; a shortage of resources with lower limits and less of the kind at the same time."""


def attempts_allowed(category: Category, retry: RetrySpec | None, wish: bool | None, defaults: Defaults) -> int:
    """How many attempts an error of ``category`` allows in all, the first one included.

    Args:
        category: the error's.
        retry: what the subtask says.
        wish: what the error itself says: repeat it, do not, or None.
        defaults: what holds otherwise.
    """
    if category is Category.CANCELLED or wish is False:
        return 1
    if retry is not None:
        covered = retry.on is None or category.value in retry.on
        return retry.max_attempts if covered or wish else 1
    if wish or category in REPEATED:
        return 1 + defaults.max_retries
    return 2 if category in ONE_REPEAT and defaults.max_retries else 1


def delay_seconds(
    attempt: int, retry: RetrySpec | None, wish: float | None, defaults: Defaults, chance: random.Random
) -> float:
    """How long to wait after failed attempt number ``attempt``, which counts from 1.

    ``wish`` is what the failing service asked for; it is never undercut, and obeyed up to an hour.
    """
    base = defaults.backoff_seconds
    longest = defaults.max_backoff_seconds
    jitter = True
    if retry is not None:
        base = retry.backoff if retry.backoff is not None else base
        longest = retry.max_backoff if retry.max_backoff is not None else max(longest, base)
        jitter = retry.jitter
    wait = min(longest, base * 2.0 ** min(attempt - 1, 60))
    if jitter:
        wait = chance.uniform(0.0, wait)
    return max(wait, min(wish, LONGEST_WISH_SECONDS)) if wish is not None else wait
